"""Read the configuration files that a command names: JSON, TOML and YAML, up to a size.

YAML is read by PyYAML where this process can import it, else only if it is simple. Standard library only, Python 3.8.
"""

from __future__ import annotations

import json
import os
import re
import sys
from importlib import import_module

from contexta.recorder.notes import note, reason
from contexta.recorder.parameters.command_options import value_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, Iterator, List, Sequence, Tuple

    from contexta.recorder.notes import Note

TOPIC = "parameters"
_LARGEST = 256 * 1024  # bytes of a file
_MOST = 500  # parameters of a file; a larger one holds data
_DEEPEST = 10
_SUFFIXES = (".json", ".toml", ".yaml", ".yml")
_YAML_LINE = re.compile(r"""(?P<indent> *)(?P<key>[\w./-]+|"[^"]*"|'[^']*'):(?:\s+(?P<value>.*))?\Z""")
_YAML_WORDS = {"true": True, "false": False, "null": None, "~": None, "": None}


class Unreadable(Exception):
    """The reason why a file has no readable parameters."""


def read_named(command: Sequence[str], directory: str) -> Tuple[List[Tuple[str, Dict[str, Any]]], List[Note]]:
    """([(file as it is named, its content)], notes) of the files that a command names. directory: of the command."""
    contents: List[Tuple[str, Dict[str, Any]]] = []
    notes: List[Note] = []
    for name in dict.fromkeys(word.rpartition("=")[2].lstrip("@") for word in command[1:]):
        path = os.path.join(directory, os.path.expanduser(name))
        if not name.lower().endswith(_SUFFIXES) or not os.path.isfile(path):
            continue
        try:
            content = _read(path)
        except (OSError, Unreadable) as error:
            notes.append(note(TOPIC, f"{name} was not read: {reason(error)}"))
            continue
        if isinstance(content, dict):
            contents.append((name, content))
    return contents, notes


def flat(content: Any, above: str = "", depth: int = 0) -> Iterator[Tuple[str, Any]]:
    """The parameters of a configuration, with the names of nested ones joined by dots. A list is one value."""
    if isinstance(content, dict) and content and depth < _DEEPEST:
        for key, value in content.items():
            yield from flat(value, f"{above}.{key}" if above else str(key), depth + 1)
    elif above:
        yield above, content


def _read(path: str) -> Any:
    """The content of a file. Raises OSError, Unreadable."""
    if os.path.getsize(path) > _LARGEST:
        raise Unreadable(f"it has more than {_LARGEST} bytes")
    with open(path, "rb") as file:
        data = file.read(_LARGEST + 1)
    try:
        text = data.decode("utf-8-sig")
        content = _PARSERS[os.path.splitext(path)[1].lower()](text)
    except (ValueError, RecursionError) as error:
        raise Unreadable(str(error) or type(error).__name__) from None
    if isinstance(content, dict) and _count(content) > _MOST:
        raise Unreadable(f"it has more than {_MOST} values")
    return content


def _count(content: Any) -> int:
    """The number of values in a configuration, counted up to the limit."""
    count, waiting = 0, [content]
    while waiting and count <= _MOST:
        value = waiting.pop()
        count += 1
        if isinstance(value, dict):
            waiting += list(value.values())[: _MOST + 1]
        elif isinstance(value, list):
            waiting += value[: _MOST + 1]
    return count


def _toml(text: str) -> Any:
    if sys.version_info < (3, 11):
        raise Unreadable("`contexta run` needs Python 3.11 to read TOML")
    import tomllib

    return tomllib.loads(text)


def parsed_yaml(text: str) -> Any:
    """The content of a YAML text, without objects. Raises Unreadable."""
    try:
        yaml = import_module("yaml")  # optional: in this process, never in the process of the program
    except Exception:  # noqa: BLE001  # it is missing, or broken
        return _simple_yaml(text)
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise Unreadable(" ".join(str(error).split())) from None


def _simple_yaml(text: str) -> Any:
    """Nested mappings and lists of scalars. Raises Unreadable for any other YAML."""
    lines: List[Tuple[int, int, str]] = []  # (number, indentation, content)
    for number, raw in enumerate(text.splitlines(), 1):
        line = re.sub(r"(?:^|\s)#.*$", "", raw).rstrip()
        content = line.lstrip(" ")
        if content and content != "---":
            lines.append((number, len(line) - len(content), content))
    if not lines:
        return {}
    value, position = _block(lines, 0)
    if position < len(lines):
        raise _not_simple(lines[position][0])
    return value


def _block(lines: List[Tuple[int, int, str]], position: int) -> Tuple[Any, int]:
    """(the mapping or list that begins at a line, the position after it). Raises Unreadable."""
    indent = lines[position][1]
    is_list = _is_entry(lines[position][2])
    mapping: Dict[str, Any] = {}
    entries: List[Any] = []
    while position < len(lines) and lines[position][1] == indent and _is_entry(lines[position][2]) == is_list:
        number, _, content = lines[position]
        rest = content[1:].lstrip(" ") if is_list else content
        match = _YAML_LINE.match(rest)
        if is_list and (match or _is_entry(rest)):  # an entry that is a mapping or a list itself
            lines[position] = (number, indent + len(content) - len(rest), rest)
            value, position = _block(lines, position)
        else:
            text = rest if is_list else match["value"] or "" if match else None
            if text is None:
                raise _not_simple(number)
            position += 1
            if not text and position < len(lines) and _is_below(lines[position], indent, is_list):
                value, position = _block(lines, position)
            else:
                value = _scalar(text, number)
        if is_list:
            entries.append(value)
        elif match:
            mapping[match["key"].strip("\"'")] = value
    if position < len(lines) and lines[position][1] > indent:
        raise _not_simple(lines[position][0])
    return (entries if is_list else mapping), position


def _is_entry(content: str) -> bool:
    return content == "-" or content.startswith("- ")


def _is_below(line: Tuple[int, int, str], indent: int, is_list: bool) -> bool:
    """Whether a line begins the value of the line before it: a list may be as far left as its key."""
    return line[1] > indent or (line[1] == indent and not is_list and _is_entry(line[2]))


def _not_simple(number: int) -> Unreadable:
    return Unreadable(f"PyYAML is not installed here, and line {number} is not simple YAML")


def _scalar(text: str, number: int) -> Any:
    """The value of one YAML scalar or list in brackets."""
    text = text.strip()
    if text[:1] == "[" and text[-1:] == "]":
        return [_scalar(part, number) for part in text[1:-1].split(",") if part.strip()]
    if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'":
        return text[1:-1]
    if text[:1] in tuple("{[&*!|>%@`\"'"):
        raise _not_simple(number)
    return _YAML_WORDS.get(text.lower(), value_of(text))


_PARSERS: Dict[str, Callable[[str], Any]] = {
    ".json": json.loads,
    ".toml": _toml,
    ".yaml": parsed_yaml,
    ".yml": parsed_yaml,
}
