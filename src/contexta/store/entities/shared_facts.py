"""The metadata of runs: facts that many runs share are stored once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from contexta.core.errors import DamagedData
from contexta.store.schema import sql, tables
from contexta.store.schema.rows import keep_text

if TYPE_CHECKING:
    from sqlalchemy import Connection, Select

LOST = "lost_records"
"""The fact that counts the records of a run that could not be stored."""

NUMBER = "run_of_process"
"""The fact that gives the number of a run in its process; the first run has none."""
_REASONS = 20  # at most, with a count each

SHARED = ("command", "invocation", "source")
"""The shared facts. ``run.<name>_id`` refers to each of them."""

IDS = tuple(f"{name}_id" for name in SHARED)


def columns_of(connection: Connection, metadata: Mapping[str, Any]) -> dict[str, Any]:
    """The columns of a run with its metadata. New shared facts are stored."""
    own = {name: fact for name, fact in metadata.items() if name not in SHARED}
    keys = {
        key: keep_text(connection, tables.shared_fact, tables.encode_json(metadata[name])) if name in metadata else None
        for name, key in zip(SHARED, IDS, strict=True)
    }
    return {"metadata": own, **keys}


def with_facts(statement: Select[Any]) -> Select[Any]:
    """A query for runs with the columns that ``metadata_of`` needs besides their own metadata."""
    for name, key in zip(SHARED, IDS, strict=True):
        fact, id_ = tables.shared_fact.alias(), tables.run.c[key]
        statement = statement.add_columns(id_.label(f"{name}_key"), fact.c.body.label(f"{name}_body"))
        statement = statement.outerjoin(fact, fact.c.id == id_)
    return statement


def metadata_of(row: Mapping[Any, Any]) -> dict[str, Any]:
    """The metadata of a run from a row of ``with_facts``. Raises DamagedData if a part is missing."""
    metadata = dict(row["metadata"])
    for name in SHARED:
        if row[f"{name}_key"] is not None:
            metadata[name] = tables.decode_json(present(name, row[f"{name}_body"]))
    return dict(sorted(metadata.items()))


def present(name: str, body: str | None) -> str:
    """The text of a fact. Raises DamagedData without it."""
    if body is None:
        raise DamagedData(f"the {name} of a run is missing", hint="restore the workspace from a backup")
    return body


def of_run(connection: Connection, run_id: int | None) -> dict[str, Any]:
    """The stored metadata of a run."""
    statement = with_facts(sql.select(tables.run.c.metadata).where(tables.run.c.id == run_id))
    return metadata_of(connection.execute(statement).mappings().one())


def add(connection: Connection, run_id: int | None, facts: Mapping[str, Any], *, once: bool = False) -> None:
    """Add facts to the metadata of a run. once: stored facts stay as they are."""
    before = of_run(connection, run_id)
    changed = {**facts, **before} if once else {**before, **facts}
    if changed != before:
        replace(connection, run_id, changed)


def count_lost(connection: Connection, run_id: int, lost: Sequence[tuple[int, str, str]]) -> None:
    """Count lost records of a run. lost: (number, reason, first lost record) of each kind."""
    before: Mapping[str, Any] = of_run(connection, run_id).get(LOST) or {"count": 0, "first": lost[0][2], "reasons": {}}
    reasons = dict(before["reasons"])
    for count, why, _ in lost:
        kind = why if why in reasons or len(reasons) < _REASONS else "other reasons"
        reasons[kind] = reasons.get(kind, 0) + count
    count = before["count"] + sum(number for number, *_ in lost)
    add(connection, run_id, {LOST: {"count": count, "first": before["first"], "reasons": reasons}})


def replace(connection: Connection, run_id: int | None, metadata: Mapping[str, Any]) -> None:
    """Replace the metadata of a run."""
    connection.execute(sql.update(tables.run).where(tables.run.c.id == run_id).values(columns_of(connection, metadata)))
