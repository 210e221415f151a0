"""End a run, or open it again."""

from __future__ import annotations

from sqlalchemy import Connection, select, update

from contexta.core.validation import from_microseconds, to_microseconds
from contexta.store.schema import tables


def end_run(connection: Connection, run_id: int, status: str, at: int) -> None:
    """End a run, and the stages and batches that it left open."""
    run = tables.run
    started = connection.execute(select(run.c.started_at).where(run.c.id == run_id)).scalar_one()
    ended = {"status": status, "ended_at": from_microseconds(max(at, to_microseconds(started)))}
    connection.execute(update(run).where(run.c.id == run_id, run.c.status == "open").values(ended))
    for part in (tables.stage, tables.batch):
        connection.execute(update(part).where(part.c.run_id == run_id, part.c.status == "open").values(ended))


def open_again(connection: Connection, run_id: int | None, *statuses: str) -> None:
    """Open a run with one of these statuses again, because its processes record again."""
    run = tables.run
    ended = update(run).where(run.c.id == run_id, run.c.status.in_(statuses))
    connection.execute(ended.values(status="open", ended_at=None))
