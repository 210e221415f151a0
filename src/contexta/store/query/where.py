"""Parse the language of ``--where`` and ``--sort`` into conditions. Pure.

::

    where     = any
    any       = all ("or" all)*
    all       = one ("and" one)*
    one       = "not" one | "(" any ")" | "has" field | field operator value
              | field ["not"] "in" "(" value ("," value)* ")"
    operator  = "=" | "==" | "!=" | "<" | "<=" | ">" | ">=" | "contains" | "like"
    field     = "metrics." name | "params." name | "tags." name | "packages." name | status | name | run | project
              | started | ended | duration | python | platform
    value     = word | "quoted" | 'quoted'

A name or value that contains spaces, quotes or one of ``( ) , = < > !`` needs quotes, with a backslash before a quote
inside: ``metrics."val loss" < 0.3``. The words of the language are case-insensitive.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import NoReturn, TypeAlias

from contexta.core.errors import InvalidInput, shown
from contexta.core.validation import require_storable

KEYED = ("metrics", "params", "tags", "packages")
PLAIN = ("status", "name", "run", "project", "started", "ended", "duration", "python", "platform")
OPERATORS = ("=", "!=", "<", "<=", ">", ">=", "contains", "like", "in", "not in")
MAX_LENGTH = 10_000
_MAX_DEPTH = 50
_MAX_TESTS = 100

_TOKEN = re.compile(
    r"""\s*(?:(?P<mark>==|!=|<=|>=|[=<>(),!])|(?P<word>(?:[^\s()=<>!,"'\\]+|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')+))"""
)
_QUOTED = re.compile(r""""((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'|([^"']+)""")


@dataclass(frozen=True)
class Field:
    """A field of a run. name: of a metric, parameter, tag or package; empty for others. at: its place in the text."""

    kind: str
    name: str
    at: int

    def __str__(self) -> str:
        return f"{self.kind}.{self.name}" if self.name else self.kind


@dataclass(frozen=True)
class Literal:
    """A value as it was written. quoted: whether it is a text in any case."""

    text: str
    quoted: bool
    at: int


@dataclass(frozen=True)
class Test:
    """``field operator value``; ``in`` and ``not in`` take several values."""

    field: Field
    operator: str
    values: tuple[Literal, ...]


@dataclass(frozen=True)
class Has:
    field: Field


@dataclass(frozen=True)
class Not:
    of: Where


@dataclass(frozen=True)
class All:
    of: tuple[Where, ...]


@dataclass(frozen=True)
class Some:
    of: tuple[Where, ...]


Where: TypeAlias = "Test | Has | Not | All | Some"


@dataclass(frozen=True)
class Order:
    """``field [asc|desc]``, or ``-field`` for descending."""

    field: Field
    descending: bool


def parse(text: str) -> Where:
    """The condition of a text. Raises InvalidInput that points at the fault."""
    parser = _Parser(text, "where")
    condition = parser.any(0)
    parser.end("`and`, `or`, or the end")
    return condition


def parse_order(text: str) -> Order:
    """The order of a text. Raises InvalidInput that points at the fault."""
    parser = _Parser(text, "sort")
    descending = parser.word.startswith("-")
    field = parser.field(skip=int(descending))
    if parser.takes("asc") or parser.takes("desc"):
        descending = parser.before.lower() == "desc"
    parser.end("`asc`, `desc`, or the end")
    return Order(field, descending)


class Pointed:
    """Refuse a place in a text: the message shows the text with a caret below the place."""

    def __init__(self, text: str, message: str) -> None:
        self.text = text
        self._what = message

    def refuse(self, at: int, words: str, hint: str) -> NoReturn:
        start = max(0, at - 60)
        line = "".join(c if c.isprintable() else " " for c in self.text[start : start + 100])
        raise InvalidInput(f"{self._what}: {words}\n  {line}\n  {' ' * (at - start)}^", hint=hint)


class _Parser:
    def __init__(self, text: str, message: str) -> None:
        if not isinstance(text, str) or not text.strip():
            raise InvalidInput(f"{message} is {shown(text)}", hint='e.g. "metrics.accuracy > 0.9 and params.lr = 0.1"')
        require_storable(text)
        if len(text) > MAX_LENGTH:
            raise InvalidInput(f"{message} has {len(text)} characters", hint=f"the limit is {MAX_LENGTH}")
        self._pointed = Pointed(text, message)
        self._tests = 0
        self._tokens = self._read(text)
        self._place = 0

    def _read(self, text: str) -> list[tuple[str, str, int]]:
        """(mark or word or end, its text, its place)"""
        tokens, at = [], 0
        while text[at:].strip():
            match = _TOKEN.match(text, at)
            if match is None:
                at += len(text[at:]) - len(text[at:].lstrip())
                hint = "close the quote" if text[at:].count(text[at]) == 1 else "put it into quotes"
                self._pointed.refuse(at, f"{shown(text[at])} cannot be read here", hint)
            kind = str(match.lastgroup)
            tokens.append((kind, match[kind], match.start(kind)))
            at = match.end()
        return [*tokens, ("end", "", len(text))]

    # ------------------------------------------------------------------------------------------ tokens

    @property
    def word(self) -> str:
        return self._tokens[self._place][1]

    @property
    def before(self) -> str:
        return self._tokens[self._place - 1][1]

    @property
    def _at(self) -> int:
        return self._tokens[self._place][2]

    def takes(self, word: str) -> bool:
        """Whether the next word is this one; then it is consumed."""
        is_next = self.word.lower() == word
        self._place += is_next
        return is_next

    def end(self, expected: str) -> None:
        if self._tokens[self._place][0] != "end":
            self._refuse(f"expected {expected}, not {shown(self.word)}", 'join conditions with "and" or "or"')

    def _refuse(self, words: str, hint: str) -> NoReturn:
        self._pointed.refuse(self._at, words, hint)

    def _need(self, mark: str) -> None:
        if not self.takes(mark):
            self._refuse(f"expected {mark}, not {self._here()}", f"add the {mark}")

    def _here(self) -> str:
        return shown(self.word) if self._tokens[self._place][0] != "end" else "the end"

    # ------------------------------------------------------------------------------------------ conditions

    def any(self, depth: int) -> Where:
        return self._joined("or", Some, lambda: self._all(depth))

    def _all(self, depth: int) -> Where:
        return self._joined("and", All, lambda: self._one(depth))

    def _joined(self, word: str, kind: type[All] | type[Some], part: Callable[[], Where]) -> Where:
        parts = [part()]
        while self.takes(word):
            parts.append(part())
        return kind(tuple(parts)) if len(parts) > 1 else parts[0]

    def _one(self, depth: int) -> Where:
        if depth > _MAX_DEPTH:
            self._refuse(f"it is nested more than {_MAX_DEPTH} deep", "write it flatter")
        if self.takes("not"):
            return Not(self._one(depth + 1))
        if self.takes("("):
            condition = self.any(depth + 1)
            self._need(")")
            return condition
        self._tests += 1
        if self._tests > _MAX_TESTS:
            self._refuse(f"it has more than {_MAX_TESTS} conditions", 'use "in (...)", or two queries')
        if self.takes("has"):
            return Has(self.field())
        return self._test()

    def _test(self) -> Test:
        field = self.field()
        if self.takes("not"):
            self._need("in")
            return Test(field, "not in", self._values())
        if self.takes("in"):
            return Test(field, "in", self._values())
        operator = "=" if self.word == "==" else self.word.lower()
        if operator not in OPERATORS:
            words = f"expected an operator after {field}, not {self._here()}"
            self._refuse(words, f"one of {' '.join(OPERATORS)}; or `has {field}`")
        self._place += 1
        return Test(field, operator, (self._value(),))

    def _values(self) -> tuple[Literal, ...]:
        self._need("(")
        values = [self._value()]
        while self.takes(","):
            values.append(self._value())
        self._need(")")
        return tuple(values)

    def _value(self) -> Literal:
        kind, text, at = self._tokens[self._place]
        if kind != "word":
            self._refuse(f"expected a value, not {self._here()}", "a text with spaces or marks is quoted")
        self._place += 1
        return Literal(_unquoted(text), text[0] in "\"'", at)

    def field(self, skip: int = 0) -> Field:
        """Consume a field. skip: the number of characters of the word before the field."""
        kind, text, at = self._tokens[self._place]
        text, at = text[skip:], at + skip
        if kind != "word" or not text:
            self._refuse(f"expected a field, not {self._here()}", _KNOWN)
        head, dot, name = text.partition(".")
        if head in KEYED:
            if not dot or not _unquoted(name):
                self._refuse(f"{head} needs a name after it", f"e.g. {_EXAMPLES[head]}")
            self._place += 1
            return Field(head, _unquoted(name), at)
        if text in PLAIN:
            self._place += 1
            return Field(text, "", at)
        close = get_close_matches(head.lower()[:50], (*KEYED, *PLAIN), n=1)
        suggestion = close[0] if close else f"metrics.{text}"
        rest = f".{name}" if suggestion in KEYED else ""
        return self._refuse(f"there is no field {shown(text)}", f"did you mean {suggestion}{rest}? {_KNOWN}")


_KNOWN = f"fields are {', '.join(f'{kind}.NAME' for kind in KEYED)}, {', '.join(PLAIN)}"
_EXAMPLES = {
    "metrics": "metrics.accuracy",
    "params": "params.lr",
    "tags": "tags.team",
    "packages": "packages.torch",
}


def _unquoted(text: str) -> str:
    parts = (double or single or bare for double, single, bare in _QUOTED.findall(text))
    return "".join(re.sub(r"\\(.)", r"\1", part, flags=re.DOTALL) for part in parts)
