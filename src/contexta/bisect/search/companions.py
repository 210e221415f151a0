"""Reduce the companions to those that the culprits require, if runs are left after the proof.

A culprit that fails with old packages is proved together with all changes that it happened to run with, in the worst
case all of NEW. If failures mean "this needs that", the mixes that run are closed under intersection. So the changes
that all mixes with the culprits share are enough for them. A failure says that one of the changes missing in it is
needed. From there, companions are left out, several at once, until all that remain are needed.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator

from contexta.bisect.inference.observations import ObservedTrials
from contexta.bisect.space.lattice import Mixes, groups_of
from contexta.bisect.tuning import TUNING


def enough_companions(observations: ObservedTrials, mixes: Mixes, culprits: int) -> int:
    """The smallest mix known to contain everything that the culprits need: what all mixes with them share that ran."""
    closed, enough = mixes.closed(culprits), mixes.full
    for mix in observations.probed:
        if mix & closed == closed:
            enough &= mix
    return enough


def next_without_companions(observations: ObservedTrials, mixes: Mixes, culprits: int) -> int | None:
    """The mix to run once that says most about what the culprits need; None if nothing more can be left out.

    The number of companions that it leaves out, times the probability that it runs, is largest.
    """
    enough, gaps = enough_companions(observations, mixes, culprits), _gaps(observations, mixes, culprits)
    needed = _needed(mixes, culprits, gaps)
    # a gap with a needed change, or with all of a smaller gap, adds nothing
    gaps = {gap for gap in gaps if not gap & needed and not any(gap & less == less != gap for less in gaps)}
    best, highest = None, 0.0
    for mix in _smaller(mixes, enough, needed, gaps):
        omitted = enough & ~mix
        runs = (1 - TUNING.companion_prior) ** omitted.bit_count() * math.prod(1 - _share(g, omitted) for g in gaps)
        if (gain := omitted.bit_count() * runs) > highest and mix not in observations.failures:
            best, highest = mix, gain
    if best is None and enough not in (mixes.full, *observations.probed, *observations.failures):
        return enough
    return best


def known_needed(observations: ObservedTrials, mixes: Mixes, culprits: int) -> int:
    """The culprits, what they require, and each change that was alone missing in a failed mix, as a mix.

    The result is right if a failure means that a change needs another one.
    """
    return _needed(mixes, culprits, _gaps(observations, mixes, culprits))


def _needed(mixes: Mixes, culprits: int, gaps: Collection[int]) -> int:
    return mixes.closed(culprits | sum(gap for gap in gaps if gap.bit_count() == 1))


def _gaps(observations: ObservedTrials, mixes: Mixes, culprits: int) -> set[int]:
    """For each failed mix with the culprits: which of the sufficient changes it lacks. One of them is needed."""
    closed, enough = mixes.closed(culprits), enough_companions(observations, mixes, culprits)
    return {enough & ~mix for mix in observations.failures if mix & closed == closed and enough & ~mix}


def _smaller(mixes: Mixes, enough: int, needed: int, gaps: Collection[int]) -> Iterator[int]:
    """Ever smaller mixes, without the least suspected companions first, and never without all of a gap."""

    def suspicion(group: int) -> float:
        omitted = enough & mixes.needed_by[group]
        return sum(_share(gap, omitted) for gap in gaps)

    mix = enough
    for group in sorted(groups_of(enough & ~needed), key=lambda group: (suspicion(group), group)):
        smaller = mixes.without(mix, 1 << group)
        if smaller != mix and smaller & needed == needed and all(gap & smaller for gap in gaps):
            mix = smaller
            yield mix


def _share(gap: int, omitted: int) -> float:
    """The probability that the needed change of a gap is among the omitted ones."""
    return (gap & omitted).bit_count() / gap.bit_count()
