"""Environment snapshots: a row for the run, a body stored once however many runs share it."""

from __future__ import annotations

import json
from typing import Any

from packaging.utils import canonicalize_name
from sqlalchemy import Connection, select, update

from contexta.contract.environment import EnvironmentSnapshot
from contexta.errors import DamagedData, InvalidInput, NotFound
from contexta.findings import EnvironmentSummary
from contexta.recorder.objects import Objects
from contexta.refs import StableRef
from contexta.store import tables
from contexta.store.metadata import parent_id, require_id
from contexta.store.orders import version_order
from contexta.store.rows import insert_missing, upsert

_OWN_FIRST = (tables.environment.c.own.desc(), tables.environment.c.captured_at, tables.environment.c.id)
_OF_THE_RUN = frozenset({"environment_snapshot_ref", "run_ref", "captured_at"})


def put_snapshot(connection: Connection, objects: Objects, snapshot: EnvironmentSnapshot) -> StableRef:
    """Insert or replace a snapshot by reference. Raises ParentMissing when its run is not stored."""
    ref = snapshot.environment_snapshot_ref
    run_id = parent_id(connection, tables.run, snapshot.run_ref, child=ref)
    body_id = _put_body(connection, objects.put(encode_body(snapshot)), snapshot)
    _put_row(connection, ref, run_id, body_id, snapshot.captured_at)
    return ref


def put_captured(
    connection: Connection, objects: Objects, ref: StableRef, captured_at: str, digest: str, end: str | None = None
) -> EnvironmentSnapshot:
    """Link a body that the recorder has already written to its run, and what completes it. Raises NotFound, DamagedData
    or InvalidInput when one of these objects is missing or is not what it should be."""
    run_id = parent_id(connection, tables.run, ref.run, child=ref)
    snapshot = _decode(ref, captured_at, digest, end, objects)
    _put_row(connection, ref, run_id, _put_body(connection, digest, snapshot), captured_at, end)
    return snapshot


def get_snapshot(connection: Connection, objects: Objects, ref: StableRef) -> EnvironmentSnapshot:
    """Raises NotFound when it is not stored, DamagedData when its body does not read back."""
    row = connection.execute(_rows().where(tables.environment.c.ref == ref)).first()
    if row is None:
        raise NotFound(f"{ref} is not stored in this workspace")
    return _decode(StableRef.parse(row.ref), row.captured_at, row.digest, row.end_digest, objects)


def list_snapshots(connection: Connection, objects: Objects, run_ref: StableRef) -> tuple[EnvironmentSnapshot, ...]:
    """The snapshots of a run, its own first, then oldest first. Raises NotFound for a run that is not stored."""
    run_id = require_id(connection, tables.run, run_ref)
    rows = connection.execute(_of_run(run_id)).all()
    return tuple(
        _decode(StableRef.parse(row.ref), row.captured_at, row.digest, row.end_digest, objects) for row in rows
    )


def snapshot_of(connection: Connection, objects: Objects, run_id: int) -> EnvironmentSnapshot | None:
    """The environment a run was made in: its own, else its oldest snapshot; None when it has none."""
    row = connection.execute(_of_run(run_id).limit(1)).first()
    if row is None:
        return None
    return _decode(StableRef.parse(row.ref), row.captured_at, row.digest, row.end_digest, objects)


def summary_of(connection: Connection, run_id: int) -> EnvironmentSummary | None:
    """The same in one line, without reading its body."""
    row = connection.execute(_of_run(run_id).limit(1)).first()
    if row is None:
        return None
    return EnvironmentSummary(
        environment_snapshot_ref=row.ref,
        captured_at=row.captured_at,
        python_version=row.python_version,
        platform=row.platform,
        package_count=row.package_count,
    )


def encode_body(snapshot: EnvironmentSnapshot) -> bytes:
    """What is content-addressed: everything but whose it is and when it was seen."""
    body = snapshot.model_dump(exclude=set(_OF_THE_RUN), exclude_defaults=True)
    if snapshot.distributions:
        del body["packages"]  # derived from them
    return tables.encode_json(body).encode()


