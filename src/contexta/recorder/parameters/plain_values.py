"""The plain values among the parsed arguments of a program, and the options that set them.

Standard library only, Python 3.8.
"""

from __future__ import annotations

from itertools import islice

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Iterable, Sequence, Tuple

MOST = 500  # parameters of a program
_PLAIN = (str, int, float, bool, type(None))


def plain_values(namespace: Dict[str, Any]) -> Dict[str, Any]:
    """The values that are plain, by name; of paths and members of enumerations their texts. Functions are left out."""
    values: Dict[str, Any] = {}
    for name, value in list(namespace.items())[:MOST]:
        if isinstance(name, str) and is_plain(value):
            values[name] = value
        elif isinstance(name, str) and type(value).__module__ in ("pathlib", "pathlib._local"):
            values[name] = str(value)
        elif isinstance(name, str) and "Enum" in [base.__name__ for base in type(value).__mro__]:
            values[name] = str(getattr(value, "name", ""))
    return values


def long_options(parameters: Iterable[Tuple[str, Sequence[Any]]]) -> Dict[str, str]:
    """The first long option of each parameter that has one. parameters: (name, its options)."""
    names: Dict[str, str] = {}
    for name, options in islice(parameters, MOST):
        for option in options:
            if type(option) is str and option.startswith("--"):
                names.setdefault(name, option)
    return names


def is_plain(value: Any, depth: int = 4, most: int = 1000) -> bool:
    """Whether a value is made of JSON values only; no method of the program is called.

    depth: of nested containers. most: items of a container.
    """
    if type(value) in _PLAIN:
        return True
    if depth <= 0 or type(value) not in (list, tuple, dict) or len(value) > most:
        return False
    inner = [*value.keys(), *value.values()] if type(value) is dict else list(value)
    return all(is_plain(item, depth - 1, most) for item in inner)
