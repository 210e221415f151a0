"""What `pip freeze` leaves out of an environment, installed as it was then."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from packaging.version import Version

from contexta.bisect.pins import Pins
from contexta.reproduce.dates import current_with, newest_of, published
from contexta.reproduce.uv import Interpreter, Uv, UvError

SETUPTOOLS = "setuptools"
_LISTED_SINCE = Version("3.12")  # before, every environment began with it, and `pip freeze` did not list it


def is_left_out(side: Pins, python: Interpreter) -> bool:
    """Whether a requirements file is silent on setuptools. One that lists pip lists everything."""
    is_old = Version(python.version) < _LISTED_SINCE
    return is_old and SETUPTOOLS not in side.packages and SETUPTOOLS not in side.fixed and "pip" not in side.packages


def setuptools_of(
    sides: Mapping[str, Pins], pythons: Mapping[str, Interpreter], uvs: Mapping[str, Uv]
) -> tuple[str | None, str]:
    """(the setuptools for all of these sides alike, a note): the newest when the older side was frozen."""
    when, first = None, next(iter(sides))
    try:
        found = [published(uvs[end], pythons[end], side.packages) for end, side in sides.items()]
        when = current_with(min((each for each in found if each is not None), default=None), *pythons.values())
    except UvError:
        pass  # what cannot be had is told when it is installed
    version = next((each for end in sides if (each := newest_of(uvs[end], pythons[end], SETUPTOOLS, when))), None)
    if version is None and when is not None:
        when, version = None, newest_of(uvs[first], pythons[first], SETUPTOOLS, None)
    left_out = "requirements files of Python before 3.12 leave setuptools out"
    if version is None:
        return None, f"{left_out}, and no index has it: it is not installed"
    return version, f"{left_out}: {version} is installed on both sides, the newest{_of(when)}"


def _of(when: datetime | None) -> str:
    return " there is, as the index tells no dates" if when is None else f" of {when.date().isoformat()}"
