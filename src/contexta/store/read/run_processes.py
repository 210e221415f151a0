"""Read which processes recorded a run."""

from __future__ import annotations

from sqlalchemy import Connection, select

from contexta.core.validation import from_microseconds
from contexta.findings.runs import RecordedProcess
from contexta.store.schema import tables

journal = tables.journal


def processes_of(connection: Connection, run_id: int) -> tuple[RecordedProcess, ...]:
    """The processes of a run by their first record; none for a run that was written by hand."""
    statement = (
        select(journal.c.process, journal.c.first_at, journal.c.last_at, journal.c.points, journal.c.ended)
        .where(journal.c.run_id == run_id)
        .order_by(journal.c.first_at, journal.c.id)
    )
    return tuple(
        RecordedProcess(
            pid=row.process.get("pid"),
            parent=row.process.get("parent"),
            rank=row.process.get("rank"),
            first_at=None if row.first_at is None else from_microseconds(row.first_at),
            last_at=None if row.last_at is None else from_microseconds(row.last_at),
            points=row.points,
            ended=row.ended,
        )
        for row in connection.execute(statement)
    )
