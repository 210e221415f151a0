"""Describe the step between two versions of a package."""

from __future__ import annotations

from itertools import zip_longest
from typing import Literal

from packaging.version import InvalidVersion, Version

VersionDirection = Literal["upgrade", "downgrade"]
VersionSize = Literal["major", "minor", "patch", "pre-release", "post-release", "local"]
_PARTS: tuple[VersionSize, ...] = ("major", "minor")


def distance(left: str | None, right: str | None) -> tuple[VersionDirection | None, VersionSize | None]:
    """(direction, size) of the step from left to right; None if a side is absent or is no PEP 440 version.

    The size is the first part that differs: 1.2.3 -> 1.3.0 is minor. An epoch counts as major.
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


def _size(old: Version, new: Version) -> VersionSize:
    if old.epoch != new.epoch:
        return "major"
    for index, (old_part, new_part) in enumerate(zip_longest(old.release, new.release, fillvalue=0)):
        if old_part != new_part:
            return _PARTS[index] if index < len(_PARTS) else "patch"
    if (old.pre, old.dev) != (new.pre, new.dev):
        return "pre-release"
    return "post-release" if old.post != new.post else "local"
