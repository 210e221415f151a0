"""Whether what a server holds reads back as it was written, and what of it lies on this machine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from sqlalchemy import Connection, ForeignKey, inspect
from sqlalchemy.exc import DBAPIError

from contexta.findings import Verification
from contexta.store.backends import row_checksums, server_row_checksums
from contexta.store.backends.engine import Store
from contexta.store.lifecycle.verify import UNREADABLE, Verifying, runs_statement, users_statement
from contexta.store.schema import tables

_AT_ONCE = 10_000
_MOST_TOLD = 100


def verify_server(store: Store) -> Verification:
    """Read everything, in one view of it. Changes nothing. Raises WorkspaceAway when the server cannot be reached."""
    return _OnServer(store).verification()


class _OnServer(Verifying):
    unreadable = (*UNREADABLE, DBAPIError)

    def __init__(self, store: Store) -> None:
        super().__init__(store.root, store.shelves)
        self.store = store
        self.elsewhere: set[str] = set()
        self.connection: Connection | None = None

    def verification(self) -> Verification:
        found = super().verification()
        if not self.elsewhere:
            return found
        words = f"{len(self.elsewhere)} objects lie on the machines that recorded them, and were not looked at"
        return found.model_copy(update={"notes": (*found.notes, words)})

    # ------------------------------------------------------------------------------------------ the database

    def database(self) -> None:
        with self.store.reading() as connection:
            self.connection = connection
            try:
                for part in (self._schema, self._rows, self._parents):
                    self.take(part)
                self.content()
            finally:
                self.connection = None

    def apart(self) -> AbstractContextManager[Any]:
        """An error ends a transaction there: each question has a savepoint of its own."""
        return nullcontext() if self.connection is None else self.connection.begin_nested()

    def words(self, error: Exception) -> str:
        if isinstance(error, DBAPIError):
            if error.connection_invalidated:
                raise error
            return str(error.orig).strip().partition("\n")[0]
        return str(error)

    def ask(self, statement: str) -> Iterator[Sequence[Any]]:
        assert self.connection is not None  # asked within database() only
        rows = self.connection.exec_driver_sql(statement, execution_options={"yield_per": _AT_ONCE})
        for some in rows.partitions():
            yield from some

    def _schema(self) -> None:
        assert self.connection is not None
        there = inspect(self.connection)
        names = set(there.get_table_names())
        for table in tables.metadata.sorted_tables:
            columns = {column["name"] for column in there.get_columns(table.name)} if table.name in names else set()
            for column in table.columns:
                if column.name not in columns:
                    self.say("database", f"table {table.name}", f"it has no column {column.name}")

    def _rows(self) -> None:
        assert self.connection is not None
        if not server_row_checksums.are_kept(self.connection):
            self.say("database", "seals", "the server does not seal what is written: its triggers are not all there")
        for part in row_checksums.PARTS:
            for (amount,) in self.ask(f"SELECT count(*) FROM {part}"):
                self.count("rows", amount)
            for number, there, sealed in server_row_checksums.broken(self.connection, part):
                self.broken(part, number, there, sealed, self._runs_of(part, number))

    def _runs_of(self, part: str, number: int) -> tuple[str, ...]:
        wanted = runs_statement(part, number)
        return () if wanted is None else tuple(str(ref) for (ref,) in self.ask(wanted))

    def _parents(self) -> None:
        """Rows that refer to what is not there: the server refuses to write them, and damage does not ask it."""
        for table in tables.metadata.sorted_tables:
            for column in table.columns:
                for key in column.foreign_keys:
                    self._orphans(table.name, column.name, key)

    def _orphans(self, table: str, column: str, key: ForeignKey) -> None:
        parent = key.column
        rows = self.ask(
            f"SELECT DISTINCT child.{column} FROM {table} AS child WHERE child.{column} IS NOT NULL AND NOT EXISTS"
            f" (SELECT 1 FROM {parent.table.name} AS parent WHERE parent.{parent.name} = child.{column})"
            f" ORDER BY 1 LIMIT {_MOST_TOLD}"
        )
        for (number,) in rows:
            self.say("row", f"{table}.{column} {number}", f"what it belongs to in {parent.table.name} is not there")

    # ------------------------------------------------------------------------------------------ this machine's files

    def file_of(self, journal: str) -> str | None:
        own = journal.startswith(self.store.origin)
        return journal[len(self.store.origin) :] if own else None

    def missing(self, digest: str, runs: tuple[str, ...]) -> None:
        if self.store.has_all_objects:
            super().missing(digest, runs)
        else:
            self.elsewhere.add(digest)

    def users_of(self, digest: str) -> tuple[str, ...]:
        with self.store.reading() as connection:
            return tuple(str(ref) for (ref,) in connection.exec_driver_sql(users_statement(digest)))
