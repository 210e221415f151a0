"""What counts after trials that ended early."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from support.early_worlds import LoggedWorld, play_logged
from support.worlds import draw, draw_with_perturbing_changes

from contexta.bisect.inference.early_verdicts import counted, is_contradicted, must_be_measured, unmeasured_fact
from contexta.bisect.inference.observations import Observation
from contexta.bisect.inference.proof import Fact, Proof, Strength

NEW = 7
GOOD, BAD = (0.903481927, 0.912847561), (0.801938472, 0.809571624)  # at the seeds 0 and 1
OLD_0, NEW_0 = Observation(0, 0, GOOD[0]), Observation(NEW, 0, BAD[0])
REPEAT = Observation(0, 0, GOOD[0], is_measured=False)
BEGINNING = [OLD_0, NEW_0, REPEAT]


@pytest.mark.parametrize(
    "reason", ["exit code 1", "was ended by signal 9", "accuracy is nan", "did not end within 60 s"]
)
def test_a_trial_that_follows_an_endpoint_and_ends_without_a_value_contradicts_early_verdicts(reason: str) -> None:
    early = Observation(1, 0, 0.9, is_measured=False, predicted=0.9)
    crash = Observation(2, 0, None, reason, predicted=0.9)
    assert not is_contradicted([*BEGINNING, early])
    assert is_contradicted([*BEGINNING, early, crash])
    assert counted([*BEGINNING, early, crash]) == [0, 1, 4]


def test_a_crash_before_an_endpoint_was_followed_says_nothing_about_series() -> None:
    assert not is_contradicted([*BEGINNING, Observation(2, 0, None, "dies at import")])


def test_only_the_first_repeat_of_old_may_be_stopped() -> None:
    assert not must_be_measured([OLD_0, NEW_0], 0, 0, NEW)
    assert must_be_measured([], 0, 0, NEW)
    assert must_be_measured(BEGINNING, 0, 1, NEW)
    later = [
        *BEGINNING,
        Observation(0, 1, GOOD[1]),
        Observation(NEW, 1, BAD[1]),
        Observation(1, 0, GOOD[0], is_measured=False),
    ]
    assert must_be_measured(later, 0, 0, NEW)
    assert must_be_measured(later, 0, 1, NEW), "a late run of OLD is compared with a copy of itself"
    assert must_be_measured([OLD_0, NEW_0, Observation(1, 0, GOOD[0])], 0, 0, NEW)


def test_a_fact_without_a_measured_value_is_measured_also_if_other_mixes_show_it() -> None:
    ends = [*BEGINNING, Observation(0, 1, GOOD[1]), Observation(NEW, 1, BAD[1])]
    proof = Proof(
        1, (Fact("old", 0, "good", "good"), Fact("new", NEW, "bad", "bad"), Fact("with", 1, "bad", "bad"),
            Fact("without", 6, "good", "good"))
    )  # fmt: skip
    with_early, with_measured = Observation(1, 0, BAD[0], is_measured=False), Observation(1, 1, BAD[1])
    without_early, without_measured = Observation(6, 0, GOOD[0], is_measured=False), Observation(6, 1, GOOD[1])
    strength = Strength(10.0, 1)

    def missing(*results: Observation) -> tuple[int, int] | None:
        return unmeasured_fact([*ends, *results], proof, NEW, strength)

    assert missing(with_early, without_early) == (1, 0)
    assert missing(with_early, without_measured) == (1, 0)
    assert missing(with_measured, without_early) == (6, 0)
    assert missing(with_measured, without_measured) is None
    assert missing(with_measured, replace(without_measured, value=None, reason="exit code 1")) == (6, 0)


def test_a_single_change_is_proved_by_the_endpoints_alone() -> None:
    proof = Proof(
        1, (Fact("old", 0, "good", "good"), Fact("new", 1, "bad", "bad"), Fact("with", 1, "bad", "bad"),
            Fact("without", 0, "good", "good"))
    )  # fmt: skip
    ends = [OLD_0, Observation(1, 0, BAD[0]), REPEAT, Observation(0, 1, GOOD[1]), Observation(1, 1, BAD[1])]
    assert unmeasured_fact(ends, proof, 1, Strength(10.0, 1)) is None


@pytest.mark.parametrize("cause_from", [0.0, 0.5, math.inf])
def test_a_study_of_a_single_change_comes_to_a_verdict(cause_from: float) -> None:
    for number in range(5):
        world = replace(draw(number, "single", 4.0, fingerprint=True, count=1), crashes=(), flaky_mixes=0.0, shifts=0)
        outcome, _ = play_logged(LoggedWorld(world, cause_from))
        assert outcome.verdict.kind == "proved"


@pytest.mark.parametrize("cause_from", [0.0, 0.5, 0.9, math.inf])
def test_no_world_in_which_another_change_moves_the_series_is_proved_wrongly(cause_from: float) -> None:
    for number in range(5):
        world = replace(draw(number, "single", 4.0, fingerprint=True, count=8), crashes=(), flaky_mixes=0.0, shifts=0)
        mover = 1 << next(group for group in range(8) if group not in world.causes)
        outcome, _ = play_logged(LoggedWorld(world, cause_from, movers=mover))
        assert not outcome.wrongly_proved
        if outcome.verdict.proof is not None and outcome.verdict.kind == "proved":
            measured = {result.mix for result in outcome.results if result.is_measured and result.value is not None}
            assert {fact.mix for fact in outcome.verdict.proof.facts} <= measured


@pytest.mark.parametrize("number", [47, 493])
def test_with_early_verdicts_endpoints_must_differ_by_themselves(number: int) -> None:
    """Of a null with RNG-perturbing changes, the mixes alone made chance look like a drop."""
    world = draw_with_perturbing_changes(number, "null", 2.0, count=40, perturbing=3)
    outcome, _ = play_logged(LoggedWorld(world))
    assert any(not result.is_measured for result in outcome.results)
    assert outcome.verdict.kind != "proved"
