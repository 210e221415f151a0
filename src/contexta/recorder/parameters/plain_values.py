"""The plain values among the parsed arguments of a program.

Standard library only, Python 3.8.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict

MOST = 500  # parameters of a program
_PLAIN = (str, int, float, bool, type(None))


def plain_values(namespace: Dict[str, Any]) -> Dict[str, Any]:
    """The values that are plain, by name; of paths and members of enumerations their texts. Functions are left out."""
    values: Dict[str, Any] = {}
    for name, value in list(namespace.items())[:MOST]:
        if isinstance(name, str) and _is_plain(value):
            values[name] = value
        elif isinstance(name, str) and type(value).__module__ in ("pathlib", "pathlib._local"):
            values[name] = str(value)
        elif isinstance(name, str) and "Enum" in [base.__name__ for base in type(value).__mro__]:
            values[name] = str(getattr(value, "name", ""))
    return values


def _is_plain(value: Any, depth: int = 0) -> bool:
    """Whether a value is made of JSON values only; no method of the program is called."""
    if type(value) in _PLAIN:
        return True
    if depth > 3 or type(value) not in (list, tuple, dict) or len(value) > 1000:
        return False
    inner = [*value.keys(), *value.values()] if type(value) is dict else list(value)
    return all(_is_plain(item, depth + 1) for item in inner)
