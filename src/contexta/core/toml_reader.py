"""Read TOML 1.0 on Pythons without ``tomllib`` (before 3.11), and the readable part of an invalid document.

The reader agrees with ``tomllib`` on every valid document, except that dates and times stay text (``Moment``). It
accepts some documents that TOML forbids, such as one that extends an inline table. Standard library only, Python 3.8.
"""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Match, Pattern, Tuple

_SPACE = re.compile(r"[ \t]*")
_BLANK = re.compile(r"(?:[ \t\n]|#[^\n]*)*")
_END_OF_LINE = re.compile(r"[ \t]*(?:#[^\n]*)?(?:\n|\Z)")
_HEADER = re.compile(r"^[ \t]*\[", re.MULTILINE)  # of a table
_FORBIDDEN = re.compile(r"[\0-\x08\x0b-\x1f\x7f]")
_KEY = re.compile(r"[A-Za-z0-9_-]+")
_BARE = re.compile(r"[0-9A-Za-z_:.+-]+(?: [0-9]{2}:[0-9:.+Zz-]+)?")
_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{2}:[0-9]{2}")
# opening quotes -> the string, of which group 1 and 2 are the content; triple quotes first
_STRINGS: "Dict[str, Pattern[str]]" = {
    '"""': re.compile(r'"""\n?((?:[^"\\]|\\.|"{1,2}(?!"))*)("{0,2})"""', re.DOTALL),
    "'''": re.compile(r"'''\n?((?:[^']|'{1,2}(?!'))*)('{0,2})'''", re.DOTALL),
    '"': re.compile(r'"((?:[^"\\\n]|\\.)*)()"'),
    "'": re.compile(r"'([^'\n]*)()'"),
}
_ESCAPE = re.compile(r'\\(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(["\\bfnrt])|([ \t]*\n[ \t\n]*))|(\\)')
_LETTERS = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}


class Moment(str):
    """A date or a time, as it is written."""


def read(text: str) -> "Tuple[Dict[str, Any], str]":
    """(document, fault) of a TOML text.

    fault: the first reason why the document is invalid, or empty. After a fault the next table header is read.
    """
    reader = _Reader(text.replace("\r\n", "\n"))
    reader.read()
    return reader.document, reader.fault


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0
        self.document: "Dict[str, Any]" = {}
        self.fault = ""
        self._table = self.document
        forbidden = _FORBIDDEN.search(text)
        if forbidden is not None:
            self._fail("a control character", forbidden.start())

    def read(self) -> None:
        self._skip(_BLANK)
        while self.position < len(self.text):
            try:
                self._statement()
            except (ValueError, RecursionError) as error:
                self._fail(str(error), self.position)
                header = _HEADER.search(self.text, self.position)
                self.position = header.start() if header is not None else len(self.text)
            self._skip(_BLANK)

    def _fail(self, reason: str, position: int) -> None:
        line = self.text.count("\n", 0, position) + 1
        self.fault = self.fault or f"{reason} (at line {line})"

    def _statement(self) -> None:
        if self._takes("[["):
            self._table = self._element(self._path("]]"))
        elif self._takes("["):
            self._table = _descend(self.document, self._path("]"))
        else:
            self._assign(self._table)
        self._match(_END_OF_LINE, "the end of the line")

    def _path(self, end: str) -> "List[str]":
        path = self._keys()
        if not self._takes(end):
            raise ValueError(f"{end} was expected")
        return path

    def _element(self, path: "List[str]") -> "Dict[str, Any]":
        """A new table at the end of an array of tables."""
        elements = _descend(self.document, path[:-1]).setdefault(path[-1], [])
        if not isinstance(elements, list):
            raise ValueError(f"{path[-1]} is not an array of tables")
        elements.append({})
        table: "Dict[str, Any]" = elements[-1]
        return table

    def _assign(self, table: "Dict[str, Any]") -> None:
        *path, name = self._keys()
        if not self._takes("="):
            raise ValueError("= was expected")
        self._skip(_SPACE)
        value = self._value()
        table = _descend(table, path)
        if name in table:
            raise ValueError(f"{name} has two values")
        table[name] = value

    def _keys(self) -> "List[str]":
        keys = []
        while True:
            self._skip(_SPACE)
            quote = self.text[self.position : self.position + 1]
            keys.append(self._string(quote) if quote in ("'", '"') else self._match(_KEY, "a key").group())
            self._skip(_SPACE)
            if not self._takes("."):
                return keys

    def _value(self) -> "Any":
        for quotes in _STRINGS:
            if self.text.startswith(quotes, self.position):
                return self._string(quotes)
        if self._takes("["):
            return self._array()
        if self._takes("{"):
            return self._inline_table()
        return _scalar(self._match(_BARE, "a value").group())

    def _array(self) -> "List[Any]":
        values: "List[Any]" = []
        while True:
            self._skip(_BLANK)
            if self._takes("]"):
                return values
            values.append(self._value())
            self._skip(_BLANK)
            if not self._takes(",") and not self.text.startswith("]", self.position):
                raise ValueError("] was expected")

    def _inline_table(self) -> "Dict[str, Any]":
        table: "Dict[str, Any]" = {}
        self._skip(_SPACE)
        if self._takes("}"):
            return table
        while True:
            self._assign(table)
            self._skip(_SPACE)
            if self._takes("}"):
                return table
            if not self._takes(","):
                raise ValueError("} was expected")

    def _string(self, quotes: str) -> str:
        match = self._match(_STRINGS[quotes], f"a text in {quotes}")
        content = match.group(1) + match.group(2)
        return content if quotes[0] == "'" else _ESCAPE.sub(_unescaped, content)

    def _takes(self, token: str) -> bool:
        if not self.text.startswith(token, self.position):
            return False
        self.position += len(token)
        return True

    def _skip(self, pattern: "Pattern[str]") -> bool:
        match = pattern.match(self.text, self.position)
        if match is not None:
            self.position = match.end()
        return match is not None

    def _match(self, pattern: "Pattern[str]", expected: str) -> "Match[str]":
        match = pattern.match(self.text, self.position)
        if match is None:
            raise ValueError(f"{expected} was expected")
        self.position = match.end()
        return match


def _descend(table: "Dict[str, Any]", path: "List[str]") -> "Dict[str, Any]":
    """The table at a path, created if missing; for an array of tables the last table."""
    for name in path:
        below = table.setdefault(name, {})
        if isinstance(below, list) and below:
            below = below[-1]
        if not isinstance(below, dict):
            raise ValueError(f"{name} is not a table")
        table = below
    return table


def _scalar(text: str) -> "Any":
    if text in ("true", "false"):
        return text == "true"
    if _MOMENT.match(text):
        return Moment(text)
    try:
        return int(text, 0)
    except ValueError:
        return float(text)


def _unescaped(match: "Match[str]") -> str:
    four, eight, letter, line_end, fault = match.groups()
    if fault:
        raise ValueError("an unknown escape in a text")
    if letter or line_end:
        return "" if line_end else _LETTERS.get(letter, letter)
    code = int(four or eight, 16)
    if 0xD800 <= code < 0xE000 or code > 0x10FFFF:
        raise ValueError("an escape that is no character")
    return chr(code)
