"""Which of several runs did best."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from contexta.findings import BestRun, Candidate


def select_best(
    metric: str, stage_name: str | None, candidates: Sequence[Candidate], *, higher_is_better: bool
) -> BestRun:
    """Rank candidates by their value: equals share a rank, and a value that is missing or not finite has none."""
    known = [each for each in candidates if each.value is not None and _is_finite(each.value)]
    ordered = sorted(known, key=lambda each: each.value or 0, reverse=higher_is_better)
    ranks: dict[int | float | None, int] = {}
    for place, each in enumerate(ordered, 1):
        ranks.setdefault(each.value, place)
    ranked = [each.model_copy(update={"rank": ranks[each.value]}) for each in ordered]
    best = ranked[0] if ranked else None
    return BestRun(
        metric_key=metric,
        stage_name=stage_name,
        higher_is_better=higher_is_better,
        run_ref=best.run_ref if best else None,
        value=best.value if best else None,
        candidates=(*ranked, *(each for each in candidates if each not in known)),
        completeness_notes=tuple(_notes(f"{stage_name}/{metric}" if stage_name else metric, candidates, ranked)),
    )


def _notes(metric: str, candidates: Sequence[Candidate], ranked: Sequence[Candidate]) -> Iterator[str]:
    lacking = sum(each.value is None for each in candidates)
    if lacking:
        yield f"{lacking} of {len(candidates)} runs have no {metric}"
    if others := len(candidates) - len(ranked) - lacking:
        yield f"{others} of {len(candidates)} runs ended with a {metric} that is not finite"
    first = [each for each in ranked if each.rank == 1]
    if first and first[0].status != "completed":
        yield f"{first[0].run_ref} is {first[0].status}: its value is what it reached before that"
    if len(first) > 1:
        yield f"{len(first)} runs share the first rank; of them the one that was given first is named"


def _is_finite(value: int | float) -> bool:
    return isinstance(value, int) or math.isfinite(value)
