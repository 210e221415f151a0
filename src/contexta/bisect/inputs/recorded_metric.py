"""Choose and check the metric of a study with the recorded runs of its sides, before anything is built. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from contexta.analysis.metrics.direction import familiarity
from contexta.analysis.metrics.formatting import some
from contexta.analysis.metrics.metric_names import label, like
from contexta.bisect.execution.metric import Threshold, read_metric
from contexta.bisect.option_names import option
from contexta.core.errors import Ambiguous, InvalidInput, shown
from contexta.findings.explain import Better, MetricShift
from contexta.findings.past_runs import MetricId

EXIT_CODE = "--exit-code"
_MOST_NAMES = 20
_BROKEN = ("failed", "crashed")  # statuses of runs whose command failed
_FEW_SPREADS = 2.0  # a difference of single runs within this many standard deviations of repeats says nothing


@dataclass(frozen=True)
class RecordedSide:
    """The metrics and the output of a recorded run."""

    what: str
    """The run in words."""
    status: str
    metrics: Mapping[MetricId, float] = field(default_factory=dict)
    """The last value of each metric, without slices."""
    repeats_command: bool = False
    """Whether it ran the command that the study reruns."""
    output: str | None = None
    """Its output; None if it was not stored."""

    @property
    def labels(self) -> list[str]:
        return sorted(label(metric) for metric in self.metrics)

    def value(self, metric: str) -> float | None:
        """The last value of a metric: ``accuracy`` or ``train/accuracy``. Printed values count if none was recorded."""
        values = [value for key, value in self.metrics.items() if metric in (key[1], label(key))]
        if values or self.output is None:
            return values[0] if len(set(values)) == 1 else None
        return read_metric(metric, None, self.output, Path())[0]


Sides = Mapping[str, RecordedSide]
"""``old`` and ``new``, if they are recorded runs."""


def chosen_metric(sides: Sides, shifts: Sequence[MetricShift]) -> tuple[str | None, str]:
    """(the default metric, or None for the exit code; the reason for the user).

    shifts: of the metrics that both runs have, the one that ``contexta why`` explains first.
    Raises InvalidInput if both runs have metrics but none in common.
    """
    broken = [end for end, side in sides.items() if side.status in _BROKEN]
    if broken and not (len(broken) == 2 and shifts):
        ended = " and ".join(f"{end.upper()} {sides[end].status}" for end in sides)
        return None, f"judged by the exit code: when recorded, {ended}; --metric NAME judges by a metric instead"
    having = {end: side for end, side in sides.items() if side.metrics}
    if not having:
        runs = f", and {' and '.join(side.what for side in sides.values())} recorded none" if sides else ""
        return None, f"judged by the exit code: no metric is named{runs}; --metric NAME judges by a metric"
    if len(having) == 2:
        if not shifts:
            has = "; ".join(f"{end.upper()} has {some(side.labels, _MOST_NAMES)}" for end, side in having.items())
            raise InvalidInput(
                f"the two runs have no metric in common: {has}",
                hint=f"name the metric of the command ({option('metric', 'NAME')}), or judge by its exit code "
                f"({option('exit_code', True)})",
            )
        ranked = [(shift.stage_name, shift.metric_key) for shift in shifts]
        whose = "the metric that `contexta why` explains first"
    else:
        ((end, side),) = having.items()
        ranked = sorted(side.metrics, key=lambda metric: (familiarity(metric[1]), metric))
        whose = f"the best known metric of {end.upper()}, the only side with recorded metrics"
    name = _shortest(ranked[0], ranked)
    others = [label(metric) for metric in ranked[1:]]
    more = f" (also recorded: {some(others)})" if others else ""
    return name, f"judged by {name}, {whose}{more}; --metric NAME judges by another, {EXIT_CODE} by the exit code"


def _shortest(metric: MetricId, among: Sequence[MetricId]) -> str:
    """The name of a metric without its stage, if only one stage has it."""
    stages = {stage for stage, key in among if key == metric[1]}
    return metric[1] if len(stages) == 1 else label(metric)


def require_known(metric: str, sides: Sides) -> list[str]:
    """Notes about a named metric that no recorded run recorded or printed.

    Raises InvalidInput where it is misspelled, or where a run of the same command neither recorded nor printed it;
    Ambiguous where several stages of a run have it.
    """
    having = [side for side in sides.values() if side.metrics]
    names = list(dict.fromkeys(name for side in having for name in side.labels))
    for side in having:
        stages = [label(key) for key in side.metrics if key[1] == metric]
        if len(stages) > 1 and metric not in side.labels:
            raise Ambiguous(
                f"metric {shown(metric)} is in several stages of {side.what}",
                hint=f"name one of them: {' or '.join(option('metric', stage) for stage in stages)}",
            )
    keys = {key for side in having for _, key in side.metrics}
    if not having or metric in {*names, *keys} or any(side.value(metric) is not None for side in sides.values()):
        return []
    near = like(metric, names)
    runs = " and ".join(side.what for side in having)
    has = f"{runs} recorded no metric {shown(metric)}; recorded: {some(names, _MOST_NAMES)}"
    if near or any(side.repeats_command and side.output is not None for side in having):
        hint = f"did you mean {option('metric', near[0])}? " if near else "name one of them. "
        raise InvalidInput(has, hint=f"{hint}{option('metric_from')} reads a number that the command only prints")
    return [f"{has}. The first rerun shows whether the command gives it"]


def require_order(
    metric: str | None,
    sides: Sides,
    shift: MetricShift | None,
    better: Better | None,
    threshold: Threshold | None,
    swapped: str,
) -> list[str]:
    """Notes about runs that look swapped by chance only.

    shift: of the metric, if both runs recorded it. better: the good direction, None if unknown. threshold: the
    condition for a good run. swapped: the command with OLD and NEW swapped. Raises InvalidInput if OLD is worse
    according to the records.
    """
    if len(sides) < 2:
        return []
    if metric is None:
        if sides["old"].status in _BROKEN and sides["new"].status == "completed":
            raise _swapped(f"when recorded, OLD {sides['old'].status} and NEW completed", swapped)
        return []
    old, new = (sides[end].value(metric) for end in ("old", "new"))
    if shift is not None and shift.old.mean is not None and shift.new.mean is not None:
        old, new = shift.old.mean, shift.new.mean
    if old is None or new is None or not math.isfinite(old) or not math.isfinite(new) or old == new:
        return []
    values = f"recorded {metric} is {old:g} for OLD and {new:g} for NEW"
    if threshold is not None:
        if threshold.holds(new) and not threshold.holds(old):
            raise _swapped(f"by {option('good_if')} OLD is bad and NEW is good: {values}", swapped)
        return []
    if better is None or (new > old) != (better == "higher"):
        return []
    if shift is not None and _may_be_chance(shift):
        return [f"{values}, so NEW does not look worse. The run-to-run noise is as large, so this may be chance"]
    other = option("lower_is_better", better == "higher")
    raise _swapped(f"NEW is better than OLD: {values}, and {better} is better", swapped, f", or {other}")


def unchanged(metric: str | None, shift: MetricShift | None, threshold: Threshold | None) -> Iterator[str]:
    """A note that the records show no change of the metric. shift: of the metric, if both runs recorded it."""
    if shift is None or shift.old.mean is None or shift.new.mean is None:
        return
    may_end = "so the study may find no regression"
    if shift.verdict == "same":
        yield f"{metric} is {shift.old.mean:g} in both recorded runs, {may_end}"
    elif shift.verdict == "not_shown" and threshold is None:
        values = f"{shift.old.mean:g} for OLD, {shift.new.mean:g} for NEW"
        yield f"`contexta why` sees no change of {metric} beyond the run-to-run noise ({values}), {may_end}"


def _may_be_chance(shift: MetricShift) -> bool:
    """Whether the run-to-run noise is as large as the difference of the two sides."""
    spread = shift.usual_spread
    small = spread is not None and shift.change is not None and abs(shift.change) < _FEW_SPREADS * spread
    return shift.verdict == "not_shown" or (shift.verdict == "unknown" and small)


def _swapped(message: str, swapped: str, more: str = "") -> InvalidInput:
    return InvalidInput(
        message,
        hint=f"swap them, which also shows what made NEW better: {swapped}\n"
        f"To rerun them in this order, add {option('keep_order', True)}{more}",
    )


def assumed_direction(metric: str, sides: Sides) -> tuple[Better, str] | None:
    """(whether higher is better, why) for a metric of unknown direction, because NEW is the worse side. None if the
    records do not show it.
    """
    values = [side.value(metric) for side in (sides[end] for end in ("old", "new") if end in sides)]
    if len(values) < 2 or values[0] is None or values[1] is None or values[0] == values[1]:
        return None
    moved = "fell" if values[1] < values[0] else "rose"
    better: Better = "higher" if moved == "fell" else "lower"
    other = "lower" if better == "higher" else "higher"
    return better, (
        f"{better} is taken for better: {metric} {moved} from OLD's record to NEW's, and its name does not say; "
        f"--{other}-is-better says otherwise"
    )
