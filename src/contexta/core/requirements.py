"""What asking needs of the environment; recording needs none of it, click for `contexta run` excepted.

The bounds in pyproject.toml are wider than these: a training environment that pins what is older holds Contexta too,
and nothing of it moves. It records there, and is asked from elsewhere. Standard library only, Python 3.8: a training
process may want to know.
"""

from __future__ import annotations

import re
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, Optional, Tuple

PYTHON = (3, 10)
# distribution -> the oldest version that asking works with
NEEDED = {
    "sqlalchemy": (2, 0),
    "alembic": (1, 8),
    "pydantic": (2, 8),
    "packaging": (21, 0),
    "click": (7, 1),
    "rich": (11, 2),
    "platformdirs": (2, 0),
}


def lacking() -> Dict[str, str]:
    """What asking needs and this environment does not have: ``{"pydantic >= 2.8": "pydantic 1.10.9"}``."""
    if sys.version_info < PYTHON:
        return {f"Python >= {_shown(PYTHON)}": f"Python {_shown(sys.version_info[:2])}"}
    told = {}
    for name, oldest in NEEDED.items():
        version = _version(name)
        if version is None or _numbers(version) < oldest:
            told[f"{name} >= {_shown(oldest)}"] = f"no {name}" if version is None else f"{name} {version}"
    return told


def _version(name: str) -> Optional[str]:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _numbers(version: str) -> Tuple[int, ...]:
    """The release of a version, without its suffixes; a library's own, so well formed."""
    return tuple(int(part) for part in re.findall(r"\d+", version)[:3])


def _shown(version: Tuple[int, ...]) -> str:
    return ".".join(map(str, version))
