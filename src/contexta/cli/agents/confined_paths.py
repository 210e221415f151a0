"""Keep the tools that only query inside the project: their arguments name no file elsewhere on the machine."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from contexta.core.errors import InvalidInput, shown

_OF_FILES = frozenset(
    ("run", "runs", "left", "right", "old", "new", "against", "from", "build_constraint", "metric_from", "include")
) | frozenset(("python", "old_python", "new_python"))
"""Arguments that may name a file or an interpreter."""
_BETWEEN_PARTS = re.compile("[@=:]")  # as in ``REVISION:FILE``


def require_inside(arguments: Mapping[str, Any], roots: Sequence[str]) -> None:
    """Raise InvalidInput for an argument with a path outside of the directories."""
    for name, value in arguments.items():
        if name not in _OF_FILES:
            continue
        for text in value if isinstance(value, list) else [value]:
            for path in _paths(text) if isinstance(text, str) else ():
                place = os.path.realpath(path)
                if not any(os.path.commonpath((place, root)) == root for root in roots):
                    raise InvalidInput(
                        f"{name} {shown(text)} is outside of {roots[0]}",
                        hint="start the server in the project, or let the user allow it: contexta mcp --allow-run",
                    )


def _paths(text: str) -> Iterator[str]:
    """The parts of a text that are a path, or the path of an address ``file://``."""
    for part in (text, *_BETWEEN_PARTS.split(text)):
        is_host = part.startswith("//") and "file:" not in text.lower()
        if part and not is_host:
            yield os.path.expanduser(part.replace("\0", ""))  # noqa: PTH111  # "~nobody" is no error
