"""Environment snapshots: each is a row of a run, and a body that many runs share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from packaging.utils import canonicalize_name

from contexta.contract.environment import EnvironmentSnapshot
from contexta.core.errors import NotFound
from contexta.core.references import StableRef
from contexta.core.validation import from_microseconds
from contexta.findings import EnvironmentSummary
from contexta.recorder.journal.objects import Objects
from contexta.store.entities.bodies import checked, decoded, encode_body
from contexta.store.entities.reference_keys import parent_id, require_id
from contexta.store.integrity.canonical_form import ENVIRONMENT_BODY, RUN
from contexta.store.integrity.digests import after_change, before_change
from contexta.store.schema import sql, tables
from contexta.store.schema.rows import insert_missing, keep_once, upsert
from contexta.store.schema.sort_keys import version_order
from contexta.store.schema.statements import Rows, fetch

if TYPE_CHECKING:
    from sqlalchemy import Connection

_STARTING = 5_000_000  # microseconds of work that a launcher may do itself


def put_snapshot(connection: Connection, objects: Objects, snapshot: EnvironmentSnapshot) -> StableRef:
    """Insert or replace a snapshot by reference. Raises ParentMissing if its run is not stored."""
    ref = snapshot.environment_snapshot_ref
    run_id = parent_id(connection, "run", snapshot.run_ref, child=ref)
    before_change(connection, RUN, run_id)
    body_id = _put_body(connection, objects.put(encode_body(snapshot)), snapshot)
    _put_row(connection, ref, run_id, body_id, snapshot.captured_at)
    return ref


def put_captured(
    connection: Connection, objects: Objects, ref: StableRef, captured_at: str, digest: str, end: str | None = None
) -> EnvironmentSnapshot:
    """Link a body that the recorder wrote, and the object that completes it, to its run.

    Raises NotFound, DamagedData or InvalidInput if one of these objects is missing or has other content.
    """
    run_id = parent_id(connection, "run", ref.run, child=ref)
    snapshot = checked(objects, ref, captured_at, digest, end)
    _put_row(connection, ref, run_id, _put_body(connection, digest, snapshot), captured_at, end)
    return snapshot


def began_with(connection: Connection, environment_id: int) -> tuple[StableRef, str, str]:
    """(reference, time, digest of the body) of a snapshot by its key."""
    ((ref, captured_at, digest, *_),) = _rows(connection, "e.id = ?", environment_id)
    return ref, captured_at, digest


def get_snapshot(connection: Connection, objects: Objects, ref: StableRef) -> EnvironmentSnapshot:
    """Raises NotFound if it is not stored, DamagedData if its body does not read back."""
    rows = _rows(connection, "e.ref = ?", ref)
    if not rows:
        raise NotFound(f"{ref} is not stored in this workspace")
    return decoded(objects, *rows[0][:4])


def list_snapshots(connection: Connection, objects: Objects, run_ref: StableRef) -> tuple[EnvironmentSnapshot, ...]:
    """The snapshots of a run, its own first, then oldest first. Raises NotFound for a run that is not stored."""
    run_id = require_id(connection, "run", run_ref)
    return tuple(decoded(objects, *row[:4]) for row in _rows(connection, "e.run_id = ?", run_id))


def snapshot_of(connection: Connection, objects: Objects, run_id: int) -> EnvironmentSnapshot | None:
    """The environment of a run: its own, else its oldest snapshot; None without one."""
    rows = fetch(connection, OF_RUN, (run_id,))
    return decoded(objects, *_parsed(rows[0])[:4]) if rows else None


def shared_snapshots(
    connection: Connection, objects: Objects, run_ids: Sequence[int]
) -> dict[int, EnvironmentSnapshot | None]:
    """The environments of several runs. Runs with equal ones share one value, which names the first of these runs."""
    decoded_bodies: dict[tuple[str, str | None], EnvironmentSnapshot] = {}
    snapshots: dict[int, EnvironmentSnapshot | None] = {}
    for run_id in run_ids:
        rows = fetch(connection, OF_RUN, (run_id,))
        if not rows:
            snapshots[run_id] = None
            continue
        ref, captured_at, digest, end, *_ = _parsed(rows[0])
        if (digest, end) not in decoded_bodies:
            decoded_bodies[digest, end] = decoded(objects, ref, captured_at, digest, end)
        snapshots[run_id] = decoded_bodies[digest, end]
    return snapshots


def summary_in(rows: Rows) -> EnvironmentSummary | None:
    """The summary of an environment from the rows of ``OF_RUN``. Reads no body."""
    if not rows:
        return None
    ref, captured_at, _, _, python_version, platform, package_count = _parsed(rows[0])
    return EnvironmentSummary.model_construct(
        environment_snapshot_ref=ref,
        captured_at=captured_at,
        python_version=python_version,
        platform=platform,
        package_count=package_count,
    )


def _rows(connection: Connection, where: str, value: Any) -> list[tuple[Any, ...]]:
    """(reference, time, body, end, Python, platform, packages) of snapshots, a run's own first, then oldest first."""
    return [_parsed(row) for row in fetch(connection, _SNAPSHOTS.format(where), (value,))]


