"""Asking what an audit cannot know from the recording: the index, the installed files, what was tried before."""

from __future__ import annotations

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


def current_evidence(
    recorded: RecordedEnvironment | None,
    artifacts: Iterable[Artifact],
    objects: Objects,
    *,
    online: bool,
    deep: bool,
    uv: Uv | None,
) -> Availability:
    """What the index and the disk say now, as far as they are to be asked."""
    missing, yanked = on_the_index(recorded, uv or find_uv()) if recorded and online else (None, [])
    edits, reason = edited(recorded, objects) if recorded and deep else (None, "")
    inputs = inputs_now(artifacts, deep=deep)
    return Availability(missing=missing, yanked=yanked, edits=edits, edits_reason=reason, inputs=inputs)


def reruns_among(
    edges: Iterable[LineageEdge], ref: StableRef, compare: Callable[[str, str], RunComparison]
) -> list[tuple[RerunMetric, ...]]:
    """The metrics of every rerun of a run, beside its own."""
    return [
        rerun_metrics(compare(str(ref), str(edge.source_ref)))
        for edge in edges
        if edge.target_ref == ref and edge.origin_marker == RERUN
    ]


def on_the_index(recorded: RecordedEnvironment, uv: Uv) -> tuple[list[Missing], list[str]]:
    """(what could not be had again now, what is yanked). About 0.1 s a package, four at once."""
    plan = replace(plan_of(recorded.snapshot, recorded.source), linked={})  # asking an address may build what is there
    try:
        python = find_interpreter(uv, recorded.snapshot, None, drift=True)
    except Impossible as error:
        return [*plan.missing, *error.missing], []
    lost = unavailable_packages(uv, python, plan, True, ())
    names = {each.name for each in lost}
    pins = {name: version for name, version in plan.pins.items() if name not in names}
    yanked = uv.warnings(python.path, pins) if pins and not any("more" in name for name in names) else ()
    return [*plan.missing, *lost], [told for told in yanked if "yanked" in told]


def edited(recorded: RecordedEnvironment, objects: Objects) -> tuple[list[dict[str, str]] | None, str]:
    """(files of the recorded environment that are not as installed, ""); (None, why nobody can look)."""
    prefix = recorded.snapshot.interpreter.get("prefix")
    if not isinstance(prefix, str) or not Path(prefix).is_dir():
        return None, "the environment of the run is not on this machine any more"
    try:
        found, edits = probed(recorded, Path(prefix), objects, deep=True)
    except ContextaError as error:
        return None, error.what
    if _versions(found) != _versions(recorded.snapshot):
        return None, "the environment at that place holds other packages now"
    return edits, ""


def _versions(snapshot: EnvironmentSnapshot) -> dict[str, str]:
    return {each.name: each.version for each in snapshot.distributions}


def inputs_now(artifacts: Iterable[Artifact], *, deep: bool) -> dict[str, InputState]:
    """What became of the inputs of a run, by name; the last of one name counts.

    One of the size and time it had then is taken as unchanged; deep: read it all the same.
    """
    return {each.name: _now(each, deep) for each in artifacts if each.kind == "input"}


def _now(recorded: Artifact, deep: bool) -> InputState:
    if recorded.digest is None:
        return "not read"
    place = Path(recorded.location)
    try:
        facts = place.stat()
        as_then = (recorded.size_bytes, recorded.attributes.get("modified")) == (
            facts.st_size,
            facts.st_mtime_ns // 1000,
        )
        if as_then and place.is_file() and not deep:
            return "unchanged"
        return "unchanged" if contents(str(place))[0]["digest"] == recorded.digest else "changed"
    except FileNotFoundError:
        return "gone"
    except (OSError, ValueError):
        return "not read"


def rebuilds_among(records: Iterable[Record]) -> Sequence[PastRebuild]:
    """The times a run's environment was built again, oldest first."""
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
