"""Reduce the companions to those that the culprits require, if runs are left after the proof. Pure.

A culprit that dies beside old packages is shown to be bad together with whatever it happened to run with, in the worst
case all of NEW. Failures of the kind "this needs that" leave mixes that are closed under intersection: so what all
mixes share that ran with the culprits is enough for them. A failure says that one of those missing in it is needed.
From there companions are taken away, several at once, as long as anything is left that may not be needed.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator

from contexta.bisect.inference.observations import Readings
from contexta.bisect.inference.tuning import TUNING
from contexta.bisect.space.lattice import Mixes, atoms_of


def shared(readings: Readings, mixes: Mixes, culprits: int) -> int:
    """The smallest mix known to hold all that the culprits need: what all mixes share that ran with them."""
    least, mix = mixes.closed(culprits), mixes.full
    for ran in readings.probed:
        if ran & least == least:
            mix &= ran
    return mix


def fewer(readings: Readings, mixes: Mixes, culprits: int) -> int | None:
    """The next mix to run once, which tells most about what the culprits need; None when nothing more can be left out.

    It leaves out so many companions that their number, times the chance that it runs, is largest.
    """
    enough, gaps = shared(readings, mixes, culprits), _gaps(readings, mixes, culprits)
    needed = _needed(mixes, culprits, gaps)
    # what holds something needed, or all of a smaller gap, says nothing more
    gaps = {gap for gap in gaps if not gap & needed and not any(gap & less == less != gap for less in gaps)}
    best, most = None, 0.0
    for mix in _smaller(mixes, enough, needed, gaps):
        out = enough & ~mix
        runs = (1 - TUNING.companion_prior) ** out.bit_count() * math.prod(1 - _share(gap, out) for gap in gaps)
        if (gain := out.bit_count() * runs) > most and mix not in readings.failures:
            best, most = mix, gain
    if best is None and enough not in (mixes.full, *readings.probed, *readings.failures):
        return enough
    return best


def known_needed(readings: Readings, mixes: Mixes, culprits: int) -> int:
    """The culprits, what they require, and what was alone missing in a mix that failed of those that are enough.

    As far as failures are of the kind "this needs that".
    """
    return _needed(mixes, culprits, _gaps(readings, mixes, culprits))


def _needed(mixes: Mixes, culprits: int, gaps: Collection[int]) -> int:
    return mixes.closed(culprits | sum(gap for gap in gaps if gap.bit_count() == 1))


def _gaps(readings: Readings, mixes: Mixes, culprits: int) -> set[int]:
    """What each mix with the culprits that failed lacks of those that are enough: one of it is needed."""
    least, enough = mixes.closed(culprits), shared(readings, mixes, culprits)
    return {enough & ~mix for mix in readings.failures if mix & least == least and enough & ~mix}


def _smaller(mixes: Mixes, enough: int, needed: int, gaps: Collection[int]) -> Iterator[int]:
    """Mixes that leave out more and more of what is not known to be needed, the least suspected first, and never all of
    which one is needed."""

    def suspicion(atom: int) -> float:
        out = enough & mixes.needed_by[atom]
        return sum(_share(gap, out) for gap in gaps)

    mix = enough
    for atom in sorted(atoms_of(enough & ~needed), key=lambda atom: (suspicion(atom), atom)):
        smaller = mixes.without(mix, 1 << atom)
        if smaller != mix and smaller & needed == needed and all(gap & smaller for gap in gaps):
            mix = smaller
            yield mix


def _share(gap: int, out: int) -> float:
    """The chance that the one that is needed of a gap is among these."""
    return (gap & out).bit_count() / gap.bit_count()
