"""Run one trial: a recorded command in an environment with a seed."""

from __future__ import annotations

import os
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from contexta.bisect.execution.isolation.home_changes import changed_in_home
from contexta.bisect.execution.isolation.private_home import PrivateHome, private_home
from contexta.bisect.execution.isolation.sandbox import moved_into, workplace
from contexta.bisect.execution.metric import read_metric
from contexta.bisect.execution.metric_files import State, states
from contexta.bisect.execution.parameter_changes import contradiction
from contexta.bisect.execution.seed_use import other_seed, with_seed
from contexta.bisect.execution.trial_job import TrialJob, TrialResult
from contexta.bisect.execution.trial_record import TrialRecord
from contexta.bisect.execution.unentered_processes import scanned
from contexta.bisect.trajectories.live import LiveTrajectory
from contexta.core.errors import InvalidInput, shown
from contexta.core.processes import process, supervisor
from contexta.recorder.probes.machine import usable_memory
from contexta.recorder.redaction.redact import HIDDEN
from contexta.reproduce.launch.confirmation import Confirmation, Intended, Observations, confirm
from contexta.reproduce.launch.programs import with_python
from contexta.reproduce.uv.commands import python_in

_NOT_FOR_TRIALS = ("PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "VIRTUAL_ENV", "CONDA_PREFIX", "__PYVENV_LAUNCHER__")
_PLACES = frozenset(
    {"VIRTUAL_ENV", "VIRTUAL_ENV_PROMPT", "CONDA_PREFIX", "CONDA_DEFAULT_ENV", "PYTHONHOME", "PYTHONSTARTUP", "TMPDIR"}
)
_LOG_KEPT = 20_000  # characters of output kept of each trial
_NO_MEMORY = ("MemoryError", "bad_alloc", "Cannot allocate memory", "out of memory")
_SHARE = 0.8  # of the machine's memory, for all trials that run on it at a time
_UNKNOWN = 125  # exit code, as in git bisect


def applicable_variables(variables: Mapping[str, str]) -> dict[str, str]:
    """The variables of a recorded run that apply to a trial.

    Variables for the location of its environment, its temporary files or its index do not apply, and hidden values are
    unknown: the trial has those of the machine that it runs on.
    """
    return {
        name: value
        for name, value in variables.items()
        if name not in _PLACES and not name.startswith(("UV_", "PIP_")) and HIDDEN not in value
    }


@dataclass(frozen=True)
class TrialEnvironment:
    """The environment of one trial, and the directory for its temporary files."""

    path: str
    scratch: str = field(default_factory=tempfile.gettempdir)
    intended: Intended | None = None
    """The intended environment, to compare with the observed one; None compares nothing."""
    caches: tuple[Path, ...] = ()
    """Directories of Contexta and uv, which change meanwhile."""
    check: Callable[[], str | None] = lambda: None
    """Called when the trial has ended: how the environment was changed. What it raises, ``run_trial`` raises."""
    install: Callable[[Path], str | None] = lambda _: None
    """Called with the source before the trial: why packages of the source cannot be installed."""


def run_trial(job: TrialJob, environment: TrialEnvironment, stop: threading.Event | None = None) -> TrialResult:
    """Run a trial until it ends or exceeds its time limit, and end all its processes. Never raises for its failure.

    Raises Stopped when ``stop`` was set meanwhile; then nothing is stored.
    """
    folder, scratch, in_place = Path(job.command.folder), Path(environment.scratch), job.command.in_place
    scratch.mkdir(parents=True, exist_ok=True)
    with private_home(scratch) as home, workplace(folder, scratch, in_place=in_place, revision=job.revision) as place:
        if job.revision is not None:
            job = _moved(job, moved_into(place, folder, job.revision))
        sandbox = _Sandbox(job, environment.path, place, home, stop)
        if job.workspace is None:
            result = sandbox.attempt(_variables(job, environment.path, home.variables), {})
            environment.check()
            return result
        own_folders = [str(scratch), environment.path, *([str(folder)] if in_place else [])]
        with TrialRecord(job, scratch) as record:
            if (hindrance := environment.install(place)) is not None:
                return record.store(TrialResult(None, hindrance, 0.0))
            variables = record.joined_by(_variables(job, environment.path, home.variables), own_folders)
            began = time.time_ns()
            result = sandbox.attempt(variables, record)
            altered = environment.check()
            result = _checked(replace(result, why_home_empty=home.why_empty), job, record)
            if environment.intended is None:
                return record.store(result)
            intended = environment.intended
            intended = replace(intended, places=(*intended.places, str(place)), variables=record.as_recorded())
            ours = [folder, scratch, Path(environment.path), Path(job.workspace), *environment.caches]
            result = replace(result, home_changes=changed_in_home(Path.home(), began, ours))
            return record.store(_compared(result, intended, record.observed(), altered))


def _checked(result: TrialResult, job: TrialJob, record: TrialRecord) -> TrialResult:
    """The result, without a value if the run recorded other parameters than its own."""
    parameters = record.parameters()
    wrong = contradiction(job.parameters, parameters)
    if wrong is not None and result.value is not None:
        result = result.without_value(wrong)
    return replace(result, other_seed=other_seed(parameters, record.arguments(), job.seed))


def _compared(result: TrialResult, intended: Intended, observations: Observations, altered: str | None) -> TrialResult:
    """The result, without a value if it ran in another environment. altered: how the environment was changed."""
    confirmation = confirm(intended, observations)
    if altered is not None and confirmation.state != "no":
        confirmation = Confirmation("no", f"the environment was changed while it ran: {altered}")
    result = replace(result, confirmed=confirmation.state, writes=observations.writes, shadowed=confirmation.shadowed)
    if confirmation.state != "no":
        return result
    failed = f" ({result.reason})" if result.reason else ""
    return replace(result.without_value(f"{confirmation.reason}{failed}"), location=confirmation.location)


def _moved(job: TrialJob, put: Callable[[str], str]) -> TrialJob:
    """The job with the paths of the source replaced. put: replaces the paths in a text."""
    command = job.command
    judge = None if command.judge is None else tuple(map(put, command.judge))
    return replace(
        job,
        command=replace(command, argv=tuple(map(put, command.argv)), judge=judge),
        variables={name: None if value is None else put(value) for name, value in job.variables.items()},
    )


def lost_trial(job: TrialJob, reason: str) -> TrialResult:
    """Store a trial whose machine was lost."""
    with TrialRecord(job, Path(tempfile.gettempdir())) as record:
        return record.store(TrialResult(None, reason, 0.0))


# ---------------------------------------------------------------------------------------------- the program


@dataclass(frozen=True)
class _Sandbox:
    """The place of one trial."""

    job: TrialJob
    environment: str
    place: Path
    home: PrivateHome
    stop: threading.Event | None

    def attempt(self, variables: Mapping[str, str], record: TrialRecord | Mapping[str, float]) -> TrialResult:
        """Run the command and its judge. record: what the command records, or its metrics."""
        live = None
        if self.job.early is not None and isinstance(record, TrialRecord):
            live = LiveTrajectory(self.job.early, record.journals, self.stop)
            if live.may_stop:  # output that waits in a buffer comes too late
                variables = {"PYTHONUNBUFFERED": "1", **variables}
        result = self._attempt(variables, record, live)
        if live is None or not isinstance(record, TrialRecord):
            return result
        trajectory = record.store_trajectory(live.finish())
        followed = result.followed or live.followed
        if followed is not None and result.followed is None:
            followed = replace(followed, stopped=False)  # it ended by itself, maybe before the rule could stop it
        return replace(result, followed=followed, trajectory=trajectory, series_fault=live.fault)

    def _attempt(
        self, variables: Mapping[str, str], record: TrialRecord | Mapping[str, float], live: LiveTrajectory | None
    ) -> TrialResult:
        job, command = self.job, self.job.command
        before = states(self.place, command.metric_from)
        try:
            finished = self._run(command.argv, variables, job.command.seed_argument, live)
        except process.TimedOut as late:
            value = 0.0 if command.timeout_is_bad else None
            reason = f"did not end within {job.seconds:g} s"
            return TrialResult(value, reason, late.finished.seconds, _log(late.finished))
        except process.Stopped as stopped:
            if live is None or live.followed is None or not live.is_stopped_by_rule:
                raise
            value, seconds = live.followed.value, stopped.finished.seconds
            return TrialResult(value, "", seconds, _log(stopped.finished), followed=live.followed)
        except process.ProcessError as error:
            return TrialResult(None, error.what, 0.0)
        log, code = _log(finished), finished.exit_code
        judged_by_exit = command.metric is None and command.judge is None
        if code != 0 and (not judged_by_exit or code in (supervisor.OVER_LIMIT, 127) or code < 0):
            return TrialResult(None, _failure(job, code, log), finished.seconds, log)
        if command.metric is not None:
            return self._measured(finished, log, record, before)
        if command.judge is not None:
            code = self._judge(command.judge, variables)
        if code == _UNKNOWN or code < 0:
            return TrialResult(None, f"undecided: exit code {code}", finished.seconds, log)
        return TrialResult(float(code == 0), "", finished.seconds, log)

    def _measured(
        self,
        finished: process.Finished,
        log: str,
        record: TrialRecord | Mapping[str, float],
        before: Mapping[Path, State],
    ) -> TrialResult:
        command, seconds = self.job.command, finished.seconds
        assert command.metric is not None  # checked by the caller
        recorded = record.metrics() if isinstance(record, TrialRecord) else record
        output = finished.stdout.decode(errors="replace")
        if command.metric_from is None:  # loggers write to stderr; the last value on stdout counts
            output = finished.stderr.decode(errors="replace") + "\n" + output
        measured, reason = read_metric(command.metric, command.metric_from, output, self.place, recorded, before)
        if measured is None and finished.stdout_truncated:
            reason += " in the beginning and the end of its output"
        if measured is not None and command.good_if is not None:
            return TrialResult(float(command.good_if.holds(measured)), "", seconds, log, measured)
        if measured is not None and command.timeout_is_bad:
            return TrialResult(1.0, "", seconds, log)
        return TrialResult(measured, reason, seconds, log, measured)

    def _judge(self, judge: tuple[str, ...], variables: Mapping[str, str]) -> int:
        try:
            return self._run(judge, variables).exit_code
        except process.TimedOut as late:
            raise InvalidInput(f"the judge {shown(judge[0])} did not end in time") from late

    def _run(
        self,
        command: tuple[str, ...],
        variables: Mapping[str, str],
        seed_argument: str | None = None,
        live: LiveTrajectory | None = None,
    ) -> process.Finished:
        job = self.job
        argv = with_python(with_seed(command, job.seed), str(python_in(Path(self.environment))))
        if seed_argument:
            argv += seed_argument.replace("{seed}", str(job.seed)).split()
        limit = job.command.memory
        argv = supervisor.supervised(argv, limit or _fair_share(job), hard=bool(limit), overlays=self.home.overlays)
        with scanned(variables):
            return process.run(
                argv,
                timeout=job.seconds,
                cwd=str(self.place),
                env=variables,
                stop=self.stop if live is None else live,
                on_output=None if live is None else live.receive,
            )


def _fair_share(job: TrialJob) -> int:
    """Bytes that a trial may use without a limit of its own; 0, for any number, where the memory is unknown."""
    memory = usable_memory()
    return int(memory * _SHARE / job.neighbours) if memory is not None else 0


def _variables(job: TrialJob, environment: str, home: Mapping[str, str]) -> dict[str, str]:
    variables = {
        name: value
        for name, value in os.environ.items()
        if name not in _NOT_FOR_TRIALS and not name.startswith("CONTEXTA_")
    }
    programs = str(python_in(Path(environment)).parent)
    variables["PATH"] = os.pathsep.join([programs, variables.get("PATH", os.defpath)])
    variables["VIRTUAL_ENV"] = environment
    variables.update(job.threads)
    variables.update(home)
    variables.update(SEED=str(job.seed), CONTEXTA_SEED=str(job.seed), PYTHONHASHSEED=str(job.seed))
    for name, value in job.variables.items():
        if value is None:
            variables.pop(name, None)
        else:
            variables[name] = value
    return variables


def _failure(job: TrialJob, code: int, log: str) -> str:
    lines = [line for line in log.strip().splitlines() if line.strip()]
    last = lines[-1].strip()[:300] if lines else ""
    if job.command.memory and any(sign in last for sign in _NO_MEMORY):
        return f"{supervisor.over_limit(job.command.memory)}: {last}"
    if code in (supervisor.OVER_LIMIT, 127) and last:
        return last
    message = f": {last}" if last else ""
    return f"was ended by signal {-code}{message}" if code < 0 else f"exit code {code}{message}"


def _log(done: process.Finished) -> str:
    parts = [part.decode(errors="replace") for part in (done.stdout, done.stderr)]
    text = "\n".join(part for part in parts if part)
    return text if len(text) <= _LOG_KEPT else f"{text[: _LOG_KEPT // 4]}\n[...]\n{text[-_LOG_KEPT * 3 // 4 :]}"
