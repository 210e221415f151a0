"""The parameters and results of a run as mappings, as in other trackers.

Standard library only, Python 3.8.
"""

from __future__ import annotations

from collections.abc import MutableMapping

from contexta.core.errors import InvalidInput, shown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, Iterator

    _Mapping = MutableMapping[str, Any]
else:
    _Mapping = MutableMapping

SUMMARY = "summary."  # before the names of results among the values of a run


class _View(_Mapping):
    """The values of a run whose names begin with a prefix, without the prefix."""

    _prefix = ""

    def __init__(self, values: Dict[str, Any], record: Callable[[str, Any], None]) -> None:
        """record: called with the name and the value of each assignment; it changes ``values``."""
        self.__dict__.update(_values=values, _record=record)

    def __getitem__(self, key: str) -> Any:
        return self._values[self._prefix + key]

    def __setitem__(self, key: str, value: Any) -> None:
        self._record(key, value)

    def __delitem__(self, key: str) -> None:
        raise InvalidInput(f"{shown(key)} is already recorded and cannot be deleted", hint="set it to None")

    def __iter__(self) -> Iterator[str]:
        return (name[len(self._prefix) :] for name in list(self._values) if self._has(name))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name not in self:
            raise AttributeError(f"{type(self).__name__} has no {name!r}")
        return self[name]

    def __setattr__(self, name: str, value: Any) -> None:
        self[name] = value

    def _has(self, name: str) -> bool:
        return name.startswith(self._prefix)


class Config(_View):
    """The parameters of a run."""

    def _has(self, name: str) -> bool:
        return not name.startswith(SUMMARY)


class Summary(_View):
    """The results of a run."""

    _prefix = SUMMARY
