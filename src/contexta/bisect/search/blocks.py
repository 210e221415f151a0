"""Find blocks: changes that run only together although no metadata says so. Pure.

Such a block is on one side in every mix that ran, and failures split it. Each of its changes is tried alone in OLD, and
NEW without it: what runs apart from the others does not belong to them.
"""

from __future__ import annotations

from collections.abc import Sequence

from contexta.bisect.inference.failure_model import Risk
from contexta.bisect.inference.tuning import TUNING
from contexta.bisect.space.lattice import Mixes, atoms_of


def block(mixes: Mixes, risk: Risk, singles: Sequence[float], sure: float) -> int:
    """The atoms that may run only all together and one of which is likely to blame, as a mix; 0 without any.

    singles: how likely each atom is. sure: how likely one of them has to be.
    """
    if len(risk.failed) < TUNING.block_search_failures:
        return 0
    groups: dict[tuple[bool, ...], int] = {}
    ran = sorted(risk.ran)
    for atom in range(mixes.count):
        sides = tuple(bool(mix >> atom & 1) for mix in ran)
        groups[sides] = groups.get(sides, 0) | 1 << atom
    for group in groups.values():
        split = sum(0 < (mix & group) < group for mix in risk.failed)
        likely = sum(singles[atom] for atom in atoms_of(group))
        narrows = group != mixes.full  # "all changes together" says no more than the endpoints do
        if (
            narrows
            and 1 < group.bit_count() <= TUNING.block_largest
            and split >= max(TUNING.block_search_failures, 0.8 * len(risk.failed))
            and likely >= sure
        ):
            return group
    return 0


def next_apart(mixes: Mixes, risk: Risk, group: int) -> int | None:
    """The next mix with one atom of the group apart from the others; None once enough of them failed.

    Of a small group both mixes of each atom have to fail, OLD with it alone and NEW without it: where mixes fail by
    themselves, one failure for each of three atoms is nothing unusual. Of two atoms a third mix of each has to fail,
    with one more change: where a quarter of the mixes fail, four failures are nothing unusual either.
    """
    enough = 3 if group.bit_count() == 2 else 2 if group.bit_count() <= TUNING.block_small else 1
    for atom in atoms_of(group):
        moved = [1 << atom]
        if group.bit_count() == 2:
            moved += [1 << atom | 1 << other for other in atoms_of(mixes.full & ~group)]
        apart = [mix for some in moved for mix in (mixes.closed(some), mixes.without(mixes.full, some))]
        apart = [mix for mix in dict.fromkeys(apart) if 0 < mix & group < group]
        open_ = [mix for mix in apart if mix not in risk.failed]
        if open_ and len(apart) - len(open_) < enough:
            return open_[0]
    return None


def as_rules(group: int) -> list[tuple[int, int]]:
    """That every atom of a block needs every other one."""
    return [(one, other) for one in atoms_of(group) for other in atoms_of(group) if one != other]
