"""Files that runs read and made: from a journal into their table, and out of it as people see them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, insert, select

from contexta.contract.fields import frozen
from contexta.core.errors import InvalidInput, NotFound, shown
from contexta.core.references import StableRef, numbered, slug
from contexta.core.validation import from_microseconds
from contexta.findings import Artifact, Log
from contexta.recorder.journal.objects import Objects
from contexta.store.entities.metadata import find_id
from contexta.store.schema import tables
from contexta.store.schema.statements import Rows, fetch

LOG, BOTH = "log", "output"  # the kind; the stream that is both where both were a terminal
_OBJECT = "object:"


def put_told(connection: Connection, run_id: int, run_ref: StableRef, record: Mapping[str, Any]) -> None:
    """Take in what a journal says of a file. The same said twice is one artifact; another content of a name that is
    taken gets a number behind it."""
    table = tables.artifact
    name = str(record["name"])
    attributes = dict(record.get("attributes", {}))
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
    said = ("artifact_kind", "location_ref", "hash_value", "size_bytes")
    count = 1
    while True:
        ref = run_ref.child("artifact", base if count == 1 else numbered(base, count))
        if find_id(connection, table, ref) is None:
            break
        known = connection.execute(select(table).where(table.c.ref == ref)).mappings().one()
        if all(known[field] == row[field] for field in said):
            return
        count += 1
    if ref.name != name:
        attributes["name"] = name
    connection.execute(insert(table), [{**row, "ref": ref}])


def of_run(connection: Connection, run_id: int) -> tuple[Artifact, ...]:
    """What a run read and made, in the order in which it said so."""
    return told(fetch(connection, OF_RUN, (run_id,)))


def told(rows: Rows) -> tuple[Artifact, ...]:
    """The same of the rows that ``OF_RUN`` finds."""
    found = []
    for ref, kind, created, location, digest, size, text in rows:
        attributes = tables.decode_json(text)
        artifact_ref, given = StableRef.parse(ref), attributes.get("name")
        found.append(
            Artifact.model_construct(
                artifact_ref=artifact_ref,
                name=given if isinstance(given, str) and given else artifact_ref.name,
                kind=kind,
                created_at=from_microseconds(created),
                location=location,
                digest=digest,
                size_bytes=size,
                kept=location.startswith(_OBJECT),
                attributes=frozen(attributes),
            )
        )
    return tuple(found)


OF_RUN = """
SELECT ref, artifact_kind, created_at, location_ref, hash_value, size_bytes, attributes FROM artifact
WHERE run_id = ? ORDER BY id
"""


def log_of(connection: Connection, objects: Objects, run_id: int, run_ref: StableRef, stream: str) -> Log:
    """What the command of a run wrote to a stream. Raises NotFound when nothing of it is kept."""
    logs = {each.name: each for each in of_run(connection, run_id) if each.kind == LOG and each.kept}
    found = logs.get(stream) or logs.get(BOTH)
    if found is None:
        others = (
            f"{run_ref} has {' and '.join(logs)}" if logs else "`contexta run -- COMMAND` keeps what COMMAND writes"
        )
        raise NotFound(f"{run_ref} has no {stream} that was kept", hint=others)
    return Log(
        run_ref=run_ref,
        stream=found.name,
        text=log_text(objects, found),
        bytes_written=found.attributes.get("bytes_written", found.size_bytes or 0),
    )


def log_text(objects: Objects, log: Artifact) -> str:
    """The stored output. Raises NotFound or DamagedData if it cannot be read."""
    return objects.get(_object_of(log)).decode("utf-8", "backslashreplace")


def copy_out(
    connection: Connection, objects: Objects, run_id: int, run_ref: StableRef, name: str, path: Path
) -> Artifact:
    """Copy the latest artifact of a name, or of a reference's last part, to a new file."""
    known = of_run(connection, run_id)
    found = [each for each in known if name in (each.name, each.artifact_ref.name, str(each.artifact_ref))]
    if not found:
        names = ", ".join(dict.fromkeys(each.name for each in known if each.kept))
        raise NotFound(f"{run_ref} has no artifact {shown(name)}", hint=f"it keeps {names or 'none'}")
    if not found[-1].kept:
        raise NotFound(f"{found[-1].artifact_ref} is not kept", hint=f"it was at {found[-1].location}")
    try:
        objects.copy(_object_of(found[-1]), path)
    except FileExistsError:
        raise InvalidInput(f"{path} exists", hint="name a new file") from None
    except OSError as error:
        raise InvalidInput(f"{path} cannot be written: {error.strerror}", hint="name another place") from None
    return found[-1]


def _object_of(artifact: Artifact) -> str:
    return artifact.location.removeprefix(_OBJECT)
