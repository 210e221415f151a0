"""Complete requirements files with setuptools, which `pip freeze` omits."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from packaging.version import Version

from contexta.bisect.inputs.pins import Pins
from contexta.bisect.space.changes import BOTH
from contexta.reproduce.uv.commands import Uv
from contexta.reproduce.uv.error_messages import IndexUnreachable, UvError
from contexta.reproduce.uv.interpreters import Interpreter
from contexta.reproduce.uv.newest_release import current_with, newest_of, published

SETUPTOOLS = "setuptools"
_WITHOUT_PKG_RESOURCES = "82"  # the first release without pkg_resources
_LISTED_SINCE = Version("3.12")  # before, every environment contained it, and `pip freeze` omitted it


def is_left_out(side: Pins, python: Interpreter) -> bool:
    """Whether a requirements file leaves setuptools out. A file that lists pip lists everything."""
    is_old = Version(python.version) < _LISTED_SINCE
    return is_old and SETUPTOOLS not in side.packages and SETUPTOOLS not in side.fixed and "pip" not in side.packages


def setuptools_of(
    sides: Mapping[str, Pins], pythons: Mapping[str, Interpreter], uvs: Mapping[str, Uv]
) -> tuple[str | None, str]:
    """(the setuptools for all of these sides, a note): the newest release when the older side was frozen."""
    left_out = "requirements files of Python before 3.12 leave setuptools out"
    moments = []
    for end, side in sides.items():
        try:
            moments.append(published(uvs[end], pythons[end], side.packages))
        except IndexUnreachable:
            return None, f"{left_out}, and no index answers: it is not installed"
        except UvError:
            continue  # the installation says what is not available
    if not moments:
        return None, ""
    oldest = min((moment for moment in moments if moment is not None), default=None)
    when = current_with(oldest, *pythons.values())
    version = _newest(sides, pythons, uvs, when)
    if version is None and when is not None:
        when, version = None, _newest(sides, pythons, uvs, None)
    if version is None:
        return None, f"{left_out}, and no index has it: it is not installed"
    where = "both sides" if len(sides) == len(BOTH) else "".join(sides).upper()
    return version, f"{left_out}: {version} is installed on {where}, the newest{_of(when)}"


def _newest(
    sides: Mapping[str, Pins], pythons: Mapping[str, Interpreter], uvs: Mapping[str, Uv], when: datetime | None
) -> str | None:
    requirement = SETUPTOOLS if when is not None else f"{SETUPTOOLS}<{_WITHOUT_PKG_RESOURCES}"
    versions = (newest_of(uvs[end], pythons[end], requirement, when) for end in sides)
    return next((version for version in versions if version), None)


def _of(when: datetime | None) -> str:
    return " with pkg_resources, as the index has no dates" if when is None else f" of {when.date().isoformat()}"
