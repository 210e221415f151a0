"""Find the newest release of a package: between two others, or at the date of other releases."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta, timezone

from packaging.version import Version

from contexta.reproduce.uv.commands import Uv
from contexta.reproduce.uv.error_messages import UvError
from contexta.reproduce.uv.interpreters import Interpreter
from contexta.reproduce.uv.requirement_options import requirement_lines
from contexta.reproduce.uv.urls import releases_among

_PYTHONS = {  # minor version of Python 3 -> date of its first release; older tools may not run on it
    6: (2016, 12, 23),
    7: (2018, 6, 27),
    8: (2019, 10, 14),
    9: (2020, 10, 5),
    10: (2021, 10, 4),
    11: (2022, 10, 24),
    12: (2023, 10, 2),
    13: (2024, 10, 7),
    14: (2025, 10, 7),
    15: (2026, 10, 1),
}


def published(uv: Uv, python: Interpreter, pins: Mapping[str, str]) -> datetime | None:
    """The date of the newest of some releases; None if the index does not give dates. Raises UvError if a release is
    missing.
    """
    releases = releases_among(pins)
    if not releases:
        return None
    uploads = [
        [file.uploaded for file in release.files if file.uploaded is not None]
        for release in uv.compile(python.version, releases, build=True)
    ]
    return max((min(dates) for dates in uploads if dates), default=None)


def first_release(minor: int) -> tuple[int, int, int] | None:
    """The date (year, month, day) of Python 3.MINOR.0; None for a version that is not in the table."""
    return _PYTHONS.get(minor)


def current_with(when: datetime | None, *pythons: Interpreter) -> datetime | None:
    """The day after a date, or after the first release of these Pythons if that is later."""
    if when is None:
        return None
    dates = [first_release(Version(python.version).minor) for python in pythons]
    return max(when, *(datetime(*date, tzinfo=timezone.utc) for date in dates if date is not None)) + timedelta(days=1)


def newest_between(uv: Uv, python: str, name: str, above: str, below: str, *, build: bool = False) -> str | None:
    """The newest release between two others that has a wheel for an interpreter, or with ``build`` its source. None
    without one. Raises IndexUnreachable if that is unknown.
    """
    requirement_lines({name: above}), requirement_lines({name: below})  # checks the values
    above, below = (Version(version).public for version in (above, below))  # local tags have no order
    return uv.newest(python, f"{name}>={above},!={above},<{below}", build=build)  # >1.0 would leave out 1.0.post1


def newest_of(uv: Uv, python: Interpreter, requirement: str, when: datetime | None) -> str | None:
    """The newest release at a date that fits a requirement and has a wheel for an interpreter.

    None without one, or if that is unknown.
    """
    try:
        return uv.newest(python.path, requirement, before=None if when is None else when.isoformat())
    except UvError:
        return None
