"""Record the flags that absl parses for a program, without importing it.

After the import of absl's flags, ``FlagValues.__call__`` is replaced by a function that calls it and records the flags
of the program: those that its main module defines or names as its own, and those on the command line. Standard library
only, Python 3.8.
"""

from __future__ import annotations

import sys

from contexta.recorder import after_import
from contexta.recorder.parameters.plain_values import MOST, plain_values
from contexta.recorder.replaced_methods import after, argument

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

    def parsed(flags: Any, arguments: Any, options: Any, _: Any) -> None:
        if list(argument(arguments, options, 0, "argv")) == sys.argv:
            own = [flag.name for flag in flags.get_key_flags_for_module(sys.argv[0])]
            names = dict.fromkeys([*own, *(name for name in flags if flags[name].present)])
            values = {name: flags[name].value for name in list(names)[:MOST]}
            record(plain_values(values), {name: f"--{name}" for name in values})

    after(getattr(module, "FlagValues", None), "__call__", parsed)
