from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from contexta.bisect.space.lattice import Mixes, groups_of, mix_of


@st.composite
def lattices(draw: st.DrawFn) -> Mixes:
    count = draw(st.integers(1, 12))
    groups = st.integers(0, count - 1)
    rules = draw(st.lists(st.tuples(groups, groups).filter(lambda rule: rule[0] > rule[1]), max_size=15))
    return Mixes.of(count, rules)


@given(lattices(), st.data())
def test_closing_gives_the_smallest_mix_that_can_exist(mixes: Mixes, data: st.DataObject) -> None:
    groups = data.draw(st.integers(0, mixes.full))
    closed = mixes.closed(groups)
    assert mixes.can_exist(closed)
    assert closed & groups == groups
    for group in groups_of(closed & ~groups):
        assert any(mixes.needs[needing] >> group & 1 for needing in groups_of(groups))


@given(lattices(), st.data())
def test_a_mix_without_some_groups_can_exist(mixes: Mixes, data: st.DataObject) -> None:
    mix = mixes.closed(data.draw(st.integers(0, mixes.full)))
    groups = data.draw(st.integers(0, mixes.full))
    left = mixes.without(mix, groups)
    assert mixes.can_exist(left)
    assert left & groups == 0
    assert left & ~mix == 0


@given(lattices(), st.data())
def test_a_chain_grows_by_one_atom_a_step_and_every_step_can_exist(mixes: Mixes, data: st.DataObject) -> None:
    low = mixes.closed(data.draw(st.integers(0, mixes.full)))
    high = mixes.closed(low | data.draw(st.integers(0, mixes.full)))
    keys = data.draw(st.lists(st.integers(0, 99), min_size=mixes.count, max_size=mixes.count))
    steps = mixes.chain(low, high, keys.__getitem__)
    assert steps[0] == low
    assert steps[-1] == high
    assert all(mixes.can_exist(step) for step in steps)
    assert all((after & ~before).bit_count() == 1 for before, after in pairwise(steps))


@given(st.sets(st.integers(0, 70)))
def test_a_mix_is_the_set_of_its_change_groups(groups: set[int]) -> None:
    assert set(groups_of(mix_of(groups))) == groups


def test_rules_are_transitive() -> None:
    mixes = Mixes.of(4, [(3, 2), (2, 1)])
    assert mixes.closed(0b1000) == 0b1110
    assert mixes.without(mixes.full, 0b0010) == 0b0001
    assert mixes.comparable(3, 1)
    assert not mixes.comparable(0, 3)


@given(lattices(), st.data())
def test_further_rules_hold_in_every_mix_that_can_still_exist(mixes: Mixes, data: st.DataObject) -> None:
    groups = st.integers(0, mixes.count - 1)
    rules = data.draw(st.lists(st.tuples(groups, groups), max_size=4))
    ruled = mixes.ruled(rules)
    mix = ruled.closed(data.draw(st.integers(0, mixes.full)))
    assert mixes.can_exist(mix)
    assert all(mix >> b & 1 for a, b in rules if mix >> a & 1)


def test_change_groups_that_need_each_other_are_in_the_same_mixes() -> None:
    ruled = Mixes.of(4, [(1, 0)]).ruled([(0, 1), (2, 3)])
    assert [ruled.inseparable(group) for group in range(4)] == [0b0011, 0b0011, 0b0100, 0b1000]
