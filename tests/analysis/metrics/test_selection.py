from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from contexta.analysis.metrics.selection import select_best
from contexta.findings import RankedRun

VALUES = st.lists(st.one_of(st.none(), st.floats(), st.integers(-(10**400), 10**400)), max_size=8)


def candidates(values: list[int | float | None]) -> list[RankedRun]:
    return [
        RankedRun(run_ref=f"run:p.r{number}", name="r", status="completed", value=value, rank=None)
        for number, value in enumerate(values)
    ]


@given(VALUES, st.booleans())
def test_rank_is_how_many_are_better_plus_one(values: list[int | float | None], higher: bool) -> None:
    best = select_best("m", None, candidates(values), higher_is_better=higher)
    assert len(best.candidates) == len(values)
    ranked = [candidate for candidate in best.candidates if candidate.rank is not None and candidate.value is not None]
    for item in ranked:
        assert item.value is not None
        better = [
            other
            for other in ranked
            if other.value is not None and (other.value > item.value if higher else other.value < item.value)
        ]
        assert item.rank == len(better) + 1
    assert best.run_ref == (ranked[0].run_ref if ranked else None)


@given(VALUES)
def test_missing_and_infinite_values_are_counted(values: list[int | float | None]) -> None:
    best = select_best("m", "train", candidates(values), higher_is_better=True)
    unranked = sum(candidate.rank is None for candidate in best.candidates)
    answer = [note for note in best.completeness_notes if "runs have no train/m" in note or "not finite" in note]
    assert sum(int(note.split(" ")[0]) for note in answer) == unranked
