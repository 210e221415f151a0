from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contexta.bisect.search.delta_debugging import Judged, Unknown, minimal_cause
from contexta.bisect.space.lattice import Mixes, mix_of


def judge_of(bad: Callable[[int], bool]) -> Callable[[int], Judged]:
    return lambda mix: "bad" if bad(mix) else "good"


@given(st.integers(1, 14), st.data())
def test_a_set_that_acts_only_together_is_minimal(count: int, data: st.DataObject) -> None:
    cause = mix_of(data.draw(st.sets(st.integers(0, count - 1), min_size=1, max_size=4)))
    mixes = Mixes.of(count)
    assert minimal_cause(judge_of(lambda mix: mix & cause == cause), mixes, lambda group: 1.0) == cause


@given(st.integers(2, 14), st.data())
def test_causes_that_each_suffice_are_all_named(count: int, data: st.DataObject) -> None:
    causes = mix_of(data.draw(st.sets(st.integers(0, count - 1), min_size=2, max_size=3)))
    assert minimal_cause(judge_of(lambda mix: bool(mix & causes)), Mixes.of(count), lambda group: 1.0) == causes


def test_a_failing_mix_is_replaced_by_a_neighbour() -> None:
    def judge(mix: int) -> Judged:
        if mix == 0b0011:
            return "failed"
        return "bad" if mix >> 2 & 1 else "good"

    assert minimal_cause(judge, Mixes.of(4), lambda group: 1.0) == 0b0100


def test_failures_that_hide_the_cause_give_no_answer() -> None:
    def judge(mix: int) -> Judged:
        return "bad" if mix == 0b11 else "good" if mix == 0 else "failed"

    assert minimal_cause(judge, Mixes.of(2), lambda group: 1.0) is None


def test_an_unknown_mix_is_requested() -> None:
    def judge(mix: int) -> Judged:
        raise Unknown(mix)

    with pytest.raises(Unknown) as request:
        minimal_cause(judge, Mixes.of(8), lambda group: 1.0)
    assert request.value.mix.bit_count() == 4


def test_the_search_begins_with_changes_that_are_known_to_suffice() -> None:
    states: dict[int, Judged] = {0b0000010: "bad", 0b1000000: "bad", 0b0000100: "good", 0b0110000: "bad"}

    def judge(mix: int) -> Judged:
        if mix not in states:
            raise Unknown(mix)
        return states[mix]

    with pytest.raises(Unknown) as request:
        minimal_cause(judge, Mixes.of(7), lambda group: 1.0)
    assert request.value.mix == 0b0111101


@pytest.mark.parametrize(("beside", "requested"), [("good", 0b0111), ("bad", 0b0101)])
def test_a_change_suffices_only_if_its_requirements_alone_are_good(beside: Judged, requested: int) -> None:
    states: dict[int, Judged] = {0b1010: "bad", 0b0010: beside}  # the last needs the second

    def judge(mix: int) -> Judged:
        if mix not in states:
            raise Unknown(mix)
        return states[mix]

    with pytest.raises(Unknown) as request:
        minimal_cause(judge, Mixes.of(4, [(3, 1)]), lambda group: 1.0)
    assert request.value.mix == requested
