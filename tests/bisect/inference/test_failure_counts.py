from __future__ import annotations

from contexta.bisect.inference.failure_counts import Outcomes, cannot_run, flakiness

OLD, NEW = 0, 7
ENDS = (OLD, NEW)


def test_where_nothing_was_seen_to_do_both_one_failure_of_a_mix_is_final() -> None:
    told: dict[int, Outcomes] = {OLD: [None, None, None], NEW: [None, None], 1: ["ABI"], 2: [None]}
    assert flakiness(told) is None
    assert cannot_run(told, ENDS) == {1: "ABI"}


def test_an_end_that_never_ran_has_three_tries() -> None:
    assert cannot_run({OLD: ["dies", "dies"]}, ENDS) == {}
    assert cannot_run({OLD: ["dies", "dies", "hangs"]}, ENDS) == {OLD: "hangs"}


def test_as_soon_as_one_mix_did_both_the_failures_of_others_are_doubted_again() -> None:
    told: dict[int, Outcomes] = {OLD: [None, None, None, None, "dies"], NEW: [None, None, None, None], 1: ["dies"]}
    assert flakiness(told) == (1 + 1) / (9 + 2)
    assert cannot_run(told, ENDS) == {}
    assert cannot_run({**told, 1: ["dies"] * 3}, ENDS) == {1: "dies"}


def test_the_more_often_a_training_dies_the_more_failures_are_forgiven() -> None:
    often: dict[int, Outcomes] = {OLD: ["dies", None, "dies", None, None], NEW: [None, "dies", None, "dies"]}
    assert cannot_run({**often, 1: ["dies"] * 4}, ENDS) == {}
    assert cannot_run({**often, 1: ["dies"] * 8}, ENDS) == {1: "dies"}


def test_what_gave_values_is_failed_only_after_a_long_row_of_failures() -> None:
    assert cannot_run({OLD: [None] * 9, 1: [None, "dies", "dies", None, "dies"]}, ENDS) == {}
    assert cannot_run({OLD: [None] * 90, NEW: [None] + ["disk full"] * 4}, ENDS) == {}
    assert cannot_run({OLD: [None] * 90, NEW: [None] + ["disk full"] * 5}, ENDS) == {NEW: "disk full"}
    assert cannot_run({OLD: [None] * 90, 1: ["disk full"] * 5 + [None]}, ENDS) == {}
