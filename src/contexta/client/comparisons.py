"""Compare, explain, check, audit and report runs. Each function is a method of ``Contexta``."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from contexta.client.reading.arguments import selectors
from contexta.client.reading.queries import get_run_snapshot
from contexta.client.reading.workspace import Workspace, names_of_renamed, with_names
from contexta.client.reproduction import to_rebuild
from contexta.core.errors import InvalidInput, NotFound
from contexta.core.references import StableRef, slug

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from contexta.findings import (
        Audit,
        EnvironmentDiff,
        Explanation,
        Gate,
        IssueDraft,
        MultiRunComparison,
        RunComparison,
        RunDiff,
        RunDifference,
        ValueComparison,
    )
    from contexta.findings.checks import Strictness
    from contexta.findings.past_runs import RunRecord
    from contexta.reports import Report
    from contexta.reproduce.uv.commands import Uv

    _RunKey = tuple[int, StableRef]  # the key in the database, and the reference


def compare_runs(workspace: Workspace, left: str | None = None, right: str | None = None) -> RunComparison:
    """The last value of each metric in two runs, and what changed between the runs. Reads no points, runs no git.

    Without arguments the last two runs of the project that are no reruns; with one, that run and the latest of these.
    Raises NotFound.
    """
    from contexta.analysis.changes.unknown_aspects import unknown_in_runs
    from contexta.analysis.environments.missing_facts import unknown_in_environments

    with workspace._reading() as connection:
        keys = _two_runs(workspace, connection, left, right)
        records = _records(workspace, connection, keys)
        return _compare(connection, *keys).model_copy(
            update={
                "differences": _differences(records),
                "unknowns": (
                    *unknown_in_runs(*records),
                    *unknown_in_environments(*(record.snapshot for record in records)),
                ),
            }
        )


def compare_metrics(workspace: Workspace, left: str, right: str) -> RunComparison:
    """The last value of each metric in two runs, and nothing else."""
    with workspace._reading() as connection:
        return _compare(connection, *_two_runs(workspace, connection, left, right))


def compare_multiple_runs(workspace: Workspace, runs: Sequence[str]) -> MultiRunComparison:
    """Several runs side by side, in the given order: their metrics, and what changed between them."""
    from contexta.analysis.metrics.compare import compare_many
    from contexta.store.read import loading

    with workspace._reading() as connection:
        keys = [workspace._find(connection, selector) for selector in selectors(runs)]
        summaries = loading.summaries(connection, [key for key, _ in keys])
        comparison = compare_many(summaries, _differences(_records(workspace, connection, keys)))
        return with_names(connection, comparison, comparison.run_refs)


def compare_environments(workspace: Workspace, left: str, right: str) -> EnvironmentDiff:
    """The differences between the environments of two runs. A run without a snapshot gives a note."""
    with workspace._reading() as connection:
        keys = workspace._find(connection, left), workspace._find(connection, right)
        return _compare_environments(workspace, connection, *keys)


def diff_runs(workspace: Workspace, left: str | None = None, right: str | None = None) -> RunDiff:
    """Every difference between two runs: metrics, parameters, command, code, environment and inputs.

    Without arguments the last two runs of the project that are no reruns; with one, that run and the latest of these.
    The commits between the runs are read from a repository on this machine, if it has both. Raises NotFound.
    """
    from contexta.analysis.changes import effective_settings, pair, unknown_aspects
    from contexta.analysis.environments.environment_diff import compare_environments
    from contexta.findings import RunDiff
    from contexta.store.read.history import commits_between, with_patched_files

    with workspace._reading() as connection:
        keys = _two_runs(workspace, connection, left, right)
        objects = workspace._opened().objects
        old, new = (with_patched_files(objects, record) for record in _records(workspace, connection, keys))
        environment = compare_environments(keys[0][1], old.snapshot, keys[1][1], new.snapshot)
        metrics = _compare(connection, *keys)
        outputs = [change for change in metrics.artifact_changes if change.key not in {*old.inputs, *new.inputs}]
        return RunDiff(
            metrics=metrics.model_copy(update={"artifact_changes": tuple(outputs)}),
            params=pair.compare_parameters(old, new),
            command=pair.compare_commands(old, new),
            code=pair.compare_code(old, new, commits_between(old.run, new.run)),
            environment=environment.model_copy(update={"renamed": metrics.renamed}),
            inputs=_compare_inputs(connection, *keys),
            settings=effective_settings.changed_settings(old.run, new.run),
            unknowns=(*unknown_aspects.unknown_in_runs(old, new), *environment.unknowns),
            completeness_notes=(*old.notes, *new.notes),
        )


def draft_issue(
    workspace: Workspace, left: str | None = None, right: str | None = None, *, online: bool = False
) -> IssueDraft:
    """A text for the issue tracker of a package: changed releases with links to their notes, and the versions of both
    runs. The links come from installed metadata.

    online: read the metadata of packages that are not installed from the configured package index.
    Without runs as ``diff_runs``. Raises NotFound, UvMissing.
    """
    from contexta.analysis.environments.issue_draft import draft_of
    from contexta.reproduce.package_metadata import with_addresses

    finding = diff_runs(workspace, left, right)
    refs = (finding.metrics.left_ref, finding.metrics.right_ref)
    with workspace._reading() as connection:
        sides = [workspace._snapshot(connection, workspace._find(connection, str(ref))[0]) for ref in refs]
    interpreters = [side.interpreter for side in reversed(sides) if side is not None]
    return with_addresses(draft_of(finding, *sides), interpreters, finding.environment.right_python_version, online)


def audit_reproducibility(
    workspace: Workspace, run: str, *, online: bool = False, deep: bool = False, uv: Uv | None = None
) -> Audit:
    """Whether the record of a run is enough to rebuild its environment, and the results of earlier attempts.

    online: query the index for every package. deep: read every file of the environment, if it still exists.
    """
    from contexta.analysis.environments.audit import audit
    from contexta.reproduce.availability_checks import current_evidence, rebuilds_among, reruns_among
    from contexta.store.entities import records
    from contexta.store.read import loading

    with workspace._reading() as connection:
        key, ref = workspace._find(connection, run)
        details, snapshot = loading.details(connection, key), workspace._snapshot(connection, key)
        rebuilds = rebuilds_among(records.other_records(connection, key))
        renamed = names_of_renamed(connection, [ref])
    edges = workspace.metadata_store.relations.list_lineage_edges()
    reruns = reruns_among(edges, ref, lambda left, right: compare_metrics(workspace, left, right))
    recorded = to_rebuild(workspace, str(ref)) if snapshot is not None and (online or deep) else None
    if online:
        from contexta.reproduce.lock.kept_wheels import with_kept_wheels

        uv = with_kept_wheels(uv, workspace.root)
    available = current_evidence(
        recorded, details.artifacts, workspace._opened().objects, online=online, deep=deep, uv=uv
    )
    finding = audit(details, snapshot, available.with_history(rebuilds, reruns))
    return finding.model_copy(update={"renamed": renamed})


def explain_regression(
    workspace: Workspace,
    old: str | None = None,
    new: str | None = None,
    *,
    metric: str | None = None,
    lower_is_better: bool | None = None,
    group_by: str = "auto",
) -> Explanation:
    """Whether a metric differs between two runs by more than noise, what changed, the suspects, and the next steps.

    old, new: by default the last two runs of the project; without ``new``, the latest run. Reruns are skipped.
    metric: ``accuracy`` or ``train/accuracy``; by default the metric with the surest drop. lower_is_better: the
    direction, if neither the name nor the configuration gives it. group_by: which runs are repeats: ``auto`` (equal
    code, configuration and environment), ``none``, ``tag:NAME``, ``param:NAME``. Reruns nothing.
    """
    from contexta.analysis.why.explain import explain
    from contexta.analysis.why.next_steps import PasteTarget
    from contexta.reproduce.environment_manager import installation_of
    from contexta.store.read import history

    with workspace._reading() as connection:
        keys = _two_runs(workspace, connection, old, new)
        left, right = (_record(workspace, connection, key) for key, _ in keys)
        explanation = explain(
            left,
            right,
            history.project_runs(connection, keys[1][0], also=[keys[0][0]]),
            metric=metric,
            directions=workspace._directions(lower_is_better),
            group_by=group_by,
            commits=history.commits_between(left.run, right.run),
            target=PasteTarget(
                history.unambiguous_names(connection, [ref for _, ref in keys]),
                installation_of(right.snapshot, right.run.metadata),
                workspace._option(),
            ),
        )
        return with_names(connection, explanation, [ref for _, ref in keys])


def check_run(
    workspace: Workspace,
    run: str,
    *,
    against: str | None = None,
    require: Sequence[str] = (),
    max_drop: Sequence[str] = (),
    env: Strictness = "any",
    place: str | os.PathLike[str] | None = None,
) -> Gate:
    """Check a run against rules. A rule that cannot be decided counts as not met.

    Without a rule, no metric of known direction may be worse than in ``against`` by more than run-to-run noise.
    require: ``accuracy>=0.9``. max_drop: ``accuracy=0.01`` or ``accuracy=1%``, relative to the baseline ``against``.
    env: ``same`` (no recorded difference), ``packages`` (same Python and packages) or ``any``.
    against: a run; or the path of a file of ``export_baseline``, of a backup, or of another workspace. place: the
    backup or workspace that has the run ``against``; by default its latest run with the tag ``baseline``.
    """
    from contexta.analysis.environments.environment_diff import compare_environments
    from contexta.analysis.gate import allowed_drop, gate, metric_requirement
    from contexta.analysis.why.explain import metric_shifts
    from contexta.client.baselines import find_baseline
    from contexta.store.read.history import past_runs, project_runs

    requirements = [metric_requirement(text) for text in require]
    drops = [allowed_drop(text) for text in max_drop]
    directions = workspace._directions()
    with workspace._reading() as connection:
        key = workspace._find(connection, run)
        (checked,) = past_runs(connection, [key[0]])
        baseline = diff = shifts = None
        if against is not None or place is not None:
            side = find_baseline(workspace, connection, against, place, key[1].components[0])
            if side.is_file and env == "same":
                raise InvalidInput(
                    "a baseline file holds the packages of an environment, not everything that was recorded",
                    hint="compare these with --env packages, or compare with a backup",
                )
            baseline = side.run
            snapshot = workspace._snapshot(connection, key[0])
            diff = compare_environments(baseline.ref, side.snapshot, checked.ref, snapshot)
            if not (requirements or drops) and env == "any":
                own = project_runs(connection, key[0], also=[] if side.key is None else [side.key])
                refs = {past_run.ref for past_run in own}
                runs = (*own, *(past_run for past_run in side.others if past_run.ref not in refs))
                shifts = metric_shifts(baseline, checked, runs, None, directions)
        finding = gate(
            checked,
            baseline,
            diff,
            requirements=requirements,
            drops=drops,
            strictness=env,
            directions=directions,
            shifts=shifts,
        )
        return with_names(connection, finding, [past_run.ref for past_run in (checked, baseline) if past_run])


# ---------------------------------------------------------------------------------------------- reports


def build_snapshot_report(workspace: Workspace, run: str, *, max_records: int = 100) -> Report:
    """A report of everything that is stored of one run."""
    from contexta.reports import report_of

    return report_of(get_run_snapshot(workspace, run, max_records=max_records))


# ---------------------------------------------------------------------------------------------- parts


def _two_runs(
    workspace: Workspace, connection: Connection, left: str | None, right: str | None
) -> tuple[_RunKey, _RunKey]:
    """Two runs, by default the last two of the project that are no reruns. Raises NotFound, Ambiguous, InvalidInput."""
    if right is not None:
        if left is None:
            raise InvalidInput("the right run has no left run to compare with", hint="give both runs, or none")
        return workspace._find(connection, left), workspace._find(connection, right)
    latest = _latest(workspace, connection)
    if left is None:
        return _previous(workspace, connection, latest)
    first = workspace._find(connection, left)
    return first, workspace._find(connection, "@latest") if first == latest else latest


def _latest(workspace: Workspace, connection: Connection) -> _RunKey:
    """The latest run that is no rerun; if there are only reruns, the latest one."""
    from contexta.store.query.find_runs import latest_originals

    project = workspace.config.project_name
    originals = latest_originals(connection, slug(project) if project is not None else None, 1)
    return originals[0] if originals else workspace._find(connection, "@latest")


def _previous(workspace: Workspace, connection: Connection, latest: _RunKey) -> tuple[_RunKey, _RunKey]:
    """The last two runs of a project that are no reruns; without them, its last two runs."""
    from contexta.store.query.find_runs import latest_originals

    project = latest[1].components[0]
    originals = latest_originals(connection, project, 2)
    if len(originals) == 2:
        return originals[1], originals[0]
    try:
        return workspace._find(connection, f"{project}@latest~1"), workspace._find(connection, f"{project}@latest")
    except NotFound:
        raise NotFound(f"project {project} has only one run", hint="record another one, or name two runs") from None


def _compare(connection: Connection, left: _RunKey, right: _RunKey) -> RunComparison:
    from contexta.analysis.environments.input_data import artifact_changes
    from contexta.analysis.metrics.compare import compare_runs
    from contexta.store.entities.artifacts import of_run
    from contexta.store.read import loading

    comparison = compare_runs(*loading.summaries(connection, [left[0], right[0]]))
    changes = artifact_changes(of_run(connection, left[0]), of_run(connection, right[0]))
    comparison = comparison.model_copy(update={"artifact_changes": changes}) if changes else comparison
    return with_names(connection, comparison, (left[1], right[1]))


def _compare_inputs(connection: Connection, left: _RunKey, right: _RunKey) -> ValueComparison:
    from contexta.analysis.environments.input_data import compare_inputs
    from contexta.store.entities.artifacts import of_run

    return compare_inputs(left[1], of_run(connection, left[0]), right[1], of_run(connection, right[0]))


def _compare_environments(
    workspace: Workspace, connection: Connection, left: _RunKey, right: _RunKey
) -> EnvironmentDiff:
    from contexta.analysis.environments.environment_diff import compare_environments

    snapshots = workspace._snapshot(connection, left[0]), workspace._snapshot(connection, right[0])
    return with_names(
        connection, compare_environments(left[1], snapshots[0], right[1], snapshots[1]), (left[1], right[1])
    )


def _records(workspace: Workspace, connection: Connection, keys: Sequence[_RunKey]) -> list[RunRecord]:
    """The records of runs for a list of differences."""
    from contexta.store.read.history import records_for_comparison

    return records_for_comparison(connection, workspace._opened().objects, [key for key, _ in keys])


def _differences(records: Sequence[RunRecord]) -> tuple[RunDifference, ...]:
    from contexta.analysis.changes.side_by_side import differences, facts_of

    return differences(facts_of(records))


def _record(workspace: Workspace, connection: Connection, key: int) -> RunRecord:
    from contexta.store.read.history import recorded

    return recorded(connection, workspace._opened().objects, key, workspace._snapshot(connection, key))
