"""How far apart two versions of one package are."""

from __future__ import annotations

from itertools import zip_longest
from typing import Literal

from packaging.version import InvalidVersion, Version

Direction = Literal["upgrade", "downgrade"]
Size = Literal["major", "minor", "patch", "pre-release", "post-release", "local"]
_PARTS: tuple[Size, ...] = ("major", "minor")


def distance(left: str | None, right: str | None) -> tuple[Direction | None, Size | None]:
    """(direction, size) of the step from left to right by PEP 440; None where a side is absent or no such version.

    The size is named by the first part that differs: 1.2.3 -> 1.3.0 is minor; an epoch counts as major.
    """
    if left is None or right is None:
        return None, None
    try:
        old, new = Version(left), Version(right)
    except InvalidVersion:
        return None, None
    if old == new:
        return None, None
    return ("upgrade" if new > old else "downgrade"), _size(old, new)


def _size(old: Version, new: Version) -> Size:
    if old.epoch != new.epoch:
        return "major"
    for index, (one, two) in enumerate(zip_longest(old.release, new.release, fillvalue=0)):
        if one != two:
            return _PARTS[index] if index < len(_PARTS) else "patch"
    if (old.pre, old.dev) != (new.pre, new.dev):
        return "pre-release"
    return "post-release" if old.post != new.post else "local"
