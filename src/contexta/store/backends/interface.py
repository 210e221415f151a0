"""The interface of the database of a workspace, for SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol

from contexta.core.errors import DamagedData, WorkspaceError

if TYPE_CHECKING:
    from sqlalchemy import Connection
    from sqlalchemy.exc import DBAPIError
    from sqlalchemy.exc import TimeoutError as PoolTimeout


class Fault(NamedTuple):
    """A fault in the structure of a database."""

    kind: Literal["database", "row"]
    name: str
    detail: str


class Database(Protocol):
    """The database of a workspace. Methods raise DBAPIError; ``translated`` turns it into an error of Contexta."""

    @property
    def name(self) -> str:
        """The workspace as messages name it, without a password."""
        ...

    @property
    def is_local(self) -> bool:
        """Whether the database is a file in the directory of the workspace."""
        ...

    def transaction(self, *, writing: bool) -> AbstractContextManager[Connection]:
        """A connection inside one transaction: committed at the end, rolled back when the block raises.

        A reader sees one moment. There is one writer at a time; a commit is on disk when the block ends.
        """
        ...

    def version(self) -> str:
        """The version of the schema; a server without tables gets them now. Raises WorkspaceError for a database that
        is not Contexta's."""
        ...

    def upgrade(self) -> Path | None:
        """Upgrade the schema to this version, in one transaction. Returns the copy that was made before, if any."""
        ...

    def copy_to(self, path: Path) -> None:
        """Copy the content, as of one moment, to a new SQLite file."""
        ...

    def alone(self) -> AbstractContextManager[None]:
        """Hold the maintenance lock of the workspace. Raises WorkspaceError when another process holds it for ten
        seconds."""
        ...

    def faults(self, connection: Connection) -> Iterator[Fault]:
        """Check the structure: pages, definitions of tables, references between rows."""
        ...

    def translated(self, error: DBAPIError | PoolTimeout) -> WorkspaceError | DamagedData:
        """An error of the driver as an error of Contexta."""
        ...

    def close(self) -> None:
        """Release every connection. Closing twice is allowed."""
        ...
