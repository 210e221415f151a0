"""One rerun: a command, in an environment, with a seed; what came out of it, or why nothing did.

Every rerun is recorded as any run is: the environment as seen from inside, what the command said, its metrics. The
record is written beside the workspace and moved into it when the rerun has ended, so that what is there is finished.
"""

from __future__ import annotations

import os
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from contexta.bisect.execution.home_changes import changed_in_home
from contexta.bisect.execution.metric import Threshold, read_metric
from contexta.bisect.execution.parameter_changes import Setting, contradiction
from contexta.bisect.execution.private_home import PrivateHome, private_home
from contexta.bisect.execution.sandbox import Revision, moved_into, workplace
from contexta.bisect.execution.seed_use import other_seed, with_seed
from contexta.bisect.execution.trial_record import Record
from contexta.bisect.execution.unentered_processes import looked_at
from contexta.core import process, supervisor
from contexta.core.errors import InvalidInput, shown
from contexta.recorder.probes.machine import usable_memory
from contexta.recorder.redaction.redact import HIDDEN
from contexta.reproduce.launch.confirmation import Confirmation, Intended, Observations, State, confirm
from contexta.reproduce.launch.programs import with_python
from contexta.reproduce.uv.commands import python_in

_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")
_NOT_FOR_TRIALS = ("PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "VIRTUAL_ENV", "CONDA_PREFIX", "__PYVENV_LAUNCHER__")
_PLACES = frozenset(
    {"VIRTUAL_ENV", "VIRTUAL_ENV_PROMPT", "CONDA_PREFIX", "CONDA_DEFAULT_ENV", "PYTHONHOME", "PYTHONSTARTUP", "TMPDIR"}
)
_LOG_KEPT = 20_000  # characters of output kept of each trial
GENEROUS = 24 * 3600.0
"""Seconds a trial may take while nothing is known of how long one takes."""
_NO_MEMORY = ("MemoryError", "bad_alloc", "Cannot allocate memory", "out of memory")
_SHARE = 0.8  # of the machine's memory, for all trials that run on it at a time
_SKIP = 125  # the exit code that says "cannot be told", as git bisect has it


def given_again(variables: Mapping[str, str]) -> dict[str, str]:
    """Of a recorded run's variables those that a trial can be given. Not those that say where its environment, its
    temporary files or its index were, nor those whose value is hidden: they stay as they are where the trial runs."""
    return {
        name: value
        for name, value in variables.items()
        if name not in _PLACES and not name.startswith(("UV_", "PIP_")) and HIDDEN not in value
    }


def thread_counts() -> dict[str, str]:
    """The variables that say how many threads numeric libraries use: as set here, else one a processor."""
    return {name: os.environ.get(name, str(os.cpu_count() or 1)) for name in _THREADS}


@dataclass(frozen=True)
class Command:
    """What is rerun, the same in every trial, and how what comes out is judged.

    metric_from: None (what it records, else a line ``name=0.87``, ``name: 0.87`` or of JSON; the last one counts),
    ``stdout:REGEX`` with one group, or ``json:FILE:PATH`` with dots between keys. Without a metric its exit code is the
    judgement: 0 good, 125 cannot be told, else bad. judge: a command that is run after it in the same place, whose exit
    code counts instead. good_if: makes the metric a yes or no. timeout_is_bad: so does it; who does not end in time is
    bad.
    timeout: seconds; None: what an order says. memory: bytes all its processes may hold; None: a share of the machine.
    in_place: run in ``folder`` itself; else in a copy of it that is thrown away. seed_argument: appended to the
    command, ``{seed}`` replaced.
    """

    argv: tuple[str, ...]
    metric: str | None
    folder: str
    metric_from: str | None = None
    timeout: float | None = None
    memory: int | None = None
    in_place: bool = False
    seed_argument: str | None = None
    judge: tuple[str, ...] | None = None
    good_if: Threshold | None = None
    timeout_is_bad: bool = False

    @property
    def is_judged(self) -> bool:
        """Whether a run is good or bad, and no measured value counts."""
        return self.metric is None or self.good_if is not None or self.timeout_is_bad

    @property
    def measured(self) -> str:
        """The name of the values; of judgements 1 is good and 0 is bad."""
        if self.timeout_is_bad and self.good_if is None:
            return "ends in time"
        return self.metric or ("passes (the judge's exit code is 0)" if self.judge else "passes (exit code is 0)")


@dataclass(frozen=True)
class Order:
    """One trial to run. variables: None removes one. workspace: where its run is kept; None to keep none.

    about: what its run says of its place in the study. timeout: seconds, unless the command has its own. neighbours:
    trials at a time on this machine. threads: how many numeric libraries use; where sums are split moves last digits.
    revision: the source it runs; None for the current one. parameters: what its command was told, by name.
    intended: what the environment holds, which what ran in it is compared with; None: nothing is compared. changing:
    the variables that are not the same in all mixes. caches: directories of Contexta and uv, which change meanwhile.
    """

    command: Command
    environment: str
    seed: int
    variables: Mapping[str, str | None] = field(default_factory=dict)
    workspace: str | None = None
    scratch: str = field(default_factory=tempfile.gettempdir)
    about: Mapping[str, object] = field(default_factory=dict)
    timeout: float = GENEROUS
    neighbours: int = 1
    threads: Mapping[str, str] = field(default_factory=thread_counts)
    revision: Revision | None = None
    parameters: Mapping[str, Setting] = field(default_factory=dict)
    intended: Intended | None = None
    changing: tuple[str, ...] = ()
    caches: tuple[Path, ...] = ()

    @property
    def seconds(self) -> float:
        """How long it may take."""
        return self.command.timeout if self.command.timeout is not None else self.timeout


@dataclass(frozen=True)
class Report:
    """What came out. value: what the search goes by (the metric; 1 or 0 where it was judged), None with a reason.

    measured: the metric itself, where there is one. log: beginning and end of what it said. run: its record.
    confirmed: whether the recorder saw it run in the environment of its mix; ``no`` where it ran in another one, which
    gives no value. None where nobody compared. location: that other one. writes: paths outside of its own directories
    that it wrote to. shadowed: packages of its environment that modules of the source hid from it. home_changes: what
    changed in the user's home while it ran, whoever did it.
    other_seed: the seed that it recorded in place of the one it was told, as ``NAME=VALUE``.
    why_home_empty: why its home was empty, see ``PrivateHome``.
    """

    value: float | None
    reason: str
    seconds: float
    log: str = ""
    measured: float | None = None
    run: str | None = None
    confirmed: State | None = None
    location: str = ""
    writes: tuple[str, ...] = ()
    shadowed: tuple[str, ...] = ()
    home_changes: tuple[str, ...] = ()
    other_seed: str | None = None
    why_home_empty: str = ""


def run_trial(
    order: Order,
    stop: threading.Event | None = None,
    require: Callable[[], str | None] = lambda: None,
    prepare: Callable[[Path], str | None] = lambda _: None,
) -> Report:
    """Run it to its end, or to its time limit, and end whatever it started. Never raises for what a program does.

    require: called when it has ended, before anything is kept; says in what the environment is not the intended one any
    more; what it raises, this raises. prepare: called with the place before it runs there; says why it cannot.
    Raises Stopped when ``stop`` was set meanwhile; then nothing is kept of it.
    """
    folder, scratch, in_place = Path(order.command.folder), Path(order.scratch), order.command.in_place
    scratch.mkdir(parents=True, exist_ok=True)
    with private_home(scratch) as home, workplace(folder, scratch, in_place=in_place, revision=order.revision) as place:
        if order.revision is not None:
            order = _moved(order, moved_into(place, folder, order.revision))
        environment = _environment(order, home.variables)
        own_folders = [str(scratch), order.environment, *([str(folder)] if in_place else [])]
        if order.workspace is None:
            report = _attempt(order, place, home, environment, {}, stop)
            require()
            return report
        with Record(order) as record:
            if (hindrance := prepare(place)) is not None:
                return record.keep(Report(None, hindrance, 0.0))
            began = time.time_ns()
            report = _attempt(order, place, home, record.joined_by(environment, own_folders), record, stop)
            altered = require()
            wrong = contradiction(order.parameters, record.parameters())
            if wrong is not None and report.value is not None:
                report = replace(report, value=None, measured=None, reason=wrong)
            report = replace(report, other_seed=other_seed(record.parameters(), record.arguments(), order.seed))
            report = replace(report, why_home_empty=home.why_empty)
            if order.intended is None:
                return record.keep(report)
            intended = replace(
                order.intended, places=(*order.intended.places, str(place)), variables=record.as_recorded()
            )
            ours = [folder, scratch, Path(order.environment), Path(order.workspace), *order.caches]
            report = replace(report, home_changes=changed_in_home(Path.home(), began, ours))
            return record.keep(_compared(report, intended, record.observed(), altered))


def _compared(report: Report, intended: Intended, seen: Observations, altered: str | None) -> Report:
    """The report, without a value where it ran elsewhere than intended. altered: in what the environment is not as it
    was put together any more."""
    found = confirm(intended, seen)
    if altered is not None and found.state != "no":
        found = Confirmation("no", f"the environment was changed while it ran: {altered}")
    report = replace(report, confirmed=found.state, writes=seen.writes, shadowed=found.shadowed)
    if found.state != "no":
        return report
    failed = f" ({report.reason})" if report.reason else ""
    return replace(report, value=None, measured=None, reason=f"{found.reason}{failed}", location=found.location)


def _moved(order: Order, put: Callable[[str], str]) -> Order:
    """The order with paths of the source as ``put`` has them."""
    command = order.command
    judge = None if command.judge is None else tuple(map(put, command.judge))
    return replace(
        order,
        command=replace(command, argv=tuple(map(put, command.argv)), judge=judge),
        variables={name: None if value is None else put(value) for name, value in order.variables.items()},
    )


def lose(order: Order, reason: str) -> Report:
    """Keep a trial that nobody came back from, for the reason given."""
    with Record(order) as record:
        return record.keep(Report(None, reason, 0.0))


# ---------------------------------------------------------------------------------------------- the program


def _attempt(
    order: Order,
    folder: Path,
    home: PrivateHome,
    environment: Mapping[str, str],
    record: Record | Mapping[str, float],
    stop: threading.Event | None,
) -> Report:
    command = order.command
    try:
        with looked_at(environment):
            done = process.run(
                _argv(order, command.argv, home), timeout=order.seconds, cwd=str(folder), env=environment, stop=stop
            )
    except process.TimedOut as late:
        value = 0.0 if command.timeout_is_bad else None
        return Report(value, f"did not end within {order.seconds:g} s", late.finished.seconds, _log(late.finished))
    except process.Stopped:
        raise
    except process.ProcessError as error:
        return Report(None, error.what, 0.0)
    log = _log(done)
    judged_by_exit = command.metric is None and command.judge is None
    if done.exit_code != 0 and (
        not judged_by_exit or done.exit_code in (supervisor.OVER_LIMIT, 127) or done.exit_code < 0
    ):
        return Report(None, _failure(order, done.exit_code, log), done.seconds, log)
    if command.metric is None:
        verdict = done if command.judge is None else _judged(order, command.judge, folder, home, environment, stop)
        if verdict.exit_code == _SKIP or verdict.exit_code < 0:
            return Report(None, f"cannot be told: exit code {verdict.exit_code}", done.seconds, log)
        return Report(float(verdict.exit_code == 0), "", done.seconds, log)
    recorded = record.metrics() if isinstance(record, Record) else record
    output = done.stdout.decode(errors="replace")
    if command.metric_from is None:  # loggers write to stderr; what stdout says comes last, and counts
        output = done.stderr.decode(errors="replace") + "\n" + output
    measured, reason = read_metric(command.metric, command.metric_from, output, folder, recorded)
    if measured is None and done.stdout_truncated:
        reason += " in the beginning and the end of its output"
    if measured is not None and command.good_if is not None:
        return Report(float(command.good_if.holds(measured)), "", done.seconds, log, measured)
    if measured is not None and command.timeout_is_bad:
        return Report(1.0, "", done.seconds, log)
    return Report(measured, reason, done.seconds, log, measured)


def _judged(
    order: Order,
    judge: tuple[str, ...],
    folder: Path,
    home: PrivateHome,
    environment: Mapping[str, str],
    stop: threading.Event | None,
) -> process.Finished:
    try:
        with looked_at(environment):
            return process.run(
                _argv(order, judge, home, seeded=False),
                timeout=order.seconds,
                cwd=str(folder),
                env=environment,
                stop=stop,
            )
    except process.TimedOut as late:
        raise InvalidInput(f"the judge {shown(judge[0])} did not end in time") from late


def _argv(order: Order, command: tuple[str, ...], home: PrivateHome, *, seeded: bool = True) -> list[str]:
    argv = with_python(with_seed(command, order.seed), str(python_in(Path(order.environment))))
    if seeded and order.command.seed_argument:
        argv += order.command.seed_argument.replace("{seed}", str(order.seed)).split()
    limit = order.command.memory
    return supervisor.kept(argv, limit or _fair_share(order), hard=bool(limit), overlays=home.overlays)


def _fair_share(order: Order) -> int:
    """The memory a trial may use where nobody says how much; 0, for any, where the machine tells nothing."""
    memory = usable_memory()
    return int(memory * _SHARE / order.neighbours) if memory is not None else 0


def _environment(order: Order, own: Mapping[str, str]) -> dict[str, str]:
    environment = {
        key: value
        for key, value in os.environ.items()
        if key not in _NOT_FOR_TRIALS and not key.startswith("CONTEXTA_")
    }
    bin_folder = str(python_in(Path(order.environment)).parent)
    environment["PATH"] = os.pathsep.join([bin_folder, environment.get("PATH", os.defpath)])
    environment["VIRTUAL_ENV"] = order.environment
    environment.update(order.threads)
    environment.update(own)
    environment.update(SEED=str(order.seed), CONTEXTA_SEED=str(order.seed), PYTHONHASHSEED=str(order.seed))
    for key, value in order.variables.items():
        if value is None:
            environment.pop(key, None)
        else:
            environment[key] = value
    return environment


def _failure(order: Order, code: int, log: str) -> str:
    lines = [line for line in log.strip().splitlines() if line.strip()]
    last = lines[-1].strip()[:300] if lines else ""
    if order.command.memory and any(sign in last for sign in _NO_MEMORY):
        return f"{supervisor.over_limit(order.command.memory)}: {last}"
    if code in (supervisor.OVER_LIMIT, 127) and last:
        return last
    said = f": {last}" if last else ""
    return f"was ended by signal {-code}{said}" if code < 0 else f"exit code {code}{said}"


def _log(done: process.Finished) -> str:
    parts = [part.decode(errors="replace") for part in (done.stdout, done.stderr)]
    text = "\n".join(part for part in parts if part)
    return text if len(text) <= _LOG_KEPT else f"{text[: _LOG_KEPT // 4]}\n[...]\n{text[-_LOG_KEPT * 3 // 4 :]}"
