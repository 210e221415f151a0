"""The facts of a proof as sentences. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from contexta.bisect.inference.proof import Fact
from contexta.bisect.space.changes import Space
from contexta.findings.environments import Change
from contexta.reports.document.formatting import shortened

_ALONE = {"good": " is good", "bad": " is bad", "between": " lies in between", "open": ""}
_STILL = {"good": " is good", "bad": " is still bad", "between": " lies in between", "open": ""}
_NAMED = 4
"""The most changes that a sentence names. If there are more, it gives their number."""
_VALUE = 40
"""Characters of a value in a sentence."""


def claim(space: Space, culprits: int, fact: Fact) -> str:
    """A fact as a sentence, such as ``OLD with pandas at 3.0.2 is bad``. culprits: change groups, as a mix."""
    if fact.role == "old":
        return "OLD is good"
    if fact.role == "new":
        return "NEW is bad"
    if fact.role == "with":
        required = fact.mix & ~culprits
        companions = f" and {'its' if culprits.bit_count() == 1 else 'their'} companions" if required else ""
        return f"OLD {_exchanged(space, culprits, to_new=True)}{companions} is bad"
    if fact.role == "companions":
        return "the companions alone are good"
    if fact.role == "without":
        # the sentence leaves out what OLD's versions of the culprits require
        others = _changes(space, space.mixes.without(space.mixes.full, culprits) & ~fact.mix)
        also_at_old = f", with {_listed([change.key for change in others])} at OLD too," if others else ""
        return f"NEW {_exchanged(space, culprits, to_new=False)}{also_at_old} is good"
    if fact.role == "left out":
        return f"OLD with {_listed([change.key for change in _changes(space, fact.mix)])} is good"
    if fact.role == "only one":
        return f"NEW {_exchanged(space, culprits & ~fact.mix, to_new=False)}{_STILL[fact.state]}"
    names = " and ".join(
        f"{change.key} removed" if change.right_value is None else change.key
        for change in _changes(space, culprits & fact.mix)
    )
    if fact.role == "alone":
        return f"{names} alone{_ALONE[fact.state]}"
    return f"{names} without the rest is not bad"


def _exchanged(space: Space, groups: int, *, to_new: bool) -> str:
    """``with a at 2.0 and without b``: these changes made in OLD (to_new), or reverted in NEW."""
    present, absent = [], []
    for change in _changes(space, groups):
        value = change.right_value if to_new else change.left_value
        if value is None:
            absent.append(change.key)
        else:
            present.append(f"{change.key} at {shortened(value, _VALUE)}")
    return " and ".join(
        f"{word} {' and '.join(names)}" for word, names in (("with", present), ("without", absent)) if names
    )


def _changes(space: Space, groups: int) -> list[Change]:
    return sorted(space.moved(groups), key=lambda change: change.key)


def _listed(names: Sequence[str]) -> str:
    if len(names) > _NAMED:
        return f"{len(names)} others"
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last


__all__ = ["claim"]
