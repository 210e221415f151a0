"""Studies of worlds that are hard to judge (hard_worlds.py). The full size is marked slow."""

from __future__ import annotations

import pytest
from hard_worlds import KINDS, is_right, is_wrong
from worlds import play

ONLY_NEEDED = ["exclusive or", "exclusive or beside a cause", "masked", "one or two together", "one with either of two"]


@pytest.mark.parametrize(
    ("kind", "numbers"),
    [
        ("exclusive or", (8, 12)),
        ("exclusive or beside a cause", (18, 42)),
        ("masked", (6, 18, 27, 33)),
        ("one with either of two", (4, 33)),
    ],
)
def test_what_changes_nothing_by_being_left_out_is_no_culprit(kind: str, numbers: tuple[int, ...]) -> None:
    outcomes = [play(KINDS[kind](number)) for number in numbers]
    assert not any(map(is_wrong, outcomes))
    assert all(map(is_right, outcomes))


@pytest.mark.parametrize("number", [8, 13])
def test_of_culprits_each_of_which_suffices_new_with_only_one_is_still_bad(number: int) -> None:
    outcome = play(KINDS["each suffices"](number))
    assert is_right(outcome)
    assert outcome.verdict.proof is not None
    assert [fact.state for fact in outcome.verdict.proof.facts if fact.role == "only one"] == ["bad", "bad"]


def test_a_value_that_looks_good_says_little_where_new_often_looks_good() -> None:
    outcomes = [play(KINDS["failing convergence"](number)) for number in (11, 13, 18, 32, 35)]
    assert not any(map(is_wrong, outcomes))
    assert sum(map(is_right, outcomes)) >= 3


@pytest.mark.slow
@pytest.mark.parametrize("kind", [*ONLY_NEEDED, "noise multiplied by 4", "0/1 metric"])
def test_of_many_hard_worlds_hardly_any_is_wrongly_proved(kind: str) -> None:
    assert sum(is_wrong(play(KINDS[kind](number))) for number in range(100, 130) if number % 10 != 9) <= 1