def _parsed(row: tuple[Any, ...]) -> tuple[Any, ...]:
    return (StableRef.parse(row[0]), from_microseconds(row[1]), *row[2:])


_SNAPSHOTS = """
SELECT e.ref, e.captured_at, b.digest, CASE WHEN e.end_id IS NOT NULL THEN coalesce(x.digest, 'missing') END,
b.python_version, b.platform, b.package_count
FROM environment e JOIN environment_body b ON b.id = e.environment_body_id
LEFT JOIN environment_end x ON x.id = e.end_id
WHERE {} ORDER BY e.own DESC, e.captured_at, e.id"""
OF_RUN = _SNAPSHOTS.format("e.run_id = ?") + " LIMIT 1"


def _put_row(
    connection: Connection, ref: StableRef, run_id: int, body_id: int, captured_at: str, end: str | None = None
) -> None:
    row = {
        "ref": ref,
        "run_id": run_id,
        "environment_body_id": body_id,
        "captured_at": captured_at,
        "end_id": None if end is None else keep_once(connection, tables.environment_end, end),
    }
    upsert(connection, tables.environment, [row], ("ref",))
    keep_body(connection, run_id)


def keep_body(connection: Connection, run_id: int) -> None:
    """Store the environment of a run with the run, so that queries find its packages."""
    run, environment = tables.run, tables.environment
    of_run = sql.select(environment.c.environment_body_id).where(environment.c.run_id == run_id)
    own_body = of_run.order_by(environment.c.own.desc(), environment.c.captured_at, environment.c.id).limit(1)
    connection.execute(sql.update(run).where(run.c.id == run_id).values(environment_body_id=own_body.scalar_subquery()))


def _put_body(connection: Connection, digest: str, snapshot: EnvironmentSnapshot) -> int:
    body = tables.environment_body
    stored: int | None = connection.execute(sql.select(body.c.id).where(body.c.digest == digest)).scalar()
    if stored is not None:
        return stored
    row = {
        "digest": digest,
        "python_version": snapshot.python_version,
        "python_order": version_order(snapshot.python_version),
        "platform": snapshot.platform,
        "package_count": len(snapshot.packages),
    }
    insert_missing(connection, body, [row])
    body_id: int = connection.execute(sql.select(body.c.id).where(body.c.digest == digest)).scalar_one()
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
    after_change(connection, ENVIRONMENT_BODY, body_id)
    return body_id


def choose_own(connection: Connection, run_id: int) -> None:
    """Mark the environment of the process that did the work of a run.

    That is the process that logged metrics (of several the first process, then the lowest rank). If none did, it is the
    process that lived longest without counting the Python processes that it started: a launcher only waits for them.
    """
    journal, environment = tables.journal, tables.environment
    rows = connection.execute(sql.select(journal).where(journal.c.run_id == run_id).order_by(journal.c.id)).all()
    captured = [row for row in rows if row.environment_id is not None]
    if len({row.environment_id for row in captured}) < 2:
        return
    points = {row.id: row.points for row in captured}
    by_pid = {row.process.get("pid"): row for row in captured}
    waited = dict.fromkeys(points, 0)
    for row in rows:
        parent = by_pid.get(row.process.get("parent"))
        if row.environment_id is None:  # another journal describes a process that could not be recorded
            parent = by_pid.get(row.process.get("pid"), parent)
        if parent is None or parent.id == row.id:
            continue
        if row.environment_id is None:  # a forked child logs in the environment of its parent
            points[parent.id] += row.points
        else:
            waited[parent.id] += row.last_at - row.first_at

    def rank(row: Any) -> tuple[Any, ...]:
        lowest = -int(row.process.get("rank") or 0)
        lived = row.last_at - row.first_at
        worked = max(0, lived - waited[row.id] - _STARTING)
        pid, parent = row.process.get("pid"), row.process.get("parent")
        is_started = parent in by_pid or any(  # or another program became this one by exec
            other.process.get("pid") == pid and other.first_at < row.first_at for other in captured
        )
        return (points[row.id] > 0, "rank" not in row.process, lowest, worked, is_started, lived, -row.id)

    own = max(captured, key=rank).environment_id
    of_run = sql.update(environment).where(environment.c.run_id == run_id)
    connection.execute(of_run.values(own=environment.c.id == own))
    keep_body(connection, run_id)
