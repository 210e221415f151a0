"""Record the namespace that the argparse of a program parses, without importing argparse.

After each import of argparse, ``ArgumentParser.parse_known_args`` is replaced by a function that calls it and records
its result. Standard library only, Python 3.8.
"""

from __future__ import annotations

import sys

from contexta.recorder import after_import
from contexta.recorder.parameters.plain_values import long_options, plain_values
from contexta.recorder.replaced_methods import after, argument

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any, Callable, Dict

    Record = Callable[[Dict[str, Any], Dict[str, str]], None]


def watch(record: Record) -> None:
    """record: takes the plain values of a namespace, and the options that set them, such as ``--seed``, by name.

    Called for each parse of the arguments of the process.
    """
    after_import.watch({"argparse": lambda module: _replace(module, record)})


def _replace(module: ModuleType, record: Record) -> None:
    """Does nothing if a program has its own argparse that lacks these parts."""

    def parsed(parser: Any, arguments: Any, options: Any, result: Any) -> None:
        words = argument(arguments, options, 0, "args")
        if words is None or list(words) == sys.argv[1:]:  # a parser of a subcommand gets fewer
            names = long_options((action.dest, action.option_strings) for action in parser._actions)
            record(plain_values(vars(result[0])), names)

    after(getattr(module, "ArgumentParser", None), "parse_known_args", parsed)
