"""Check facts for an audit that are not in the record: the index, the installed files, the inputs, earlier rebuilds."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from contexta.analysis.environments.availability import Availability, InputState, PastRebuild
from contexta.analysis.reruns import rerun_metrics
from contexta.contract import LineageEdge, Record, StructuredEventRecord
from contexta.contract.environment import EnvironmentSnapshot
from contexta.core.errors import ContextaError
from contexta.core.references import StableRef
from contexta.findings import Artifact, Missing, RerunMetric, RunComparison
from contexta.recorder.journal.objects import Objects
from contexta.recorder.session.content_digest import contents
from contexta.reproduce.plan.interpreters import find_interpreter
from contexta.reproduce.plan.plan import plan_of
from contexta.reproduce.plan.unavailable import Impossible, unavailable_packages
from contexta.reproduce.rebuild import RecordedEnvironment, probed
from contexta.reproduce.recorded_environment import REBUILT
from contexta.reproduce.rerun import RERUN
from contexta.reproduce.uv.commands import Uv, find_uv
from contexta.reproduce.uv.indexes import pip_settings
from contexta.reproduce.uv.urls import releases_among

_EXTRA = ("UV_EXTRA_INDEX_URL", "UV_INDEX", "UV_FIND_LINKS", "extra-index-url", "find-links")
"""Settings of uv and of pip that name further places of packages."""


def current_evidence(
    recorded: RecordedEnvironment | None,
    artifacts: Iterable[Artifact],
    objects: Objects,
    *,
    online: bool,
    deep: bool,
    uv: Uv | None,
) -> Availability:
    """The current state of the index and the disk. online: query the index. deep: read the files."""
    uv = uv or find_uv() if recorded and online else None
    missing, yanked = on_the_index(recorded, uv) if recorded and uv else (None, [])
    extra = only_on_extra_indexes(recorded, uv, missing or ()) if recorded and uv else []
    edits, reason = edited(recorded, objects) if recorded and deep else (None, "")
    inputs = inputs_now(artifacts, deep=deep)
    return Availability(
        missing=missing,
        yanked=yanked,
        on_extra_index=extra,
        has_kept_wheels=bool(uv and uv.kept_wheels),
        edits=edits,
        edits_reason=reason,
        inputs=inputs,
    )


def reruns_among(
    edges: Iterable[LineageEdge], ref: StableRef, compare: Callable[[str, str], RunComparison]
) -> list[tuple[RerunMetric, ...]]:
    """The metrics of every rerun of a run, compared with its own."""
    return [
        rerun_metrics(compare(str(ref), str(edge.source_ref)))
        for edge in edges
        if edge.target_ref == ref and edge.origin_marker == RERUN
    ]


def on_the_index(recorded: RecordedEnvironment, uv: Uv) -> tuple[list[Missing], list[str]]:
    """(missing packages, warnings about yanked packages). About 0.1 s a package, four at once."""
    plan = plan_of(recorded.snapshot, recorded.source)
    releases = releases_among(plan.pins)  # querying an address may build it
    try:
        python = find_interpreter(uv, recorded.snapshot, None, drift=True)
    except Impossible as error:
        return [*plan.missing, *error.missing], []
    lost = unavailable_packages(uv, python, releases, True, ())
    names = {package.name for package in lost}
    pins = {name: version for name, version in releases.items() if name not in names}
    yanked = uv.warnings(python.path, pins) if pins and not any("more" in name for name in names) else ()
    return [*plan.missing, *lost], [warning for warning in yanked if "yanked" in warning]


def only_on_extra_indexes(recorded: RecordedEnvironment, uv: Uv, missing: Sequence[Missing]) -> list[str]:
    """The packages that the default index alone does not have; none without extra indexes."""
    settings = {**pip_settings(os.environ), **os.environ, **dict(uv.settings)}
    if not any(settings.get(name) for name in _EXTRA):
        return []
    plan = plan_of(recorded.snapshot, recorded.source)
    lost = {package.name for package in missing}
    releases = {name: version for name, version in releases_among(plan.pins).items() if name not in lost}
    default = replace(uv, settings=(*uv.settings, *((name, "") for name in _EXTRA if name.startswith("UV_"))))
    try:
        python = find_interpreter(uv, recorded.snapshot, None, drift=True)
    except Impossible:
        return []
    unavailable = unavailable_packages(default, python, releases, True, ())
    return sorted(package.name for package in unavailable if package.reason in ("release removed", "project removed"))


def edited(recorded: RecordedEnvironment, objects: Objects) -> tuple[list[dict[str, str]] | None, str]:
    """(edited files of the recorded environment, ""), or (None, why they are unknown)."""
    prefix = recorded.snapshot.interpreter.get("prefix")
    if not isinstance(prefix, str) or not Path(prefix).is_dir():
        return None, "the environment of the run is not on this machine any more"
    try:
        snapshot, edits = probed(recorded, Path(prefix), objects, deep=True)
    except ContextaError as error:
        return None, error.what
    if _versions(snapshot) != _versions(recorded.snapshot):
        return None, "the environment at that place holds other packages now"
    return edits, ""


def _versions(snapshot: EnvironmentSnapshot) -> dict[str, str]:
    return {package.name: package.version for package in snapshot.distributions}


def inputs_now(artifacts: Iterable[Artifact], *, deep: bool) -> dict[str, InputState]:
    """The current state of the inputs of a run, by name; the last input of a name counts.

    An input with the recorded size and time counts as unchanged; deep: read it too.
    """
    return {artifact.name: _now(artifact, deep) for artifact in artifacts if artifact.kind == "input"}


def _now(recorded: Artifact, deep: bool) -> InputState:
    if recorded.digest is None:
        return "not read"
    path = Path(recorded.location)
    try:
        facts = path.stat()
        looks_unchanged = (recorded.size_bytes, recorded.attributes.get("modified")) == (
            facts.st_size,
            facts.st_mtime_ns // 1000,
        )
        if looks_unchanged and path.is_file() and not deep:
            return "unchanged"
        return "unchanged" if contents(str(path))[0]["digest"] == recorded.digest else "changed"
    except FileNotFoundError:
        return "gone"
    except (OSError, ValueError):
        return "not read"


def rebuilds_among(records: Iterable[Record]) -> Sequence[PastRebuild]:
    """The rebuilds of a run's environment, oldest first."""
    return [
        PastRebuild(
            str(record.payload.attributes.get("verdict")),
            record.envelope.observed_at,
            str(record.payload.attributes.get("platform")),
        )
        for record in records
        if isinstance(record, StructuredEventRecord)
        and record.payload.event_key == REBUILT
        and isinstance(record.payload.attributes, Mapping)
    ]
