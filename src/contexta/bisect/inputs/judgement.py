"""Choose the metric of a study and its direction, from the request and the recorded runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from contexta.analysis.metrics.direction import Directions, direction_of
from contexta.analysis.metrics.metric_names import label
from contexta.analysis.metrics.repeats import arguments_of
from contexta.bisect.execution.metric import Threshold, check_source, threshold
from contexta.bisect.inputs.recorded_metric import (
    RecordedSide,
    Sides,
    assumed_direction,
    chosen_metric,
    require_known,
    require_order,
    unchanged,
)
from contexta.bisect.inputs.request import BisectRequest
from contexta.bisect.inputs.sides.side import Records, Side
from contexta.bisect.option_names import option
from contexta.bisect.space.changes import BOTH
from contexta.core.errors import DamagedData, InvalidInput, NotFound
from contexta.findings import Difference, Explanation, RunDetails
from contexta.findings.explain import Better, MetricShift
from contexta.findings.past_runs import MetricId, PastRun
from contexta.findings.reproduction import expected_metrics

_STREAMS = ("output", "stderr", "stdout")  # stdout last: its last value counts
Choice = tuple[str | None, str]
"""(metric, or None for the exit code; the reason in words)"""


@dataclass(frozen=True)
class Judgement:
    """The metric or exit code that judges the reruns."""

    metric: str | None
    """None for an exit code."""
    choice: Choice | None
    """Whether the user named no metric and no other judgement."""
    higher_is_better: bool
    notes: tuple[str, ...]
    values: tuple[float | None, float | None]
    """Last value of the metric in the recorded runs of OLD and NEW."""
    differences: tuple[Difference, ...]
    """Everything that differs between the recorded runs."""


def threshold_of(request: BisectRequest) -> Threshold | None:
    """The value of ``good_if``. Raises InvalidInput for options that contradict each other."""
    check_source(request.metric_from)
    good_if = threshold(request.good_if) if request.good_if else None
    if good_if is not None and request.metric not in (None, good_if.metric):
        message = f"{option('metric', request.metric)} contradicts {option('good_if', request.good_if)}"
        raise InvalidInput(message, hint=f"leave out {option('metric')}")
    if good_if is not None and request.lower_is_better is not None:
        direction = option("lower_is_better", request.lower_is_better)
        raise InvalidInput(f"{option('good_if')} already gives the direction", hint=f"leave out {direction}")
    metric = good_if.metric if good_if is not None else request.metric
    if metric is not None and not metric.strip():
        hint = f"name what the command records or prints: {option('metric', 'accuracy')}"
        raise InvalidInput(f"{option('metric')} is empty", hint=hint)
    if request.seed_arg is not None and "{seed}" not in request.seed_arg:
        raise InvalidInput(
            f"{option('seed_arg', request.seed_arg)} contains no {{seed}}: every trial would run at one seed",
            hint=f"write it as {option('seed_arg', '--seed {seed}')}",
        )
    if request.judge and metric:
        hint = f"leave out {option('metric')} and {option('good_if')}"
        raise InvalidInput(f"{option('judge')} decides without a metric", hint=hint)
    if request.exit_code:
        others = {"metric": metric, "metric_from": request.metric_from, "judge": request.judge}
        if other := next((option(name) for name, value in others.items() if value), None):
            raise InvalidInput(f"{option('exit_code', True)} and {other} both decide", hint=f"leave out {other}")
    return good_if


def judgement(
    request: BisectRequest,
    sides: Mapping[str, Side],
    records: Records,
    swapped: str,
    *,
    resumes: bool = False,
    choice: Choice | None = None,
) -> Judgement:
    """swapped: the call with OLD and NEW swapped. choice: of the study that is resumed.

    Raises InvalidInput or Ambiguous for a metric that no run has, and where OLD and NEW are swapped.
    """
    good_if = threshold_of(request)
    named = good_if.metric if good_if is not None else request.metric
    recorded = {
        end: _recorded_side(side.run, named, request.command, records)
        for end, side in sides.items()
        if side.run is not None
    }
    explanation = _explanation(request, named, recorded, records)
    notes: list[str] = []
    metric = named
    if named is not None or request.judge is not None or request.exit_code:
        choice = None
        if named is not None and request.metric_from is None:
            notes += require_known(named, recorded)
    else:
        # a resumed study keeps its metric, whatever was recorded meanwhile
        choice = choice or _remembered(sides["old"])
        choice = choice or chosen_metric(recorded, explanation.metrics if explanation else ())
        metric = choice[0]
        notes.append(choice[1])
    if metric is None and request.lower_is_better is not None:
        direction = option("lower_is_better", request.lower_is_better)
        raise InvalidInput(f"{direction} needs a metric", hint=f"name it: {option('metric', 'NAME')}")
    if metric is None and request.metric_from is not None:
        raise InvalidInput(f"{option('metric_from')} needs a metric", hint=f"name it: {option('metric', 'NAME')}")
    better, note = _direction(metric, good_if, request.lower_is_better, recorded, records)
    notes += [note] if note else []
    shift, order_notes = _shift_of(metric, explanation), list[str]()
    if request.judge is None and not request.keep_order and not resumes:
        order_notes = require_order(metric, recorded, shift, better, good_if, swapped)
    notes += order_notes or unchanged(metric, shift, good_if)
    old, new = (recorded[end].value(metric) if metric and end in recorded else None for end in BOTH)
    return Judgement(
        metric=metric,
        choice=choice,
        higher_is_better=better != "lower",
        notes=tuple(notes),
        values=(old, new),
        differences=explanation.differences if explanation else (),
    )


def _remembered(old: Side) -> Choice | None:
    """The metric whose value is remembered of a reconstructed OLD; None without one."""
    expected = expected_metrics(old.run.metadata) if old.run is not None else {}
    for metric, value in expected.items():
        return metric, f"judged by {metric}: {old.label} is expected to give {value:g}; --metric NAME judges by another"
    return None


def _recorded_side(run: RunDetails, named: str | None, command: Sequence[str], records: Records) -> RecordedSide:
    """named: the metric that the user names; the output is read only where the run did not record it."""
    metrics: dict[MetricId, float] = {}
    for stage in run.stages:
        for metric in stage.metrics:
            if metric.slice_ref is None:
                with suppress(OverflowError):  # an integer beyond the range of floats
                    metrics[stage.stage_name, metric.metric_key] = float(metric.value)
    recorded, rerun = (
        arguments_of(PastRun(run.run_ref, run.status, run.started_at, None, metadata=metadata))
        for metadata in (run.metadata, {"command": list(command)})
    )
    is_recorded = named is None or any(named in (metric_id[1], label(metric_id)) for metric_id in metrics)
    output = None if is_recorded else _output(run, records)
    return RecordedSide(f"run {run.run_ref.value}", run.status, metrics, recorded == rerun, output)


def _output(run: RunDetails, records: Records) -> str | None:
    """The stored output of the command of a run."""
    texts = []
    for stream in _STREAMS:
        with suppress(NotFound, DamagedData):
            texts.append(records.read_log(str(run.run_ref), stream).text)
    return "\n".join(texts) if texts else None


def _explanation(request: BisectRequest, named: str | None, recorded: Sides, records: Records) -> Explanation | None:
    """The explanation of two recorded runs; for the named metric if they have it in one stage."""
    if len(recorded) < 2:
        return None
    metric_ids = [metric_id for side in recorded.values() for metric_id in side.metrics]
    stages = {metric_id for metric_id in metric_ids if named in (metric_id[1], label(metric_id))}
    metric = named if len(stages) == 1 else None
    return records.explain_regression(
        str(request.old), str(request.new), metric=metric, lower_is_better=request.lower_is_better
    )


def _shift_of(metric: str | None, explanation: Explanation | None) -> MetricShift | None:
    for shift in explanation.metrics if explanation is not None else ():
        if metric in (label((shift.stage_name, shift.metric_key)), shift.metric_key):
            return shift
    return None


def _direction(
    metric: str | None, good_if: Threshold | None, lower: bool | None, recorded: Sides, records: Records
) -> tuple[Better | None, str]:
    """(whether higher is better, a note about that); None if it is unknown."""
    if good_if is not None:
        return ("higher" if good_if.sign.startswith(">") else "lower"), ""
    if metric is None:
        return None, ""
    directions = Directions(records.config.higher_is_better, records.config.lower_is_better, lower)
    better, origin = direction_of(metric, directions)
    if better is None and "/" in metric:  # a stage before the slash is no part of a configured name
        better, origin = direction_of(metric.partition("/")[2], directions)
    if better == "lower" and origin != "argument":
        return better, f"lower is taken for better, by {metric}'s {origin}; --higher-is-better says otherwise"
    if better is not None:
        return better, ""
    assumed = assumed_direction(metric, recorded)
    return assumed or (None, f"higher is taken for better: {metric} does not say; --lower-is-better says otherwise")
