"""The libraries that queries need; recording needs none of them, except click for `contexta run`.

The bounds in pyproject.toml are wider: a training environment with older libraries can hold Contexta, and none of its
packages move. It can record runs, and queries run in another environment. Standard library only, Python 3.8.
"""

from __future__ import annotations

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
    missing = {}
    for name, oldest in NEEDED.items():
        version = _version(name)
        if version is None or _release(version) < oldest:
            missing[f"{name} >= {_dotted(oldest)}"] = f"no {name}" if version is None else f"{name} {version}"
    return missing


def _version(name: str) -> Optional[str]:
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
