"""A run's parameters and results as mappings, as other trackers spell them.

Standard library only, Python 3.8.
"""

from __future__ import annotations

from collections.abc import MutableMapping

from contexta.core.errors import InvalidInput, shown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Iterator

    from contexta.recorder.session.run import Run

    _Mapping = MutableMapping[str, Any]
else:
    _Mapping = MutableMapping


class _View(_Mapping):
    """What a run was told under names, to read and to write."""

    _prefix = ""

    def __init__(self, run: "Run") -> None:
        object.__setattr__(self, "_run", run)

    def __getitem__(self, key: str) -> Any:
        return self._run._values[self._prefix + key]

    def __setitem__(self, key: str, value: Any) -> None:
        self._run.param(self._prefix + key, value)

    def __delitem__(self, key: str) -> None:
        raise InvalidInput(f"{shown(key)} is recorded and cannot be taken back", hint="set it to None")

    def __iter__(self) -> Iterator[str]:
        return (name[len(self._prefix) :] for name in list(self._run._values) if self._is_mine(name))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name not in self:
            raise AttributeError(f"{type(self).__name__} has no {name!r}")
        return self[name]

    def __setattr__(self, name: str, value: Any) -> None:
        self[name] = value

    def _is_mine(self, name: str) -> bool:
        return name.startswith(self._prefix)


class Config(_View):
    """The parameters of a run."""

    def _is_mine(self, name: str) -> bool:
        return not name.startswith(Summary._prefix)


class Summary(_View):
    """Where a run ended."""

    _prefix = "summary."

    def __setitem__(self, key: str, value: Any) -> None:
        try:
            self._run.metric(key, value)
        except InvalidInput:
            self._run.param(self._prefix + key, value)
        else:
            self._run._values[self._prefix + key] = value
