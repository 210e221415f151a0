"""Artifacts, the files that runs read and write: store those of a journal, list them, and copy their content."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from contexta.contract.fields import frozen
from contexta.core.errors import InvalidInput, NotFound, shown
from contexta.core.references import StableRef, numbered, slug
from contexta.core.validation import from_microseconds
from contexta.findings import Artifact, Log
from contexta.recorder.journal.objects import Objects
from contexta.store.entities.reference_keys import find_id
from contexta.store.schema import sql, tables
from contexta.store.schema.statements import Rows, fetch

if TYPE_CHECKING:
    from sqlalchemy import Connection

INPUT, DETECTED = "input", "detected"  # the kind; the attribute of an input that no code names
LOG, BOTH = "log", "output"  # the kind of a log; the stream of a command whose streams were one terminal
_OBJECT = "object:"


def put_recorded(connection: Connection, run_id: int, run_ref: StableRef, record: Mapping[str, Any]) -> None:
    """Store the artifact of a journal record. Equal records are one artifact. Other content under a stored name gets a
    number after the name."""
    table = tables.artifact
    name = str(record["name"])
    attributes = dict(record.get("attributes", {}))
    if record["kind"] == INPUT and _is_named_by_program(connection, run_id, record["location"], attributes):
        return
    base = slug(name) or "artifact"
    row: dict[str, Any] = {
        "run_id": run_id,
        "artifact_kind": record["kind"],
        "created_at": from_microseconds(record["at"]),
        "producer_ref": "contexta",
        "location_ref": record["location"],
        "hash_value": record.get("digest"),
        "size_bytes": record.get("size"),
        "attributes": attributes,
    }
    content = ("artifact_kind", "location_ref", "hash_value", "size_bytes")
    count = 1
    while True:
        ref = run_ref.child("artifact", base if count == 1 else numbered(base, count))
        if find_id(connection, "artifact", ref) is None:
            break
        stored = connection.execute(sql.select(table).where(table.c.ref == ref)).mappings().one()
        if all(stored[field] == row[field] for field in content):
            return
        count += 1
    if ref.name != name:
        attributes["name"] = name
    connection.execute(sql.insert(table), [{**row, "ref": ref}])


def of_run(connection: Connection, run_id: int) -> tuple[Artifact, ...]:
    """The artifacts of a run, in order of arrival."""
    return of_rows(fetch(connection, OF_RUN, (run_id,)))


def _is_named_by_program(connection: Connection, run_id: int, location: str, attributes: Mapping[str, Any]) -> bool:
    """Whether the program names the input that was detected. An input that it names now replaces the detected one."""
    table = tables.artifact
    statement = sql.select(table.c.id, table.c.attributes).where(
        table.c.run_id == run_id, table.c.artifact_kind == INPUT, table.c.location_ref == location
    )
    rows = connection.execute(statement).all()
    if DETECTED in attributes:
        return any(DETECTED not in row.attributes for row in rows)
    detected = [row.id for row in rows if DETECTED in row.attributes]
    if detected:
        connection.execute(sql.delete(table).where(table.c.id.in_(detected)))
    return False


def of_rows(rows: Rows) -> tuple[Artifact, ...]:
    """The artifacts of the rows of ``OF_RUN``."""
    artifacts = []
    for ref, kind, created, location, digest, size, text in rows:
        attributes = tables.decode_json(text)
        artifact_ref, name = StableRef.parse(ref), attributes.get("name")
        artifacts.append(
            Artifact.model_construct(
                artifact_ref=artifact_ref,
                name=name if isinstance(name, str) and name else artifact_ref.name,
                kind=kind,
                created_at=from_microseconds(created),
                location=location,
                digest=digest,
                size_bytes=size,
                kept=location.startswith(_OBJECT),
                attributes=frozen(attributes),
            )
        )
    return tuple(artifacts)


OF_RUN = """
SELECT ref, artifact_kind, created_at, location_ref, hash_value, size_bytes, attributes FROM artifact
WHERE run_id = ? ORDER BY id
"""


def log_of(connection: Connection, objects: Objects, run_id: int, run_ref: StableRef, stream: str) -> Log:
    """The stored output of a run's command to a stream. Raises NotFound without it."""
    logs = {
        artifact.name: artifact for artifact in of_run(connection, run_id) if artifact.kind == LOG and artifact.kept
    }
    log = logs.get(stream) or logs.get(BOTH)
    if log is None:
        others = f"{run_ref} has {' and '.join(logs)}" if logs else "`contexta run -- COMMAND` stores the output"
        raise NotFound(f"{run_ref} has no stored {stream}", hint=others)
    return Log(
        run_ref=run_ref,
        stream=log.name,
        text=log_text(objects, log),
        bytes_written=log.attributes.get("bytes_written", log.size_bytes or 0),
    )


def log_text(objects: Objects, log: Artifact) -> str:
    """The stored output. Raises NotFound or DamagedData if it cannot be read."""
    return objects.get(_object_of(log)).decode("utf-8", "backslashreplace")


def copy_out(
    connection: Connection, objects: Objects, run_id: int, run_ref: StableRef, name: str, path: Path
) -> Artifact:
    """Copy the latest artifact of a name or reference to a new file."""
    artifacts = of_run(connection, run_id)
    matches = [item for item in artifacts if name in (item.name, item.artifact_ref.name, str(item.artifact_ref))]
    if not matches:
        names = ", ".join(dict.fromkeys(artifact.name for artifact in artifacts if artifact.kept))
        raise NotFound(f"{run_ref} has no artifact {shown(name)}", hint=f"it has {names or 'no copy of any artifact'}")
    artifact = matches[-1]
    if not artifact.kept:
        raise NotFound(f"the workspace has no copy of {artifact.artifact_ref}", hint=f"it was at {artifact.location}")
    try:
        objects.copy(_object_of(artifact), path)
    except FileExistsError:
        raise InvalidInput(f"{path} exists", hint="name a new file") from None
    except OSError as error:
        raise InvalidInput(f"{path} cannot be written: {error.strerror}", hint="name another place") from None
    return artifact


def _object_of(artifact: Artifact) -> str:
    return artifact.location.removeprefix(_OBJECT)
