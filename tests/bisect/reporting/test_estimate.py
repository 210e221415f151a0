from __future__ import annotations

from support.studies import a_space, a_trial, search

from contexta.bisect.reporting.estimate import estimate, plan, remaining_seconds
from contexta.bisect.reporting.finished_trial import Trial
from contexta.bisect.search.problem import Probe, Problem
from contexta.bisect.space.changes import Metadata


def test_plan_lists_groups_and_their_requirements() -> None:
    requires = {
        ("a", "2.0"): Metadata(("b>=2",)),
        ("c", "2.0"): Metadata(("d>=2",)),
        ("d", "2.0"): Metadata(("c>=2",)),
    }
    result = plan(a_space("a", "b", "c", "d", requires=requires), 60)
    assert sorted(result.atoms) == [("a",), ("b",), ("c", "d")]
    assert result.needs == {"a": ("b",)}
    assert result.expected_runs <= 60


def test_plan_has_a_time_only_with_a_known_duration() -> None:
    space = a_space("a", "b", "c", "d")
    existing = plan(space, 60, seconds=2.0)
    assert existing.expected_seconds == 2.0 * existing.expected_runs
    assert plan(space, 60).expected_seconds is None


def test_the_estimate_gets_shorter_and_ends_at_the_culprit() -> None:
    space = a_space(*"abcdefgh")
    problem = Problem(space.mixes, space.weights())
    rest = []

    def value(step: Probe, trials: list[Trial]) -> float:
        rest.append(estimate(space, problem, trials).runs)
        return 0.5 if "c" in space.keys(step.mix) else 0.9

    _, trials = search(space, value)
    assert rest[0] > rest[-1] >= 1
    assert abs(rest[0] - len(trials)) <= 4
    result = estimate(space, problem, trials)
    assert result.suspects[0].changes == ("c",)
    assert result.suspects[0].probability > 0.9


def test_the_estimate_promises_no_more_runs_than_are_allowed() -> None:
    space = a_space(*"abcdefgh")
    problem = Problem(space.mixes, space.weights())
    trials = [a_trial(Probe(0, 0, "end", ""), 0.9)] * 58
    assert estimate(space, problem, trials).runs == 2


def test_the_remaining_time_is_unknown_until_two_trials_ended() -> None:
    _, trials = search(a_space("a", "b"), lambda step, _: 0.9)
    assert [remaining_seconds(6, trials[:count], 2) for count in range(4)] == [None, None, 3.0, 3.0]
