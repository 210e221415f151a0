"""Load all runs of a project in a few queries, without their points and their complete environments."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from contexta.contract import EnvironmentSnapshot
from contexta.core.errors import DamagedData, NotFound
from contexta.core.references import StableRef
from contexta.core.validation import to_microseconds
from contexta.findings import MetricValue, RunSummary
from contexta.findings.past_runs import CommitRange, MetricId, PastEnvironment, PastRun, RunRecord
from contexta.recorder.journal.objects import Objects
from contexta.recorder.source.commits import between
from contexta.store.entities import run_annotations
from contexta.store.entities.artifacts import of_run
from contexta.store.entities.environments import shared_snapshots
from contexta.store.read.loading import summaries
from contexta.store.schema.statements import fetch, marks

if TYPE_CHECKING:
    from sqlalchemy import Connection

MOST_RUNS = 2_000
"""The latest runs that are loaded; older ones say little about a recent change."""


def project_runs(connection: Connection, run_id: int, also: Sequence[int] = ()) -> tuple[PastRun, ...]:
    """The latest ``MOST_RUNS`` runs of the project of a run, with that run and those in ``also``.

    Takes about 0.1 ms per run and metric, and 1 ms per environment.
    """
    latest = fetch(connection, _OF_SAME_PROJECT, (run_id, MOST_RUNS))
    return past_runs(connection, sorted({run_id, *also, *(key for (key,) in latest)}))


def latest_runs(connection: Connection, run_id: int, limit: int) -> tuple[tuple[PastRun, ...], int]:
    """(the latest runs of the project of a run, the number of older ones)"""
    keys = sorted(key for (key,) in fetch(connection, _OF_SAME_PROJECT, (run_id, limit)))
    ((total,),) = fetch(connection, f"SELECT count(*) FROM run WHERE {_SAME_PROJECT}", (run_id,))
    return past_runs(connection, keys), total - len(keys)


_SAME_PROJECT = "project_id = (SELECT project_id FROM run WHERE id = ?)"
_OF_SAME_PROJECT = f"SELECT id FROM run WHERE {_SAME_PROJECT} ORDER BY started_at DESC, id DESC LIMIT ?"


def past_runs(connection: Connection, run_ids: Sequence[int]) -> tuple[PastRun, ...]:
    """Some runs, in the order of the keys."""
    body_of: dict[int, int] = {}
    for start in range(0, len(run_ids), _AT_ONCE):
        some = run_ids[start : start + _AT_ONCE]
        statement = f"SELECT id, environment_body_id FROM run WHERE id IN ({marks(some)})"
        body_of.update((key, body) for key, body in fetch(connection, statement, some) if body is not None)
    environments = _environments(connection, sorted(set(body_of.values())))
    return tuple(
        replace(
            _without_metrics(summary),
            environment=environments[body_of[run_id]] if run_id in body_of else None,
            metrics=_metrics(summary),
        )
        for run_id, summary in zip(run_ids, summaries(connection, run_ids), strict=True)
    )


def unambiguous_names(connection: Connection, refs: Sequence[StableRef]) -> dict[str, str]:
    """Run reference -> its name if only one project has a run of that name, else ``project.run``."""
    renamed = run_annotations.given_names(connection, refs)
    names = [renamed.get(ref, ref.name) for ref in refs]
    statement = f"SELECT slug FROM run WHERE slug IN ({marks(names)})"
    same_names = fetch(connection, statement, names) if names else ()
    counts = Counter([*(name for (name,) in same_names), *run_annotations.matching_names(connection, names)])
    return {
        ref: name if counts[name] == 1 else f"{ref.components[0]}.{name}" for ref, name in zip(refs, names, strict=True)
    }


def inputs_of(connection: Connection, run_id: int) -> dict[str, str | None]:
    """The inputs of a run: name -> digest; None if the content was not read."""
    return {artifact.name: artifact.digest for artifact in of_run(connection, run_id) if artifact.kind == "input"}


def inputs_of_runs(connection: Connection, refs: Sequence[StableRef]) -> dict[StableRef, dict[str, str | None]]:
    """The inputs of each of these runs that recorded some, as in ``inputs_of``."""
    if not refs:
        return {}
    statement = f"""
        SELECT ref, id FROM run WHERE ref IN ({marks(refs)})
        AND EXISTS (SELECT 1 FROM artifact WHERE run_id = run.id AND artifact_kind = 'input')
        """
    return {StableRef.parse(ref): inputs_of(connection, key) for ref, key in fetch(connection, statement, refs)}


def recorded(connection: Connection, objects: Objects, run_id: int, snapshot: EnvironmentSnapshot | None) -> RunRecord:
    """The complete record of one run."""
    (run_values,) = past_runs(connection, [run_id])
    return with_patched_files(objects, RunRecord(run_values, snapshot, inputs_of(connection, run_id)))


def with_patched_files(objects: Objects, record: RunRecord) -> RunRecord:
    """The record with the files of its uncommitted changes, or with a note why they cannot be read."""
    patch, missing = _patch_of(objects, record.run)
    return replace(record, patched=_files_of_patch(patch), notes=missing)


def records_for_comparison(connection: Connection, objects: Objects, run_ids: Sequence[int]) -> list[RunRecord]:
    """The records of several runs, without metrics and without the files of their uncommitted changes.

    Runs with equal environments share one snapshot, which names the first of these runs.
    """
    snapshots = shared_snapshots(connection, objects, run_ids)
    return [
        RunRecord(run=_without_metrics(summary), snapshot=snapshots[run_id], inputs=inputs_of(connection, run_id))
        for run_id, summary in zip(run_ids, summaries(connection, run_ids), strict=True)
    ]


def _without_metrics(summary: RunSummary) -> PastRun:
    return PastRun(
        ref=summary.run_ref,
        status=summary.status,
        started_at=summary.started_at,
        seconds=summary.duration_seconds,
        tags=summary.tags,
        params=summary.params,
        metadata=summary.metadata,
    )


def commits_between(old: PastRun, new: PastRun) -> CommitRange:
    """The commits and files between the commits of two runs, from a repository on this machine.

    Tries the repositories in which NEW and OLD ran, then that of the current directory. Runs at most three commands of
    git for each.
    """
    if old.code is None or new.code is None or old.code[0] == new.code[0]:
        return CommitRange()
    places = [str(run.metadata["source"].get("root") or "") for run in (new, old)]
    results = []
    with suppress(OSError):  # the current directory was removed
        places.append(str(Path.cwd()))
    for place in dict.fromkeys(places):
        results.append(CommitRange(**between(place, old.code[0], new.code[0])))
        if results[-1].reason is None:
            return results[-1]
    return results[0]


def _patch_of(objects: Objects, run: PastRun) -> tuple[str, tuple[str, ...]]:
    """(the uncommitted changes of a run as a patch, reasons why they cannot be read); both empty without changes."""
    source = run.metadata.get("source")
    digest = source.get("patch") if isinstance(source, Mapping) else None
    if not isinstance(digest, str):
        return "", ()
    try:
        return objects.get(digest).decode("utf-8", "replace"), ()
    except (NotFound, DamagedData) as error:
        return "", (f"the uncommitted changes of {run.ref} cannot be read: {error.what}",)


def _files_of_patch(patch: str) -> dict[str, str]:
    """The files that a patch of git changes -> digest of the changes."""
    files = {}
    for part in re.split(r"^diff --git ", patch, flags=re.MULTILINE)[1:]:
        head, _, body = part.partition("\n")
        files[head.rpartition(" b/")[2].strip('"')] = sha256(body.encode()).hexdigest()
    return files


def _metrics(summary: RunSummary) -> dict[MetricId, int | float]:
    last: dict[MetricId, MetricValue] = {}
    for stage in summary.stages:
        for metric in stage.metrics:
            key = (stage.stage_name, metric.metric_key)
            if metric.slice_ref is None and not (key in last and _is_later(last[key], metric)):
                last[key] = metric
    return {key: metric.value for key, metric in last.items()}


def _is_later(one: MetricValue, other: MetricValue) -> bool:
    return to_microseconds(one.observed_at) > to_microseconds(other.observed_at)


def _environments(connection: Connection, keys: Sequence[int]) -> dict[int, PastEnvironment]:
    environments: dict[int, PastEnvironment] = {}
    for start in range(0, len(keys), _AT_ONCE):
        some = keys[start : start + _AT_ONCE]
        packages: dict[int, dict[str, str]] = {}
        statement = _PACKAGES.format(marks(some))
        for key, name, version in fetch(connection, statement, some):
            packages.setdefault(key, {})[name] = version
        for key, digest, python, platform in fetch(connection, _BODIES.format(marks(some)), some):
            environments[key] = PastEnvironment(digest, python, platform, packages.get(key, {}))
    return environments


_AT_ONCE = 500  # under the limit of bound variables of every supported database
_PACKAGES = "SELECT environment_body_id, name, version FROM environment_distribution WHERE environment_body_id IN ({})"
_BODIES = "SELECT id, digest, python_version, platform FROM environment_body WHERE id IN ({})"
