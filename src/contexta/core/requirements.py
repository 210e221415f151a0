"""The libraries that queries need; recording needs none of them, except click for `contexta run`.

The bounds in pyproject.toml are wider: Contexta can be installed in a training environment with older libraries without
changing its packages. It can record runs, and queries run in another environment. Standard library only, Python 3.8.
"""

from __future__ import annotations

import os
import re
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, Optional, Tuple

PYTHON = (3, 10)
# distribution -> the oldest version that queries work with
NEEDED = {
    "sqlalchemy": (2, 0),
    "alembic": (1, 8),
    "pydantic": (2, 8),
    "packaging": (21, 0),
    "click": (7, 1),
    "rich": (11, 2),
    "platformdirs": (2, 0),
    "plotille": (4, 0),
}


def missing_requirements() -> Dict[str, str]:
    """Requirement of queries -> what this environment has instead: ``{"pydantic >= 2.8": "pydantic 1.10.9"}``."""
    if sys.version_info < PYTHON:
        return {f"Python >= {_dotted(PYTHON)}": f"Python {_dotted(sys.version_info[:2])}"}
    versions = _versions_of_directories()
    missing = {}
    for name, oldest in NEEDED.items():
        version = versions.get(name) or _version(name)
        if version is None or _release(version) < oldest:
            missing[f"{name} >= {_dotted(oldest)}"] = f"no {name}" if version is None else f"{name} {version}"
    return missing


def _versions_of_directories() -> Dict[str, str]:
    """The versions of needed distributions, from the names of their ``.dist-info`` directories; the first on sys.path.

    Takes 1 ms. Reading the metadata takes 25 ms, because it imports the parser of e-mails.
    """
    versions: Dict[str, str] = {}
    for directory in sys.path:
        try:
            entries = os.listdir(directory or os.curdir)  # pathlib costs more than the listing
        except OSError:
            continue
        for name, version in filter(None, map(_name_and_version, entries)):
            if name in NEEDED:
                versions.setdefault(name, version)
    return versions


def _name_and_version(entry: str) -> Optional[Tuple[str, str]]:
    """The parts of ``SQLAlchemy-2.0.1.dist-info``; None for any other name."""
    if not entry.endswith(".dist-info"):
        return None
    name, dash, version = entry[: -len(".dist-info")].partition("-")
    return (re.sub(r"[-_.]+", "-", name).lower(), version) if dash else None


def _version(name: str) -> Optional[str]:
    """The version in the metadata of a distribution, which may be in an archive or in an ``.egg-info``."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _release(version: str) -> Tuple[int, ...]:
    """The release numbers of a version, without its suffixes."""
    return tuple(int(part) for part in re.findall(r"\d+", version)[:3])


def _dotted(version: Tuple[int, ...]) -> str:
    return ".".join(map(str, version))
