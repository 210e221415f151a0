from __future__ import annotations

from contexta.bisect.inference.failures.failure_counts import Outcomes, cannot_run, flakiness

OLD, NEW = 0, 7
ENDPOINTS = (OLD, NEW)


def test_one_failure_is_final_while_no_mix_both_failed_and_ran() -> None:
    outcomes: dict[int, Outcomes] = {OLD: [None, None, None], NEW: [None, None], 1: ["ABI"], 2: [None]}
    assert flakiness(outcomes) is None
    assert cannot_run(outcomes, ENDPOINTS) == {1: "ABI"}


def test_an_endpoint_that_never_ran_has_three_tries() -> None:
    assert cannot_run({OLD: ["dies", "dies"]}, ENDPOINTS) == {}
    assert cannot_run({OLD: ["dies", "dies", "hangs"]}, ENDPOINTS) == {OLD: "hangs"}


def test_one_failure_is_not_final_once_a_mix_both_failed_and_ran() -> None:
    outcomes: dict[int, Outcomes] = {OLD: [None, None, None, None, "dies"], NEW: [None, None, None, None], 1: ["dies"]}
    assert flakiness(outcomes) == (1 + 1) / (9 + 2)
    assert cannot_run(outcomes, ENDPOINTS) == {}
    assert cannot_run({**outcomes, 1: ["dies"] * 3}, ENDPOINTS) == {1: "dies"}


def test_a_flakier_training_needs_more_failures_to_count_as_failed() -> None:
    often: dict[int, Outcomes] = {OLD: ["dies", None, "dies", None, None], NEW: [None, "dies", None, "dies"]}
    assert cannot_run({**often, 1: ["dies"] * 4}, ENDPOINTS) == {}
    assert cannot_run({**often, 1: ["dies"] * 8}, ENDPOINTS) == {1: "dies"}


def test_a_mix_with_values_counts_as_failed_only_after_many_failures_in_a_row() -> None:
    assert cannot_run({OLD: [None] * 9, 1: [None, "dies", "dies", None, "dies"]}, ENDPOINTS) == {}
    assert cannot_run({OLD: [None] * 90, NEW: [None] + ["disk full"] * 4}, ENDPOINTS) == {}
    assert cannot_run({OLD: [None] * 90, NEW: [None] + ["disk full"] * 5}, ENDPOINTS) == {NEW: "disk full"}
    assert cannot_run({OLD: [None] * 90, 1: ["disk full"] * 5 + [None]}, ENDPOINTS) == {}
