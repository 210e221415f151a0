"""The facts of a proof as sentences. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from contexta.bisect.inference.proof import Fact
from contexta.bisect.space.changes import Space
from contexta.findings.environments import Change

_ALONE = {"good": " is good", "bad": " is bad", "between": " lies in between", "open": ""}
_STILL = {"good": " is good", "bad": " is still bad", "between": " lies in between", "open": ""}
_NAMED = 4  # changes; of more only their number is said


def claim(space: Space, culprits: int, fact: Fact) -> str:
    """What a fact says, of these culprits (atoms, as a mix): ``OLD with b is bad``."""
    if fact.role == "old":
        return "OLD is good"
    if fact.role == "new":
        return "NEW is bad"
    if fact.role == "with":
        brought = fact.mix & ~culprits
        companions = f" and {'its' if culprits.bit_count() == 1 else 'their'} companions" if brought else ""
        return f"OLD {_moved(space, culprits, to_new=True)}{companions} is bad"
    if fact.role == "companions":
        return "the companions alone are good"
    if fact.role == "without":
        # what OLD's versions of the culprits require goes without saying
        also = _changes(space, space.mixes.without(space.mixes.full, culprits) & ~fact.mix)
        beside = f", with {_listed([change.key for change in also])} at OLD too," if also else ""
        return f"NEW {_moved(space, culprits, to_new=False)}{beside} is good"
    if fact.role == "left out":
        return f"OLD with {_listed([change.key for change in _changes(space, fact.mix)])} is good"
    if fact.role == "only one":
        others = _moved(space, culprits & ~fact.mix, to_new=False)
        return f"NEW {others}{_STILL[fact.state]}"
    mine = " and ".join(
        f"{change.key} removed" if change.right_value is None else change.key
        for change in _changes(space, culprits & fact.mix)
    )
    if fact.role == "alone":
        return f"{mine} alone{_ALONE[fact.state]}"
    return f"{mine} without the rest is not bad"


def _moved(space: Space, atoms: int, *, to_new: bool) -> str:
    """``with a and without b``: what is there, and what is not, once these changes are made or taken back."""
    changes = _changes(space, atoms)
    removed = [change.key for change in changes if change.right_value is None]
    others = [change.key for change in changes if change.right_value is not None]
    there, gone = (others, removed) if to_new else (removed, others)
    return " and ".join(f"{word} {' and '.join(keys)}" for word, keys in (("with", there), ("without", gone)) if keys)


def _changes(space: Space, atoms: int) -> list[Change]:
    return sorted(space.moved(atoms), key=lambda change: change.key)


def _listed(keys: Sequence[str]) -> str:
    if len(keys) > _NAMED:
        return f"{len(keys)} others"
    *first, last = keys
    return f"{', '.join(first)} and {last}" if first else last


__all__ = ["claim"]
