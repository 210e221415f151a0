"""The page of a finding that has no special page: field by field."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from contexta.core.model import Value
from contexta.reports.document.blocks import Report, Row, Section, Table
from contexta.reports.document.formatting import amount, shortened
from contexta.reports.pages.common import as_text

_MOST_CHARACTERS = 300  # of one value
_WORD_BOUNDARY = re.compile(r"(?<=[a-z])(?=[A-Z])")


def fields(finding: Value) -> Report:
    """A table of the single values, then a table for each list of values."""
    values = dict(_fields(finding))
    lists = {name: value for name, value in values.items() if _is_list(value)}
    rows = tuple(Row(cells=(name, _text(value))) for name, value in values.items() if name not in lists)
    sections = [Section(title="", blocks=(Table(columns=("", ""), rows=rows),))]
    sections += [Section(title=_words(name), blocks=(_table(items),)) for name, items in lists.items()]
    return Report(title=_WORD_BOUNDARY.sub(" ", type(finding).__name__), sections=tuple(sections))


def _is_list(value: object) -> bool:
    return isinstance(value, tuple) and bool(value) and all(isinstance(item, Value) for item in value)


def _table(values: Sequence[Value]) -> Table:
    lines = [dict(_fields(value)) for value in values]
    names = list(dict.fromkeys(name for line in lines for name in line))
    return Table(
        columns=tuple(map(_words, names)),
        rows=tuple(Row(cells=tuple(_text(line.get(name)) for name in names)) for line in lines),
    )


def _fields(value: Value) -> Iterator[tuple[str, Any]]:
    for name in (*type(value).model_fields, *type(value).model_computed_fields):
        yield name, getattr(value, name)


def _text(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return amount(value)
    if isinstance(value, Value):
        text = value.model_dump_json()
    elif isinstance(value, tuple):
        text = ", ".join(map(_text, value))
    else:
        text = as_text(value)
    return shortened(text, _MOST_CHARACTERS)


def _words(name: str) -> str:
    return name.replace("_", " ")
