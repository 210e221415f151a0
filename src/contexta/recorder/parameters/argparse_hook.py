"""Record the namespace that the argparse of a program parses, without importing argparse.

After each import of argparse, ``ArgumentParser.parse_known_args`` is replaced by a function that calls it and records
its result. Standard library only, Python 3.8.
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
    """record: takes the plain values of a namespace, and the options that set them, such as ``--seed``, by name.

    Called for each parse of the arguments of the process.
    """
    after_import.watch({"argparse": lambda module: _replace(module, record)})


def _replace(module: ModuleType, record: Record) -> None:
    """Does nothing if a program has its own argparse that lacks these parts."""
    parser = getattr(module, "ArgumentParser", None)
    original = getattr(parser, "parse_known_args", None)
    if not isinstance(parser, type) or not callable(original):
        return
    depth = [0]  # calls of parsers of subcommands, which the first parser makes

    def parse_known_args(self: Any, args: Any = None, namespace: Any = None) -> Any:
        depth[0] += 1
        try:
            result = original(self, args, namespace)
        finally:
            depth[0] -= 1
        if not depth[0]:
            try:
                if args is None or list(args) == sys.argv[1:]:
                    record(plain_values(vars(result[0])), _options_of(self))
            except Exception:  # noqa: BLE001  # the program must not notice
                pass
        return result

    for name in ("__doc__", "__module__", "__name__", "__qualname__"):
        setattr(parse_known_args, name, getattr(original, name, None))
    parser.parse_known_args = parse_known_args  # type: ignore[attr-defined]  # replaced on purpose


def _options_of(parser: Any) -> Dict[str, str]:
    """The long option of each value, where there is one."""
    options: Dict[str, str] = {}
    for action in parser._actions[:MOST]:
        for option in action.option_strings:
            if type(option) is str and option.startswith("--"):
                options.setdefault(action.dest, option)
    return options
