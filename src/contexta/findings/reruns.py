"""Whether a run came out as it had come out before."""

from __future__ import annotations

from typing import Literal

from contexta.contract.fields import Number, RunRef
from contexta.findings.finding import Finding
from contexta.findings.rebuilds import Rebuild


class RerunMetric(Finding):
    """One metric, then and now. apart: the distance of the two; None where a side is missing or not finite."""

    stage_name: str
    metric_key: str
    slice_ref: str | None = None
    recorded: Number | None
    rerun: Number | None
    apart: float | None
    within: bool


class Rerun(Finding):
    """A recorded run, run again in its environment.

    verdict: ``reproduced``: every metric that was asked for is within the tolerance; ``differs``: one is not, or is
    missing; ``unknown``: the command failed or ran in another environment, or there was nothing to compare;
    ``impossible``: the environment cannot be had again, and nothing was run. tolerances: as in ``math.isclose``; both 0
    is equal to the last digit. command: as it was run.
    confirmed: whether the recorder saw it run in the rebuilt environment: ``inside``; ``outside`` where it could be in
    no process of it; ``no`` where it ran in another one; None where nothing was run. confirmed_reason: what was seen.
    """

    run_ref: RunRef
    rerun_ref: RunRef | None
    verdict: Literal["reproduced", "differs", "unknown", "impossible"]
    command: tuple[str, ...]
    directory: str | None
    exit_code: int | None
    relative_tolerance: float
    absolute_tolerance: float
    metrics: tuple[RerunMetric, ...] = ()
    confirmed: Literal["inside", "outside", "no"] | None = None
    confirmed_reason: str = ""
    environment: Rebuild
    notes: tuple[str, ...] = ()
