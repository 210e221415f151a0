"""Studies of worlds that are hard to judge (hard_worlds.py). The full size is marked slow."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.hard_worlds import KINDS, is_right, is_wrong
from support.worlds import play

from contexta.bisect.inference.mix_evidence import MixEvidence
from contexta.bisect.inference.observations import Observation, ObservedTrials

ONLY_NEEDED = ["exclusive or", "exclusive or beside a cause", "masked", "one or two together", "one with either of two"]


@pytest.mark.parametrize(
    ("kind", "numbers"),
    [
        ("exclusive or", (8, 12)),
        ("exclusive or beside a cause", (18, 42)),
        ("masked", (6, 18, 27)),
        ("one with either of two", (4, 27)),
    ],
)
def test_a_change_whose_omission_changes_nothing_is_no_culprit(kind: str, numbers: tuple[int, ...]) -> None:
    outcomes = [play(KINDS[kind](number)) for number in numbers]
    assert not any(map(is_wrong, outcomes))
    assert all(map(is_right, outcomes))


def test_innocent_changes_do_not_replace_causes_that_failing_mixes_hide() -> None:
    assert not is_wrong(play(KINDS["masked"](33)))


@pytest.mark.parametrize("number", [8, 13])
def test_new_with_only_one_of_the_sufficient_culprits_is_bad(number: int) -> None:
    outcome = play(KINDS["each suffices"](number))
    assert is_right(outcome)
    assert outcome.verdict.proof is not None
    assert [fact.state for fact in outcome.verdict.proof.facts if fact.role == "only one"] == ["bad", "bad"]


def test_a_good_value_is_weak_evidence_if_new_often_looks_good() -> None:
    outcomes = [play(KINDS["failing convergence"](number)) for number in (11, 13, 18, 32, 35)]
    assert not any(map(is_wrong, outcomes))
    assert sum(map(is_right, outcomes)) >= 3


@pytest.mark.parametrize("number", [1, 2, 21, 22])
def test_two_causes_with_seed_dependent_effects_are_both_named(number: int) -> None:
    assert is_right(play(KINDS["parts of 80 and 20 %, seeds move the drop"](number)))


def test_the_share_of_one_of_two_causes_is_estimated_seed_by_seed() -> None:
    values = {0: (21.0, 23.5, 19.0), 0b10: (54.3, 57.5, 49.4), 0b11: (189.0, 224.0, 166.0)}
    results = [Observation(mix, seed, -value) for mix, at in values.items() for seed, value in enumerate((at[0], *at))]
    seeded = [replace(result, seed=max(0, result.seed - 1)) for result in results]
    estimate, low, high = MixEvidence(ObservedTrials(tuple(seeded), 0b11)).pairs.share(0b11, 0b10)
    assert estimate == pytest.approx(0.807, abs=0.01)
    assert 0.65 < low < high < 0.95


@pytest.mark.parametrize(("size", "number"), [(8, 1), (8, 3), (12, 1), (12, 2)])
def test_a_silent_block_is_named_as_a_whole(size: int, number: int) -> None:
    outcome = play(KINDS[f"silent block of {size}"](number))
    assert is_right(outcome)


@pytest.mark.parametrize("kind", ["many shifts of 5 %", "some shifts of 5 %", "four shifts of 5 % the same way"])
def test_changes_with_a_twentieth_of_the_drop_are_no_culprits(kind: str) -> None:
    outcomes = [play(KINDS[kind](number)) for number in (0, 1, 3, 4)]
    assert not any(map(is_wrong, outcomes))
    assert sum(map(is_right, outcomes)) >= 3


@pytest.mark.slow
@pytest.mark.parametrize("kind", [*ONLY_NEEDED, "noise multiplied by 4", "0/1 metric"])
def test_hard_worlds_are_rarely_wrongly_proved(kind: str) -> None:
    assert sum(is_wrong(play(KINDS[kind](number))) for number in range(100, 130) if number % 10 != 9) <= 1
