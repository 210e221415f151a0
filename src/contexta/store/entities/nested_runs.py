"""The relation between a run and the runs that began in its processes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from contexta.core.references import StableRef
from contexta.recorder.journal.writer import SUFFIX
from contexta.store.schema import sql, tables
from contexta.store.schema.rows import insert_missing
from contexta.store.schema.statements import Rows

if TYPE_CHECKING:
    from sqlalchemy import Connection

PART_OF = "part_of"
_BY = "contexta recorder"

RELATED = f"""
SELECT source_ref, target_ref FROM relation WHERE relation_type = '{PART_OF}'
AND (source_ref = (SELECT ref FROM run WHERE id = ?) OR target_ref = (SELECT ref FROM run WHERE id = ?)) ORDER BY id
"""


def link(connection: Connection, run_id: int | None, ref: StableRef, around: StableRef, at: str, origin: str) -> None:
    """Store that a run is a part of another one.

    around: the reference of the other run on the machine ``origin``; in the database it may differ.
    """
    journal, run = tables.journal, tables.run
    stored = sql.select(run.c.ref).join(journal, journal.c.run_id == run.c.id)
    stored_ref = connection.execute(stored.where(journal.c.name == f"{origin}{around.value}{SUFFIX}")).scalar()
    edge: dict[str, Any] = {
        "ref": ref.child("relation", "part-of"),
        "run_id": run_id,
        "relation_type": PART_OF,
        "source_ref": ref,
        "target_ref": stored_ref or around,
        "recorded_at": at,
        "origin_marker": _BY,
        "confidence_marker": "certain",
        "operation_id": None,
        "evidence_refs": (),
    }
    insert_missing(connection, tables.relation, [edge])


def around_and_below(rows: Rows, ref: str) -> tuple[StableRef | None, tuple[StableRef, ...]]:
    """(the run that ``ref`` is a part of, the runs that are a part of it), from the rows of ``RELATED``."""
    around = next((target for source, target in rows if source == ref), None)
    below = tuple(str.__new__(StableRef, source) for source, target in rows if target == ref)
    return None if around is None else str.__new__(StableRef, around), below
