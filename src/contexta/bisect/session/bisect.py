"""Run a bisect from a request to its report, plan one, or resume the last one."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from contexta import __version__
from contexta.bisect.execution.executors.choose import OPENED_BY, open_executor
from contexta.bisect.execution.executors.executor import Executor
from contexta.bisect.inputs.request import BisectRequest
from contexta.bisect.inputs.sides.side import Records
from contexta.bisect.reporting.estimate import plan
from contexta.bisect.reporting.expectation import outcome_of_first
from contexta.bisect.reporting.finished_trial import Trial
from contexta.bisect.reporting.report import report
from contexta.bisect.search.problem import Verdict
from contexta.bisect.session import study_files
from contexta.bisect.session.environments import TrialEnvironments
from contexta.bisect.session.prepare import PreparedStudy, prepare, studies_of
from contexta.bisect.session.progress import BisectProgress
from contexta.bisect.session.releases import releases_of
from contexta.bisect.session.status_file import StatusFile
from contexta.bisect.session.study import Study
from contexta.findings.bisect import BisectPlan, BisectReport, BisectStatus, Releases
from contexta.recorder.redaction import redact
from contexta.reproduce.uv.error_messages import UvError


def run_bisect(
    records: Records,
    workspace: str | None,
    fields: Mapping[str, Any],
    progress: BisectProgress | None = None,
    *,
    resume: bool = False,
) -> BisectReport:
    """Rerun the command until there is a verdict. The report is stored with the study.

    workspace: as the user named it. fields: of ``BisectRequest``, None for those that the user did not set. resume:
    without OLD, the fields of the last study are the defaults.
    """
    fields, progress = _set_fields(fields), progress or BisectProgress()
    studies = studies_of(records)
    last = study_files.read_last(studies) if resume and fields.get("old") is None else None
    request = BisectRequest(**fields) if last is None else study_files.request_of(last, fields)
    choice = None if last is None else last.choice
    prepared = prepare(request, records, workspace, resumes=resume, choice=choice)
    _announce(prepared, progress)
    setup = prepared.setup
    study_files.remember(
        studies, request.model_copy(update=dict(prepared.dates)), prepared.choice, setup.command.folder, setup.folder
    )
    status = StatusFile(progress, _without_secrets(setup.command.argv), prepared.labels)
    addresses = {option: getattr(request, option) for option in OPENED_BY}
    opened = open_executor(addresses, request.jobs, lambda decision: progress.message(f"note: {decision}"))
    with status, opened as executor:
        finished = _run(prepared, request, status, executor, resume=resume)
        study_files.write_report(setup.folder, finished)
    return finished


def plan_bisect(
    records: Records, workspace: str | None, fields: Mapping[str, Any], progress: BisectProgress | None = None
) -> BisectPlan:
    """Build the environments of OLD and NEW, and plan a bisect. Reruns nothing, and begins no study."""
    request, progress = BisectRequest(**_set_fields(fields)), progress or BisectProgress()
    prepared = prepare(request, records, workspace, plans=True)
    _announce(prepared, progress)
    progress.message("building the environments of OLD and NEW to read their requirements")
    setup = prepared.setup
    space = TrialEnvironments(setup, prepared.uv).space()
    return plan(space, request.max_runs, seconds=setup.expected, notes=(*prepared.labels, *prepared.notes))


def last_report(records: Records, study: str | os.PathLike[str] | None = None) -> BisectReport:
    """The stored report of a study; of the last one by default."""
    folder = study_files.read_last(studies_of(records)).study if study is None else Path(study)
    return study_files.read_report(folder)


def status_of(records: Records, study: str | os.PathLike[str] | None = None) -> BisectStatus:
    """The status of a study; of the last one by default."""
    folder = study_files.read_last(studies_of(records)).study if study is None else Path(study)
    return study_files.read_status(folder)


def _set_fields(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def _announce(prepared: PreparedStudy, progress: BisectProgress) -> None:
    for label in prepared.labels:
        progress.message(label)
    for note in prepared.notes:
        progress.message(f"note: {note}")


def _run(
    prepared: PreparedStudy,
    request: BisectRequest,
    progress: BisectProgress,
    executor: Executor,
    *,
    resume: bool,
) -> BisectReport:
    setup = prepared.setup
    progress.message("building the environments of OLD and NEW")
    study = Study(setup, prepared.uv, executor, resume=resume, fresh=request.fresh)
    executor.require_ready(study.runner.sample())
    progress.started(study, prepared.here.swapped or "")
    releases, notes = None, tuple[str, ...]()

    def trial_finished(trial: Trial, number: int) -> None:
        progress.trial_finished(trial, number)
        if trial.observation.mix == 0 and trial.result.measured is not None:
            old = [other.result.measured for other in study.trials if other.observation.mix == 0]
            values = [value for value in old if value is not None]
            if (outcome := outcome_of_first(prepared.expected, setup.command.measured, values)) is not None:
                progress.message(f"note: {outcome}")

    try:
        verdict = study.finish(trial_finished, progress.trial_started)
        progress.decided(verdict)
        if request.versions:
            releases, notes = _releases(study, verdict, progress)
    except KeyboardInterrupt:
        trials = len(study.trials) + len(study.release_trials)
        progress.interrupted(f"stopped after {trials} trials, which are stored\n`contexta bisect --resume` continues")
        raise
    return _report(prepared, study, verdict, releases, notes)


def _releases(study: Study, verdict: Verdict, progress: BisectProgress) -> tuple[Releases | None, tuple[str, ...]]:
    try:
        return releases_of(study, verdict, progress.trial_finished), ()
    except UvError as error:
        return None, (f"cannot list the releases of the culprit: {error.what[:300]}",)


def _report(
    prepared: PreparedStudy, study: Study, verdict: Verdict, releases: Releases | None, notes: Sequence[str]
) -> BisectReport:
    setup, original = prepared.setup, prepared.command_given
    return report(
        study.space,
        verdict,
        study.trials,
        metric=setup.command.measured,
        higher_is_better=setup.higher_is_better,
        releases=releases,
        release_trials=study.release_trials,
        command=_without_secrets(setup.command.argv),
        command_given=None if original is None else _without_secrets(original),
        tools=_tools(prepared),
        notes=(*prepared.labels, *prepared.notes, *study.environments.notes, *notes),
        here=replace(prepared.here, command=_without_secrets(prepared.here.command)),
        recorded=prepared.recorded,
        expected=prepared.expected,
    )


def _without_secrets(command: Sequence[str]) -> tuple[str, ...]:
    """A command as reports show it."""
    return tuple(redact.argv(command, None)[0])


def _tools(prepared: PreparedStudy) -> dict[str, str]:
    pythons = {f"python of {end.upper()}": python.version for end, python in prepared.setup.pythons.items()}
    return {
        "contexta": __version__,
        "uv": prepared.uv.version,
        **pythons,
        "platform": platform.platform(terse=True),
    }
