"""Record the arguments that click, or typer, parses for a program, without importing them.

After each import of click, ``make_context`` of its commands is replaced by a function that calls it and records the
parsed values. Standard library only, Python 3.8.
"""

from __future__ import annotations

import sys

from contexta.recorder import after_import
from contexta.recorder.parameters.plain_values import MOST, plain_values

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any, Callable, Dict, List

    Record = Callable[[Dict[str, Any], Dict[str, str]], None]

_MODULES = ("click.core", "typer._click.core")  # typer has a click of its own since 0.27


def watch(record: Record) -> None:
    """record: takes the plain values of one command or subcommand, and the options that set them, by name."""
    after_import.watch(dict.fromkeys(_MODULES, lambda module: _replace(module, record)))


def _replace(module: ModuleType, record: Record) -> None:
    """``BaseCommand`` has the method before click 8.2. A program may have a module click of its own."""
    commands = (vars(module).get(name) for name in ("BaseCommand", "Command"))
    command = next((item for item in commands if isinstance(item, type) and "make_context" in vars(item)), None)
    if command is None:
        return
    original = vars(command)["make_context"]
    roots: List[Any] = []  # the context that the arguments of the process are parsed in

    def make_context(self: Any, info_name: Any, args: Any, parent: Any = None, **extra: Any) -> Any:
        is_of_process = parent is None and list(args) == sys.argv[1:]
        context = original(self, info_name, args, parent, **extra)
        try:
            if is_of_process and not context.resilient_parsing:
                roots[:] = [context]
            if any(context.find_root() is root for root in roots):
                record(plain_values(context.params), _options_of(self))
        except Exception:  # noqa: BLE001  # the program must not notice
            pass
        return context

    for name in ("__doc__", "__module__", "__name__", "__qualname__"):
        setattr(make_context, name, getattr(original, name, None))
    command.make_context = make_context  # type: ignore[attr-defined]  # replaced on purpose


def _options_of(command: Any) -> Dict[str, str]:
    """The long option of each value, where there is one."""
    options: Dict[str, str] = {}
    for param in command.params[:MOST]:
        for option in param.opts:
            if type(option) is str and option.startswith("--"):
                options.setdefault(param.name, option)
    return options
