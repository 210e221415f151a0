"""Types of columns, and names of keys and indexes, for all tables."""

from __future__ import annotations

from typing import Any, TypeAlias

from sqlalchemy import BigInteger, Column, ColumnElement, ForeignKey, Index, Integer, MetaData, Text, TextClause, event
from sqlalchemy.engine import Connection, Dialect
from sqlalchemy.types import TypeDecorator

from contexta.core.validation import from_microseconds, to_microseconds
from contexta.store.schema.tables.json_text import decode_json, encode_json

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    }
)

Key = BigInteger().with_variant(Integer(), "sqlite")  # SQLite aliases its row id only under the name INTEGER
Words = Text().with_variant(Text(collation="C"), "postgresql")
"""Text that compares by its bytes. Both databases then sort equally, and a prefix is a range of an index."""


class TimestampColumn(TypeDecorator[str]):
    """Microseconds since 1970 in the database; a canonical timestamp in Python."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> int | None:
        return None if value is None else to_microseconds(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> str | None:
        return None if value is None else from_microseconds(value)


class Json(TypeDecorator[Any]):
    """Canonical JSON text in the database, equal in both; a JSON value in Python.

    The JSON type of PostgreSQL refuses NUL, reorders keys and has no NaN.
    """

    impl = Words
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str:
        return encode_json(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        return None if value is None else decode_json(value)


def reference() -> Column[Any]:
    return Column("ref", Words, nullable=False, unique=True, comment="kind:value, the name outside")


def belongs_to(parent: str, *, nullable: bool = False, index: bool = False) -> Column[Any]:
    return Column(f"{parent}_id", Key, ForeignKey(f"{parent}.id"), nullable=nullable, index=index)


def moment(name: str, *, nullable: bool = False) -> Column[Any]:
    return Column(name, TimestampColumn, nullable=nullable)


def mapping(name: str) -> Column[Any]:
    return Column(name, Json, nullable=False)


def words(name: str, *, nullable: bool = False) -> Column[Any]:
    return Column(name, Words, nullable=nullable)


def content_digest() -> Column[Any]:
    """The digest of an entity's canonical form (see store/integrity); NULL while it is being changed."""
    return Column("content_digest", Words, comment="sha256 of the canonical form, hex; NULL: changed since")


def refers_to(name: str, parent: str) -> Column[Any]:
    """A reference without a foreign key: deleting a parent would need an index of all children."""
    return Column(name, Key, info={"refers_to": parent})


_Condition: TypeAlias = "ColumnElement[Any] | TextClause"


def partial_index(name: str, *columns: ColumnElement[Any], sqlite: _Condition, postgresql: _Condition) -> None:
    """An index of the rows that satisfy a condition, as each database writes it.

    ``Index(postgresql_where=...)`` would import the PostgreSQL dialect, 0.1 s, also for a workspace in SQLite. So the
    condition for PostgreSQL is set when the table is created there.
    """
    index = Index(name, *columns, sqlite_where=sqlite)

    def set_condition(_: object, connection: Connection, **__: object) -> None:
        if connection.dialect.name == "postgresql":
            index.dialect_options["postgresql"]["where"] = postgresql

    event.listen(index.table, "before_create", set_condition)
