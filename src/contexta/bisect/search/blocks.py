"""Find silent blocks: change groups that run only together although no metadata says so.

A block is on one side in every mix that ran, and failures split it. Each of its groups is tried alone in OLD, and NEW
without it. A group that runs apart from the others does not belong to them.
"""

from __future__ import annotations

from collections.abc import Sequence

from contexta.bisect.inference.failures.failure_model import Risk
from contexta.bisect.space.lattice import Mixes, groups_of
from contexta.bisect.tuning import TUNING


def possible_block(mixes: Mixes, risk: Risk, singles: Sequence[float], least: float) -> int:
    """The change groups that may run only together and probably contain the cause, as a mix; 0 if there are none.

    singles: the probability of each change group. least: the probability that the block must have.
    """
    if len(risk.failed) < TUNING.block_search_failures:
        return 0
    blocks: dict[tuple[bool, ...], int] = {}
    ran = sorted(risk.ran)
    for group in range(mixes.count):
        sides = tuple(bool(mix >> group & 1) for mix in ran)
        blocks[sides] = blocks.get(sides, 0) | 1 << group
    for block in blocks.values():
        split = sum(0 < (mix & block) < block for mix in risk.failed)
        probability = sum(singles[group] for group in groups_of(block))
        is_smaller = block != mixes.full  # "all changes together" says no more than the endpoints do
        if (
            is_smaller
            and 1 < block.bit_count() <= TUNING.block_largest
            and split >= max(TUNING.block_search_failures, 0.8 * len(risk.failed))
            and probability >= least
        ):
            return block
    return 0


def next_apart(mixes: Mixes, risk: Risk, block: int) -> int | None:
    """The next mix with one group of the block apart from the others; None once enough of them failed.

    In a small block, two mixes of each group must fail: OLD with it alone and NEW without it. If mixes fail for other
    reasons, one failure for each of three groups is not unusual. In a block of two groups, a third mix of each must
    fail, with one more change: if a quarter of the mixes fail, four failures are not unusual either.
    """
    enough = 3 if block.bit_count() == 2 else 2 if block.bit_count() <= TUNING.block_small else 1
    for group in groups_of(block):
        moved = [1 << group]
        if block.bit_count() == 2:
            moved += [1 << group | 1 << other for other in groups_of(mixes.full & ~block)]
        apart = [mix for groups in moved for mix in (mixes.closed(groups), mixes.without(mixes.full, groups))]
        apart = [mix for mix in dict.fromkeys(apart) if 0 < mix & block < block]
        untried = [mix for mix in apart if mix not in risk.failed]
        if untried and len(apart) - len(untried) < enough:
            return untried[0]
    return None


def as_rules(block: int) -> list[tuple[int, int]]:
    """The rules that every group of a block needs every other one."""
    return [(group, other) for group in groups_of(block) for other in groups_of(block) if group != other]
