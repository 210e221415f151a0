"""Suggest the next word of a query: fields, names of this workspace, operators and values."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from sqlalchemy import Connection, select, true

from contexta.store.query.near_names import existing_names
from contexta.store.query.where import KEYED, OPERATORS, PLAIN
from contexta.store.schema import tables

MOST = 20
_STATUSES = ("open", "completed", "failed", "cancelled", "crashed")
_WORD = re.compile(r"""(?:[^\s()=<>!,"'\\]|"(?:[^"\\]|\\.)*"?|'(?:[^'\\]|\\.)*'?)*\Z""")
_BEFORE = re.compile(r"""(?:==|!=|<=|>=|[=<>(),]|[^\s()=<>!,]+)\s*\Z""")
_SIMPLE = re.compile(r"""[^\s()=<>!,"'\\]+\Z""")
_NUMERIC = ("metrics", "started", "ended", "duration")


def completions(connection: Connection, text: str) -> tuple[int, tuple[str, ...]]:
    """(the place where a suggestion begins, at most 20 suggestions). text: the query up to the cursor."""
    match = _WORD.search(text)
    word = match[0] if match else ""
    start = len(text) - len(word)
    before = _BEFORE.search(text[:start])
    previous = before[0].strip() if before else ""
    suggestions = _fitting(connection, word, previous, text[:start])
    return start, tuple(dict.fromkeys(suggestions))[:MOST]


def _fitting(connection: Connection, word: str, previous: str, before: str) -> Iterator[str]:
    kind, dot, _ = previous.partition(".")
    if (dot and kind in KEYED) or previous in PLAIN:
        yield from _starting(_operators(kind), word)
    elif previous in OPERATORS or previous in ("==", ",") or (previous == "(" and re.search(r"\bin\s*\(\s*\Z", before)):
        yield from _starting(_values(connection, before), word)
    elif previous and previous.lower() not in ("and", "or", "not", "has", "("):
        yield from _starting(("and ", "or "), word)
    else:
        yield from _fields(connection, word, is_first=not previous)


def _operators(kind: str) -> list[str]:
    texts = ("contains", "like")
    return [f"{operator} " for operator in OPERATORS if not (kind in _NUMERIC and operator in texts)]


def _fields(connection: Connection, word: str, *, is_first: bool) -> Iterator[str]:
    kind, dot, name = word.partition(".")
    if dot and kind in KEYED:
        yield from (f"{kind}.{quoted(full)} " for full in names(connection, kind, name.strip("\"'")))
        return
    yield from _starting((*(f"{kind}." for kind in KEYED), *(f"{field} " for field in PLAIN)), word)
    if is_first or word:
        yield from _starting(("has ", "not "), word)
    if word:  # a bare name of any kind
        for kind in KEYED:
            yield from (f"{kind}.{quoted(full)} " for full in names(connection, kind, word))


def names(connection: Connection, kind: str, part: str = "") -> list[str]:
    """The names of metrics, parameters, tags or packages that begin with a text, then those that contain it."""
    column, where = {
        "metrics": (tables.metric_series.c.metric_key, tables.metric_series.c.is_last),
        "params": (tables.param.c.name, true()),
        "tags": (tables.run_tag.c.name, true()),
        "packages": (tables.environment_distribution.c.name, true()),
    }[kind]
    folded = part.casefold()
    matching = [name for name in existing_names(connection, column, where) if folded in name.casefold()]
    return sorted(matching, key=lambda name: not name.casefold().startswith(folded))


def _values(connection: Connection, before: str) -> Iterator[str]:
    """Recorded values of the field that is compared last."""
    fields = re.findall(r"""(?:^|[\s(])((?:tags|packages|params)\.(?:"[^"]*"|[^\s()=<>!,]+)|status|project)""", before)
    if not fields:
        return
    kind, _, name = fields[-1].partition(".")
    name = name.strip('"')
    if kind == "status":
        yield from _STATUSES
    elif kind == "project":
        yield from (ref.partition(":")[2] for ref in connection.execute(select(tables.project.c.ref)).scalars())
    elif kind == "packages":
        table = tables.environment_distribution
        yield from existing_names(connection, table.c.version, table.c.name == name)
    else:
        table = tables.run_tag if kind == "tags" else tables.param
        yield from map(quoted, existing_names(connection, table.c.words, table.c.name == name))


def _starting(words: Sequence[str] | Iterator[str], start: str) -> Iterator[str]:
    return (word for word in words if word.casefold().startswith(start.casefold()) and word.strip() != start)


def quoted(name: str) -> str:
    """A name as the query language reads it."""
    return name if _SIMPLE.match(name) else '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'
