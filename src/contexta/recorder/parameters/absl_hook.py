"""Record the flags that absl parses for a program, without importing it.

After the import of absl's flags, ``FlagValues.__call__`` is replaced by a function that calls it and records the flags
of the program: those that its main module defines or names as its own, and those on the command line. Standard library
only, Python 3.8.
"""

from __future__ import annotations

import sys

from contexta.recorder import after_import
from contexta.recorder.parameters.plain_values import MOST, plain_values

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any, Callable, Dict

    Record = Callable[[Dict[str, Any], Dict[str, str]], None]


def watch(record: Record) -> None:
    """record: takes the plain values of the flags, and the options that set them, by name."""
    after_import.watch({"absl.flags._flagvalues": lambda module: _replace(module, record)})


def _replace(module: ModuleType, record: Record) -> None:
    """Does nothing where the parts of absl are missing."""
    flag_values = getattr(module, "FlagValues", None)
    if not isinstance(flag_values, type) or "__call__" not in vars(flag_values):
        return
    original = vars(flag_values)["__call__"]

    def call(self: Any, argv: Any, known_only: bool = False) -> Any:
        is_of_process = list(argv) == sys.argv
        rest = original(self, argv, known_only)
        try:
            if is_of_process:
                own = [flag.name for flag in self.get_key_flags_for_module(sys.argv[0])]
                names = dict.fromkeys([*own, *(name for name in self if self[name].present)])
                values = {name: self[name].value for name in list(names)[:MOST]}
                record(plain_values(values), {name: f"--{name}" for name in values})
        except Exception:  # noqa: BLE001  # the program must not notice
            pass
        return rest

    for name in ("__doc__", "__module__", "__name__", "__qualname__"):
        setattr(call, name, getattr(original, name, None))
    flag_values.__call__ = call  # type: ignore[method-assign]  # replaced on purpose
