"""What was recorded about runs: with the run what is its own, and what many runs have alike once for all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Select, select, update

from contexta.core.errors import DamagedData
from contexta.store.schema import tables
from contexta.store.schema.rows import keep_text

LOST = "lost_records"
"""The name of the fact that counts the records of a run that could not be kept."""

NUMBER = "run_of_process"
"""The name of the fact that says which run of its process a run is; left out for the first."""
_REASONS = 20  # kept apart

SHARED = ("command", "invocation", "source")
"""The facts that the runs of one program have alike; ``run.<name>_id`` leads to each of them."""

IDS = tuple(f"{name}_id" for name in SHARED)


def apart(connection: Connection, metadata: Mapping[str, Any]) -> dict[str, Any]:
    """The columns of a run that hold its metadata. Facts that no run had yet are stored."""
    own = {name: fact for name, fact in metadata.items() if name not in SHARED}
    keys = {
        key: keep_text(connection, tables.shared_fact, tables.encode_json(metadata[name])) if name in metadata else None
        for name, key in zip(SHARED, IDS, strict=True)
    }
    return {"metadata": own, **keys}


def beside(statement: Select[Any]) -> Select[Any]:
    """A question for runs, with what ``together`` needs besides their metadata."""
    for name, key in zip(SHARED, IDS, strict=True):
        fact, id_ = tables.shared_fact.alias(), tables.run.c[key]
        statement = statement.add_columns(id_.label(f"{name}_key"), fact.c.body.label(f"{name}_body"))
        statement = statement.outerjoin(fact, fact.c.id == id_)
    return statement


def together(row: Mapping[Any, Any]) -> dict[str, Any]:
    """The metadata of a run, of a row that ``beside`` asked for. Raises DamagedData where a part of it is missing."""
    found = dict(row["metadata"])
    for name in SHARED:
        if row[f"{name}_key"] is not None:
            found[name] = tables.decode_json(present(name, row[f"{name}_body"]))
    return dict(sorted(found.items()))


def present(name: str, body: str | None) -> str:
    """The text of a fact that a run refers to."""
    if body is None:
        raise DamagedData(f"the {name} of a run is missing", hint="restore the workspace from a backup")
    return body


def of_run(connection: Connection, run_id: int | None) -> dict[str, Any]:
    """The metadata of a run that is stored."""
    statement = beside(select(tables.run.c.metadata).where(tables.run.c.id == run_id))
    return together(connection.execute(statement).mappings().one())


def learn(connection: Connection, run_id: int | None, said: Mapping[str, Any], *, once: bool = False) -> None:
    """Add to the metadata of a run. once: what is there already stays."""
    before = of_run(connection, run_id)
    changed = {**said, **before} if once else {**before, **said}
    if changed != before:
        replace(connection, run_id, changed)


def count_lost(connection: Connection, run_id: int, lost: Sequence[tuple[int, str, str]]) -> None:
    """Add to how many records of a run are lost, and why. lost: how many, why, what the first of them was."""
    before: Mapping[str, Any] = of_run(connection, run_id).get(LOST) or {"count": 0, "first": lost[0][2], "reasons": {}}
    reasons = dict(before["reasons"])
    for count, why, _ in lost:
        kind = why if why in reasons or len(reasons) < _REASONS else "other reasons"
        reasons[kind] = reasons.get(kind, 0) + count
    count = before["count"] + sum(each[0] for each in lost)
    learn(connection, run_id, {LOST: {"count": count, "first": before["first"], "reasons": reasons}})


def replace(connection: Connection, run_id: int | None, metadata: Mapping[str, Any]) -> None:
    """Let this be the metadata of a run."""
    connection.execute(update(tables.run).where(tables.run.c.id == run_id).values(apart(connection, metadata)))