def _decode(ref: StableRef, captured_at: str, digest: str, end: str | None, objects: Objects) -> EnvironmentSnapshot:
    try:
        body: dict[str, Any] = json.loads(objects.get(digest))
        if end is not None:
            body = _completed(body, json.loads(objects.get(end)))
        return EnvironmentSnapshot.model_validate(
            {**body, "environment_snapshot_ref": ref, "run_ref": ref.run, "captured_at": captured_at}
        )
    except (ValueError, TypeError) as error:
        if isinstance(error, InvalidInput):
            raise DamagedData(f"the environment body {digest} of {ref} is malformed: {error.what}") from error
        raise DamagedData(f"the environment body {digest} of {ref} is no JSON object: {error}") from error


def _completed(body: dict[str, Any], end: dict[str, Any]) -> dict[str, Any]:
    """A body with what was known only at the end (see ``contexta.recorder.environment.ended``)."""
    origins, gpus, notes = (end.pop(name, {}) for name in ("origins", "gpus", "notes"))
    full = {**body, **end}
    if origins:
        full["distributions"] = [
            {**each, "origin": origins[each["name"]]} if each["name"] in origins else each
            for each in body["distributions"]
        ]
    if gpus:
        full["machine"] = {**body.get("machine", {}), "gpus": gpus}
    if notes:
        full["notes"] = [*body.get("notes", ()), *notes]
    return full


def _put_row(
    connection: Connection, ref: StableRef, run_id: int, body_id: int, captured_at: str, end: str | None = None
) -> None:
    row = {
        "ref": ref,
        "run_id": run_id,
        "environment_body_id": body_id,
        "captured_at": captured_at,
        "end_digest": end,
    }
    upsert(connection, tables.environment, [row], ("ref",))
    keep_body(connection, run_id)


def keep_body(connection: Connection, run_id: int) -> None:
    """Keep with the run what it was made in: by that its packages are found."""
    run, environment = tables.run, tables.environment
    made_in = (
        select(environment.c.environment_body_id).where(environment.c.run_id == run_id).order_by(*_OWN_FIRST).limit(1)
    )
    connection.execute(update(run).where(run.c.id == run_id).values(environment_body_id=made_in.scalar_subquery()))


def _put_body(connection: Connection, digest: str, snapshot: EnvironmentSnapshot) -> int:
    body = tables.environment_body
    known: int | None = connection.execute(select(body.c.id).where(body.c.digest == digest)).scalar()
    if known is not None:
        return known
    row = {
        "digest": digest,
        "python_version": snapshot.python_version,
        "python_order": version_order(snapshot.python_version),
        "platform": snapshot.platform,
        "package_count": len(snapshot.packages),
    }
    insert_missing(connection, body, [row])
    body_id: int = connection.execute(select(body.c.id).where(body.c.digest == digest)).scalar_one()
    if snapshot.packages:
        rows = [
            {
                "environment_body_id": body_id,
                "name": canonicalize_name(name),
                "version": version,
                "version_order": version_order(version),
            }
            for name, version in snapshot.packages.items()
        ]
        insert_missing(connection, tables.environment_distribution, rows)
    return body_id


def _rows() -> Any:
    body = tables.environment_body
    return select(
        tables.environment.c.ref,
        tables.environment.c.captured_at,
        tables.environment.c.end_digest,
        body.c.digest,
        body.c.python_version,
        body.c.platform,
        body.c.package_count,
    ).join_from(tables.environment, body)


def _of_run(run_id: int) -> Any:
    return _rows().where(tables.environment.c.run_id == run_id).order_by(*_OWN_FIRST)


def choose_own(connection: Connection, run_id: int) -> None:
    """Of the environments of a run's processes, mark that of the process that did its work: the one that measured (of
    several the run's first process, then the lowest rank), else the one that lived longest."""
    journal, environment = tables.journal, tables.environment
    rows = connection.execute(select(journal).where(journal.c.run_id == run_id).order_by(journal.c.id)).all()
    captured = [row for row in rows if row.environment_id is not None]
    if len({row.environment_id for row in captured}) < 2:
        return
    points = {row.id: row.points for row in captured}
    by_pid = {row.process.get("pid"): row for row in captured}
    for row in rows:  # a forked child measures in the environment of its parent
        parent = by_pid.get(row.process.get("parent"))
        if row.environment_id is None and parent is not None:
            points[parent.id] += row.points

    def rank(row: Any) -> tuple[Any, ...]:
        lowest = -int(row.process.get("rank") or 0)
        return (points[row.id] > 0, "rank" not in row.process, lowest, row.last_at - row.first_at, -row.id)

    own = max(captured, key=rank).environment_id
    connection.execute(update(environment).where(environment.c.run_id == run_id).values(own=environment.c.id == own))
    keep_body(connection, run_id)
