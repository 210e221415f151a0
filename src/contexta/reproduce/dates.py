"""The dates of releases: when the newest pin of a side was published, and what was the newest of a package then."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone

from packaging.version import Version

from contexta.reproduce.addresses import is_address
from contexta.reproduce.uv import Interpreter, Uv, UvError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_PYTHONS = {  # minor version of Python 3 -> its first release; an older tool may not run on it
    8: (2019, 10, 14),
    9: (2020, 10, 5),
    10: (2021, 10, 4),
    11: (2022, 10, 24),
    12: (2023, 10, 2),
    13: (2024, 10, 7),
    14: (2025, 10, 7),
}


def published(uv: Uv, python: Interpreter, pins: Mapping[str, str]) -> datetime | None:
    """When the newest of some releases was published; None where the index does not tell.

    Raises UvError where they cannot be had.
    """
    releases = {name: pin for name, pin in pins.items() if not is_address(pin)}
    if not releases:
        return None
    told = tomllib.loads(uv.compile(python.version, releases, build=True))
    dates = []
    for package in told.get("packages", ()):
        files = [*package.get("wheels", ()), *([package["sdist"]] if "sdist" in package else [])]
        of_files = [when for file in files if isinstance(when := file.get("upload-time"), datetime)]
        dates += [min(of_files)] if of_files else []
    return max(dates, default=None)


def current_with(when: datetime | None, *pythons: Interpreter) -> datetime | None:
    """The day after a date, or after the first release of these Pythons where that is later."""
    if when is None:
        return None
    minors = [_PYTHONS.get(Version(python.version).minor) for python in pythons]
    return max(when, *(datetime(*each, tzinfo=timezone.utc) for each in minors if each is not None)) + timedelta(days=1)


def newest_of(uv: Uv, python: Interpreter, name: str, when: datetime | None, below: str | None = None) -> str | None:
    """The newest release of a package at a date, and below a version, that an interpreter takes as a wheel; None where
    there is none."""
    try:
        return uv.newest_before(python.path, name, None if when is None else when.isoformat(), below)
    except UvError:
        return None
