"""Record the arguments that click, or typer, parses for a program, without importing them.

After each import of click, ``make_context`` of its commands is replaced by a function that calls it and records the
parsed values. Standard library only, Python 3.8.
"""

from __future__ import annotations

import sys

from contexta.recorder import after_import
from contexta.recorder.parameters.plain_values import long_options, plain_values
from contexta.recorder.replaced_methods import after, argument

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
    roots: List[Any] = []  # the context that the arguments of the process are parsed in

    def has_arguments_of_process(_: Any, arguments: Any, options: Any) -> bool:
        """Called before click parses, because that empties the list of arguments."""
        words, parent = argument(arguments, options, 1, "args"), argument(arguments, options, 2, "parent")
        return parent is None and list(words) == sys.argv[1:]

    def parsed(self: Any, _: Any, __: Any, context: Any, is_of_process: Any) -> None:
        if is_of_process and not context.resilient_parsing:
            roots[:] = [context]
        if any(context.find_root() is root for root in roots):
            record(plain_values(context.params), long_options((param.name, param.opts) for param in self.params))

    after(command, "make_context", parsed, before=has_arguments_of_process)
