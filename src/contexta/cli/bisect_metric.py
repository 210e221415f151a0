"""Read from the workspace what judges a study: the metric, its direction, and how OLD and NEW differ in it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from contexta.analysis.metrics.direction import Directions, direction_of
from contexta.analysis.metrics.metric_names import label
from contexta.analysis.metrics.repeats import arguments_of
from contexta.bisect.execution.metric import Threshold
from contexta.bisect.inputs.recorded_metric import (
    RecordedSide,
    Sides,
    assumed_direction,
    chosen_metric,
    require_known,
    require_order,
)
from contexta.bisect.space.changes import BOTH
from contexta.cli.bisect_sides import is_path
from contexta.client.contexta import Contexta
from contexta.core.errors import DamagedData, InvalidInput, NotFound
from contexta.findings import Difference, Explanation, RunDetails
from contexta.findings.explain import Better, MetricShift
from contexta.findings.history import MetricId, PastRun

Options = dict[str, Any]
_STREAMS = ("output", "stderr", "stdout")  # what stdout says comes last, and counts


@dataclass(frozen=True)
class Judgement:
    """What judges the reruns, as far as it is known before any.

    metric: None for an exit code. chosen: (metric, why) where the user left it to the records. higher_is_better: of the
    metric. values: where it ended in OLD's and NEW's recorded runs. differences: all that differs between these.
    """

    metric: str | None
    chosen: tuple[str | None, str] | None
    higher_is_better: bool
    notes: tuple[str, ...]
    values: tuple[float | None, float | None]
    differences: tuple[Difference, ...]


def judgement(options: Options, threshold: Threshold | None, workspace: str | None, swapped: str) -> Judgement:
    """Raises InvalidInput or Ambiguous for a metric that no run has, and for OLD and NEW swapped; see
    ``recorded_metric``."""
    runs = _recorded(options, workspace)
    lower, named = options["lower_is_better"], threshold.metric if threshold is not None else options["metric"]
    sides = {end: _side(run, named, options["command"], workspace) for end, run in runs.items()}
    explanation = _explained(options, named, sides, workspace, lower)
    notes: list[str] = []
    metric, chosen = named, None
    if named is None and options["judge"] is None and not options["exit_code"]:
        # a study that goes on keeps its metric, whatever was recorded meanwhile
        chosen = options.get("chosen") or chosen_metric(sides, explanation.metrics if explanation else ())
        metric = chosen[0]
        notes.append(chosen[1])
    elif named is not None and options["metric_from"] is None:
        notes += require_known(named, sides)
    if metric is None and lower is not None:
        way = "--lower-is-better" if lower else "--higher-is-better"
        raise InvalidInput(f"{way} is about a metric, and none is named", hint="name it: --metric NAME")
    better, note = _direction(metric, threshold, lower, sides, workspace)
    notes += [note] if note else []
    if options["judge"] is None and not options["keep_order"] and not options["resume"]:
        shift = _shift_of(metric, explanation)
        notes += require_order(metric, sides, shift, better, threshold, swapped)
    old, new = (sides[end].value(metric) if metric and end in sides else None for end in BOTH)
    return Judgement(
        metric=metric,
        chosen=chosen,
        higher_is_better=better != "lower",
        notes=tuple(notes),
        values=(old, new),
        differences=explanation.differences if explanation else (),
    )


def _recorded(options: Options, workspace: str | None) -> dict[str, RunDetails]:
    """The recorded runs among OLD and NEW."""
    named = {end: options[end] for end in BOTH if not is_path(options[end], workspace)}
    if not named:
        return {}
    with Contexta(workspace=workspace) as ctx:
        return {end: ctx.get_run(text) for end, text in named.items()}


def _side(run: RunDetails, named: str | None, command: Sequence[str], workspace: str | None) -> RecordedSide:
    """named: the metric that the user names; what was printed is read only where it was not recorded."""
    metrics: dict[MetricId, float] = {}
    for stage in run.stages:
        for metric in stage.metrics:
            if metric.slice_ref is None:
                with suppress(OverflowError):  # an integer beyond the range of floats
                    metrics[stage.stage_name, metric.metric_key] = float(metric.value)
    recorded, given = (
        arguments_of(PastRun(run.run_ref, run.status, run.started_at, None, metadata=metadata))
        for metadata in (run.metadata, {"command": list(command)})
    )
    what = f"run {run.run_ref.value}"
    is_recorded = named is None or any(named in (each[1], label(each)) for each in metrics)
    output = None if is_recorded else _printed(run, workspace)
    return RecordedSide(what, run.status, metrics, recorded == given, output)


def _printed(run: RunDetails, workspace: str | None) -> str | None:
    """What the command of a run printed, as far as it was kept."""
    kept = []
    with Contexta(workspace=workspace) as ctx:
        for stream in _STREAMS:
            try:
                kept.append(ctx.read_log(str(run.run_ref), stream).text)
            except (NotFound, DamagedData):
                continue
    return "\n".join(kept) if kept else None


def _explained(
    options: Options, named: str | None, sides: Sides, workspace: str | None, lower: bool | None
) -> Explanation | None:
    """What records say of two runs; of the named metric first, where they have it."""
    if len(sides) < 2:
        return None
    with Contexta(workspace=workspace) as ctx:
        known = {name for side in sides.values() for each in side.metrics for name in (each[1], label(each))}
        stages = [each for side in sides.values() for each in side.metrics if named in (each[1], label(each))]
        metric = named if named in known and len(set(stages)) == 1 else None
        return ctx.explain_regression(options["old"], options["new"], metric=metric, lower_is_better=lower)


def _shift_of(metric: str | None, explanation: Explanation | None) -> MetricShift | None:
    for shift in explanation.metrics if explanation is not None else ():
        if metric in (label((shift.stage_name, shift.metric_key)), shift.metric_key):
            return shift
    return None


def _direction(
    metric: str | None, threshold: Threshold | None, lower: bool | None, sides: Sides, workspace: str | None
) -> tuple[Better | None, str]:
    """(which way is good, what the user should know of that); None where nobody says."""
    if threshold is not None:
        return ("higher" if threshold.sign.startswith(">") else "lower"), ""
    if metric is None:
        return None, ""
    config = Contexta(workspace=workspace).config
    directions = Directions(config.higher_is_better, config.lower_is_better, lower)
    better, origin = direction_of(metric, directions)
    if better is None and "/" in metric:  # the stage before a slash is no part of a configured name
        better, origin = direction_of(metric.partition("/")[2], directions)
    if better == "lower" and origin != "argument":
        return better, f"lower is taken for better, by {metric}'s {origin}; --higher-is-better says otherwise"
    if better is not None:
        return better, ""
    assumed = assumed_direction(metric, sides)
    return assumed or (None, f"higher is taken for better: {metric} does not say; --lower-is-better says otherwise")
