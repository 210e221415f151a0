"""The canonical form of an entity: all stored content as JSON lines, without internal keys.

The bytes are the same on SQLite and PostgreSQL, and `contexta export --format canonical` writes them. Each row is one
line; a reference to another row is that row's reference or digest; a time is microseconds since 1970 UTC. The points
of a series and the appended records are not repeated: their counts and running checksums are in the form.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from json.encoder import encode_basestring_ascii
from typing import TYPE_CHECKING, Any

from contexta.store.schema import tables
from contexta.store.schema.statements import fetch_together

if TYPE_CHECKING:
    from sqlalchemy import Column, Connection, Table

_OWN_DIGEST = "content_digest"
_LEFT_OUT = {
    ("journal", "bytes_check"),  # compared with the file itself; cleared where the file is no longer kept
    ("metric_series", "id"),
}


@dataclass(frozen=True)
class Entity:
    """A table whose rows have a digest each. parts: the tables whose rows belong to such a row.

    name: the column that users know a row by. plural: what users call these rows.
    """

    table_name: str
    name: str
    plural: str
    part_names: tuple[str, ...] = ()

    @property
    def table(self) -> Table:
        return tables.metadata.tables[self.table_name]

    @property
    def parts(self) -> tuple[Table, ...]:
        return tuple(tables.metadata.tables[name] for name in self.part_names)


RUN = Entity(
    "run",
    "ref",
    "runs",
    (
        "stage",
        "batch",
        "sample",
        "operation",
        "artifact",
        "relation",
        "environment",
        "note",
        "param",
        "metric_series",
    ),
)
PROJECT = Entity("project", "ref", "projects")
DEPLOYMENT = Entity("deployment", "ref", "deployments")
PROVENANCE = Entity("provenance", "ref", "provenance records")
ENVIRONMENT_BODY = Entity("environment_body", "digest", "environments", ("environment_distribution",))
JOURNAL = Entity("journal", "name", "journal positions")
ANNOTATION = Entity("annotation", "run_id", "annotations")
ENTITIES = (RUN, PROJECT, DEPLOYMENT, PROVENANCE, ENVIRONMENT_BODY, JOURNAL, ANNOTATION)


def canonical_forms(connection: Connection, entity: Entity, first: int, last: int) -> dict[int, bytes]:
    """The canonical forms of the entities with keys from ``first`` to ``last``, by key. One round trip to a server."""
    parts = _parts(entity)
    lines: dict[int, list[str]] = {}
    answers = fetch_together(connection, *((part.statement, (first, last)) for part in parts))
    for part, rows in zip(parts, answers, strict=True):
        of_part: dict[int, list[str]] = {}
        for key, *values in rows:
            of_part.setdefault(key, []).append(part.line(values))
        for key, some in of_part.items():
            lines.setdefault(key, []).extend(some if part.is_ordered else sorted(some))
    return {key: "".join(some).encode("utf-8", "surrogatepass") for key, some in lines.items()}


@dataclass(frozen=True)
class _Part:
    """The reading and writing of the rows of one table as lines."""

    statement: str  # (key of the entity, columns...) of entities from ? to ?
    template: str
    encoders: tuple[Callable[[Any], str], ...]
    is_ordered: bool  # the rows have no name of their own: their order of arrival counts

    def line(self, values: Sequence[Any]) -> str:
        return self.template % tuple(encode(value) for encode, value in zip(self.encoders, values, strict=True))


@cache
def _parts(entity: Entity) -> tuple[_Part, ...]:
    return tuple(_part(entity.table, part) for part in (entity.table, *entity.parts))


def _part(owner: Table, table: Table) -> _Part:
    columns = [column for column in table.columns if _is_content(owner, table, column)]
    is_ordered = table is tables.note
    key, source = f"part.{'id' if table is owner else f'{owner.name}_id'}", f"{table.name} AS part"
    names = [column.name if _parent(column) is None else column.name.removesuffix("_id") for column in columns]
    fields = ",".join(f'"{name}":%s' for name in names)
    return _Part(
        statement=f"SELECT {', '.join([key, *map(_expression, columns)])} FROM {source} WHERE {key} BETWEEN ? AND ?"
        + (" ORDER BY part.id" if is_ordered else ""),
        template=f'{{"table":"{table.name}",{fields}}}\n',
        encoders=tuple(_stored_json if _is_json(column) else _encoded for column in columns),
        is_ordered=is_ordered,
    )


def _is_content(owner: Table, table: Table, column: Column[Any]) -> bool:
    is_key = column.name == "id" or (table is not owner and column.name == f"{owner.name}_id")
    return not is_key and column.name != _OWN_DIGEST and (table.name, column.name) not in _LEFT_OUT


def _parent(column: Column[Any]) -> Table | None:
    """The table whose rows a column refers to."""
    if "refers_to" in column.info:
        return tables.metadata.tables[column.info["refers_to"]]
    return next((key.column.table for key in column.foreign_keys), None)


def _expression(column: Column[Any]) -> str:
    """A column as SQL: for a reference the row's name outside the database, for a shared fact the fact itself."""
    parent = _parent(column)
    if parent is None:
        return f"part.{column.name}"
    name = "body" if parent is tables.shared_fact else "ref" if "ref" in parent.c else "digest"
    return f"(SELECT {name} FROM {parent.name} WHERE id = part.{column.name})"


def _is_json(column: Column[Any]) -> bool:
    from contexta.store.schema.tables.columns import Json

    return isinstance(column.type, Json) or _parent(column) is tables.shared_fact


def _encoded(value: Any) -> str:
    """A value as JSON; its type in the database counts, except that SQLite stores booleans as numbers."""
    if isinstance(value, str):
        return encode_basestring_ascii(value)
    if value is None:
        return "null"
    if isinstance(value, int):
        return str(int(value))
    return repr(value) if isinstance(value, float) else f'"{bytes(value).hex()}"'


def _stored_json(value: Any) -> str:
    """JSON that is stored as text stays as it is: the digest covers each of its bytes."""
    return value if isinstance(value, str) else _encoded(value)
