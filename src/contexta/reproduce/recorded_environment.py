"""Read the recorded environment of a run from a workspace, and store the result of its rebuild."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection

from contexta.contract import RecordEnvelope, StructuredEventPayload, StructuredEventRecord
from contexta.core.errors import DamagedData, NotFound
from contexta.core.references import StableRef
from contexta.core.validation import from_microseconds
from contexta.findings import Rebuild
from contexta.recorder.journal.objects import Objects
from contexta.reproduce.environments.cache import find_cache
from contexta.reproduce.environments.progress import ProgressCallback, no_progress
from contexta.reproduce.rebuild import RebuildOptions, RecordedEnvironment, Tools, rebuild
from contexta.reproduce.uv.commands import Uv, find_uv
from contexta.store.entities.environments import snapshot_of
from contexta.store.read import loading

if TYPE_CHECKING:
    from contexta.store.ingest.metadata_api import RecordStore

REBUILT = "contexta.rebuild"
"""The key of the event that a run has for each rebuild."""


def recorded_of(connection: Connection, objects: Objects, run_id: int, ref: StableRef) -> RecordedEnvironment:
    """Raises NotFound for a run without an environment, DamagedData for a patch that is not in the workspace."""
    snapshot = snapshot_of(connection, objects, run_id)
    if snapshot is None:
        raise NotFound(
            f"{ref} has no environment snapshot, so it cannot be rebuilt",
            hint="record the next run with `contexta run -- CMD` or `with ctx.run(...)`",
        )
    source = loading.summary(connection, run_id).metadata.get("source")
    facts: Mapping[str, Any] = source if isinstance(source, Mapping) else {}
    return RecordedEnvironment(ref, snapshot, facts, _patch(objects, facts))


def _patch(objects: Objects, source: Mapping[str, Any]) -> bytes | None:
    digest = source.get("patch")
    if not isinstance(digest, str):
        return None
    try:
        return objects.get(digest)
    except NotFound as error:
        raise DamagedData(f"the recorded changes {digest} are not in the workspace") from error


def rebuild_and_note(
    records: RecordStore,
    objects: Objects,
    recorded: RecordedEnvironment,
    into: Path,
    options: RebuildOptions | None,
    uv: Uv | None,
    progress: ProgressCallback | None,
) -> Rebuild:
    """Rebuild the environment with the user's cache, and store the result as an event of the run."""
    result = rebuild(recorded, into, options or RebuildOptions(), tools_of(objects, uv), progress or no_progress)
    records.append(event_of(result))
    return result


def tools_of(objects: Objects, uv: Uv | None) -> Tools:
    """uv, by default the user's, and the user's cache. Raises UvMissing."""
    return Tools(uv or find_uv(), find_cache(), objects)


def event_of(result: Rebuild) -> StructuredEventRecord:
    """The result of a rebuild as an event of the run."""
    now = from_microseconds(time.time_ns() // 1_000)
    envelope = RecordEnvelope(
        record_ref=result.run_ref.child("record", f"rebuild-{os.urandom(6).hex()}"),
        record_type="event",
        recorded_at=now,
        observed_at=now,
        producer_ref="contexta",
        run_ref=result.run_ref,
    )
    attributes = {
        "verdict": result.verdict,
        "into": result.into,
        "python": result.rebuilt_python,
        "platform": result.platform,
        "deviations": len(result.deviations),
        "missing": len(result.missing),
        "environment_key": result.environment_key,
    }
    payload = StructuredEventPayload(
        event_key=REBUILT,
        level="info" if result.verdict == "match" else "warning",
        message=f"the environment was rebuilt: {result.verdict}",
        attributes={name: value for name, value in attributes.items() if value is not None},
    )
    return StructuredEventRecord(envelope=envelope, payload=payload)
