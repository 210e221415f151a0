"""A trial before and after it ran: ``TrialJob`` and ``TrialResult``."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from contexta.bisect.execution.isolation.sandbox import Revision
from contexta.bisect.execution.isolation.source_files import Source
from contexta.bisect.execution.metric import Threshold
from contexta.bisect.execution.parameter_changes import Setting
from contexta.bisect.trajectories.early_rule import EarlyRule, Followed
from contexta.reproduce.environments.linker import Recipe
from contexta.reproduce.launch.confirmation import State

GENEROUS = 24 * 3600.0
"""Time limit in seconds while the duration of a trial is unknown."""
_STORED = (
    "value",
    "measured",
    "reason",
    "seconds",
    "confirmed",
    "writes",
    "shadowed",
    "home_changes",
    "why_home_empty",
)
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")


def thread_counts() -> dict[str, str]:
    """Variables for the threads of numeric libraries: as set here, else one per processor."""
    return {name: os.environ.get(name, str(os.cpu_count() or 1)) for name in _THREADS}


@dataclass(frozen=True)
class Command:
    """The command of every trial, and how its outcome is judged.

    Without a metric the exit code judges: 0 is good, 125 is unknown, anything else is bad.
    """

    argv: tuple[str, ...]
    metric: str | None
    folder: str
    metric_from: str | None = None
    """``stdout:REGEX`` with one group, or ``json:FILE:PATH``. None: the recorded value, else the last one printed."""
    timeout: float | None = None
    """Seconds; None: the time limit of the job."""
    memory: int | None = None
    """Bytes that all processes may use; None: a share of the machine's memory."""
    in_place: bool = False
    """Run in ``folder`` instead of a copy that is removed."""
    seed_argument: str | None = None
    """Appended to the command, with ``{seed}`` replaced."""
    judge: tuple[str, ...] | None = None
    """A command that runs afterwards; its exit code judges."""
    good_if: Threshold | None = None
    """Makes the metric good or bad."""
    timeout_is_bad: bool = False
    """A trial that exceeds the time limit is bad, any other is good."""

    @property
    def is_judged(self) -> bool:
        """Whether a trial is good or bad, and its value does not count."""
        return self.metric is None or self.good_if is not None or self.timeout_is_bad

    @property
    def measured(self) -> str:
        """The name of the values; of judgements 1 is good and 0 is bad."""
        if self.timeout_is_bad and self.good_if is None:
            return "ends in time"
        return self.metric or ("passes (the judge's exit code is 0)" if self.judge else "passes (exit code is 0)")


@dataclass(frozen=True)
class TrialJob:
    """One trial to run, on this machine or another. It can be pickled and needs the source at the same path."""

    command: Command
    seed: int
    variables: Mapping[str, str | None] = field(default_factory=dict)
    """None removes a variable."""
    recipe: Recipe | None = None
    """The environment to link; None where it exists."""
    workspace: str | None = None
    """Where the run of the trial is stored; None to store nothing."""
    about: Mapping[str, object] = field(default_factory=dict)
    """The place of the trial in the study, for the metadata of its run."""
    timeout: float = GENEROUS
    neighbours: int = 1
    """Trials at a time on the machine, which share its memory."""
    threads: Mapping[str, str] = field(default_factory=thread_counts)
    """Threads of numeric libraries, the same in the whole study: how a sum is split changes its last digits."""
    source: Source | None = None
    """The required content of the files; None for the current files. With a revision: the files that are not part of
    it."""
    revision: Revision | None = None
    """The recorded source; None for the current one."""
    parameters: Mapping[str, Setting] = field(default_factory=dict)
    """Parameters that the run must record."""
    changing: tuple[str, ...] = ()
    """Variables that are not the same in all mixes."""
    offline: bool = False
    index: tuple[tuple[str, str], ...] = ()
    """Index settings of uv, for another machine."""
    early: EarlyRule | None = None
    """When the trial may end early; None to read no series."""

    @property
    def seconds(self) -> float:
        """The time limit."""
        return self.command.timeout if self.command.timeout is not None else self.timeout


@dataclass(frozen=True)
class TrialResult:
    """The result of a trial."""

    value: float | None
    """The value for the search: the metric, or 1 for good and 0 for bad. None: see ``reason``."""
    reason: str
    seconds: float
    log: str = ""
    """Beginning and end of the output."""
    measured: float | None = None
    """The metric itself, where there is one."""
    run: str | None = None
    """Reference of the recorded run."""
    confirmed: State | None = None
    """Whether the recorder observed the trial in its environment. ``no`` gives no value. None: not compared."""
    location: str = ""
    """The other environment that it ran in."""
    writes: tuple[str, ...] = ()
    """Paths outside its own directories that it wrote to."""
    shadowed: tuple[str, ...] = ()
    """Packages of the environment that modules of the source hid."""
    home_changes: tuple[str, ...] = ()
    """Files in the user's home that any program changed meanwhile."""
    other_seed: str | None = None
    """The recorded seed if it differs from the seed of the trial, as ``NAME=VALUE``."""
    why_home_empty: str = ""
    """See ``PrivateHome``."""
    followed: Followed | None = None
    """The endpoint whose trajectory it followed far enough. If that stopped it, ``value`` is that of the endpoint."""
    trajectory: str = ""
    """Digest of the object with its series; empty if it logged none."""
    series_fault: str = ""
    """Why its series could not be compared with those of the endpoints, so that it ran to its end."""

    @property
    def is_measured(self) -> bool:
        """Whether ``value`` is its own; else it was stopped early and has that of the endpoint that it followed."""
        return self.followed is None or not self.followed.stopped

    def without_value(self, reason: str) -> TrialResult:
        """The result of a trial that does not count."""
        return replace(self, value=None, measured=None, reason=reason, followed=None)

    def stored(self) -> dict[str, object]:
        """The result as JSON values, for the metadata of its run."""
        followed = None if self.followed is None else asdict(self.followed)
        series = {"followed": followed, "trajectory": self.trajectory, "series_fault": self.series_fault}
        return {**{name: getattr(self, name) for name in _STORED}, **series}

    @classmethod
    def from_stored(cls, fields: Mapping[str, Any], run: str) -> TrialResult:
        """Raises ValueError for an early verdict of another version."""
        values: dict[str, Any] = {"run": run, **{name: fields.get(name, "") for name in ("trajectory", "series_fault")}}
        values["followed"] = Followed.from_stored(fields.get("followed"))
        for name in _STORED:
            values[name] = tuple(fields[name]) if isinstance(fields[name], list) else fields[name]
        return cls(**values)
