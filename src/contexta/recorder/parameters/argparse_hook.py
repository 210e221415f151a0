"""Record the namespace that the argparse of a program parses, without importing argparse.

After each import of argparse, ``ArgumentParser.parse_known_args`` is replaced by a function that calls it and records
its result. Standard library only, Python 3.8.
"""

from __future__ import annotations

import sys

from contexta.recorder import after_import

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any, Callable, Dict

    Record = Callable[[Dict[str, Any], Dict[str, str]], None]

_PLAIN = (str, int, float, bool, type(None))
_MOST = 500  # parameters of a program


def watch(record: Record) -> None:
    """record: takes the plain values of a namespace, and the options that set them, such as ``--seed``, by name.

    Called for each parse of the arguments of the process.
    """
    after_import.watch({"argparse": lambda module: _replace(module, record)})


def _replace(module: ModuleType, record: Record) -> None:
    """A program may have an argparse of its own: then this does nothing where its parts are missing."""
    parser = getattr(module, "ArgumentParser", None)
    original = getattr(parser, "parse_known_args", None)
    if not isinstance(parser, type) or not callable(original):
        return
    depth = [0]  # of parsers of subcommands, which are called by the first parser

    def parse_known_args(self: Any, args: Any = None, namespace: Any = None) -> Any:
        depth[0] += 1
        try:
            result = original(self, args, namespace)
        finally:
            depth[0] -= 1
        if not depth[0]:
            try:
                if args is None or list(args) == sys.argv[1:]:
                    record(_plain_values(vars(result[0])), _options_of(self))
            except Exception:  # noqa: BLE001  # the program must not notice
                pass
        return result

    for name in ("__doc__", "__module__", "__name__", "__qualname__"):
        setattr(parse_known_args, name, getattr(original, name, None))
    parser.parse_known_args = parse_known_args  # type: ignore[attr-defined]  # replaced on purpose


def _options_of(parser: Any) -> Dict[str, str]:
    """The long option of each value, where there is one."""
    options: Dict[str, str] = {}
    for action in parser._actions[:_MOST]:
        for option in action.option_strings:
            if type(option) is str and option.startswith("--"):
                options.setdefault(action.dest, option)
    return options


def _plain_values(namespace: Dict[str, Any]) -> Dict[str, Any]:
    """The values that are plain, by name; of paths and members of enumerations their texts. Functions are left out."""
    values: Dict[str, Any] = {}
    for name, value in list(namespace.items())[:_MOST]:
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
