"""Check a run against rules about its metrics and its environment."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from contexta.analysis.metrics.direction import Directions, direction_of
from contexta.analysis.metrics.formatting import amount, some
from contexta.analysis.metrics.metric_names import find_metric, label
from contexta.core.errors import InvalidInput, NotFound, shown
from contexta.findings import EnvironmentDiff
from contexta.findings.checks import Gate, Rule, Strictness
from contexta.findings.explain import MetricShift
from contexta.findings.past_runs import PastRun

_REQUIREMENT = re.compile(r"(?P<name>.+?)\s*(?P<sign>>=|<=|==|>|<)\s*(?P<value>[-+.\deE]+)\Z", re.DOTALL)
_DROP = re.compile(r"(?P<name>.+?)\s*=\s*(?P<value>[.\deE+-]+)(?P<percent>\s*%)?\Z", re.DOTALL)
_SIGNS = {">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt, "==": operator.eq}
_NOT_WORSE = "is not worse than the baseline by more than run-to-run noise"
_NOISE = 2.0  # run-to-run standard deviations
_ROUNDING = 1e-9  # relative: 0.91 - 0.90 is slightly more than 0.01 in binary


@dataclass(frozen=True)
class MetricRequirement:
    """``accuracy >= 0.9``"""

    metric: str
    sign: str
    value: float


@dataclass(frozen=True)
class AllowedDrop:
    """The largest allowed loss of a metric against the baseline."""

    metric: str
    value: float
    """In the metric's unit, or as a share of the baseline's value."""
    is_relative: bool


def metric_requirement(text: str) -> MetricRequirement:
    """Parse ``accuracy>=0.9``. Raises InvalidInput."""
    match = _REQUIREMENT.match(text.strip())
    value = _number(match["value"]) if match else None
    if match is None or value is None:
        raise InvalidInput(f"{shown(text)} is not a requirement of a metric", hint="write it as accuracy>=0.9")
    return MetricRequirement(match["name"], match["sign"], value)


def allowed_drop(text: str) -> AllowedDrop:
    """Parse ``accuracy=0.01`` or ``accuracy=1%``. Raises InvalidInput."""
    match = _DROP.match(text.strip())
    value = _number(match["value"]) if match else None
    if match is None or value is None or value < 0:
        raise InvalidInput(f"{shown(text)} is not an allowed drop", hint="write it as accuracy=0.01 or accuracy=1%")
    return AllowedDrop(match["name"], value / 100 if match["percent"] else value, bool(match["percent"]))


def gate(
    run: PastRun,
    baseline: PastRun | None,
    environment: EnvironmentDiff | None,
    *,
    requirements: Sequence[MetricRequirement] = (),
    drops: Sequence[AllowedDrop] = (),
    strictness: Strictness = "any",
    directions: Directions | None = None,
    shifts: Sequence[MetricShift] | None = None,
) -> Gate:
    """Check a run.

    baseline, environment: for drops and strictness; environment is the diff from the baseline to the run. shifts: the
    metrics of both runs, for the default rules: no metric is worse than the baseline by more than run-to-run noise.
    Raises InvalidInput without rules, without a needed baseline, and for a drop of a metric of unknown direction.
    """
    if not requirements and not drops and strictness == "any" and shifts is None:
        raise InvalidInput("no rule was given", hint="give --against, --metric, --max-drop or --env")
    if baseline is None and (drops or strictness != "any"):
        raise InvalidInput("--max-drop and --env need a baseline", hint="name a run with --against")
    rules = [_completed(run), *(_requirement_rule(run, requirement) for requirement in requirements)]
    if baseline is not None:
        rules += [_drop_rule(run, baseline, drop, directions or Directions()) for drop in drops]
    if environment is not None and strictness != "any":
        rules.append(_environment_rule(environment, strictness))
    if baseline is not None and shifts is not None:
        rules += _noise_rules(run, baseline, shifts, directions or Directions())
    return Gate(run_ref=run.ref, baseline_ref=baseline.ref if baseline else None, rules=tuple(rules))


def _completed(run: PastRun) -> Rule:
    status = "pass" if run.status == "completed" else "fail"
    return Rule(name="completed", status=status, detail=f"the status of the run is {run.status}")


def _requirement_rule(run: PastRun, requirement: MetricRequirement) -> Rule:
    name = f"{requirement.metric} {requirement.sign} {amount(requirement.value)}"
    try:
        value = run.metrics[find_metric(run, run, requirement.metric)]
    except NotFound as error:
        return Rule(name=name, status="unknown", detail=error.what)
    holds = not math.isnan(value) and _SIGNS[requirement.sign](value, requirement.value)
    return Rule(name=name, status="pass" if holds else "fail", detail=f"the value is {amount(value)}")


def _drop_rule(run: PastRun, baseline: PastRun, drop: AllowedDrop, directions: Directions) -> Rule:
    limit = f"{100 * drop.value:.6g} %" if drop.is_relative else f"{drop.value:.6g}"
    name = f"{drop.metric} at most {limit} worse"
    try:
        metric = find_metric(baseline, run, drop.metric)
        values = baseline.metrics[metric], run.metrics[metric]
    except NotFound as error:
        return Rule(name=name, status="unknown", detail=error.what)
    except KeyError:
        return Rule(name=name, status="unknown", detail=f"one of the runs has no {drop.metric}")
    better, _ = direction_of(metric[1], directions)
    if better is None:
        raise InvalidInput(
            f"the direction of {label(metric)} is unknown",
            hint="list it under higher-is-better or lower-is-better in [tool.contexta]",
        )
    old, new = map(float, values)
    detail = f"{amount(old)} -> {amount(new)}"
    if not (math.isfinite(old) and math.isfinite(new)):
        return Rule(name=name, status="fail", detail=detail)
    worsening = old - new if better == "higher" else new - old
    most = drop.value * abs(old) if drop.is_relative else drop.value
    holds = worsening <= most + _ROUNDING * max(abs(old), abs(new))
    return Rule(name=name, status="pass" if holds else "fail", detail=f"{detail} ({new - old:+.4g})")


def _noise_rules(
    run: PastRun, baseline: PastRun, shifts: Sequence[MetricShift], directions: Directions
) -> Iterator[Rule]:
    """One rule for each metric whose direction is known. A metric that got better, or is equal, needs no statistics."""
    judged = [shift for shift in shifts if shift.better is not None]
    lost = [metric for metric in sorted({*baseline.metrics} - {*run.metrics}) if direction_of(metric[1], directions)[0]]
    for metric in lost:
        name, detail = f"{label(metric)} {_NOT_WORSE}", f"{run.ref.value} has no {label(metric)}"
        yield Rule(name=name, status="unknown", detail=detail)
    if not judged and not lost:
        yield Rule(
            name="no metric is worse than run-to-run noise",
            status="unknown",
            detail="the runs share no metric of known direction; give a rule with --metric or --max-drop",
        )
    for shift in judged:
        name = f"{label((shift.stage_name, shift.metric_key))} {_NOT_WORSE}"
        values = (shift.old.mean, shift.new.mean)
        detail = " -> ".join("-" if value is None else amount(value) for value in values)
        if None in values:
            yield Rule(name=name, status="fail", detail=f"{detail}: {shift.why}")
        elif shift.verdict == "same" or not shift.worse:
            yield Rule(name=name, status="pass", detail=detail)
        else:
            yield Rule(name=name, status=_status_of_drop(shift), detail=f"{detail} ({shift.change:+.4g}): {shift.why}")


def _status_of_drop(shift: MetricShift) -> Literal["pass", "fail", "unknown"]:
    """``pass`` only for a drop of the size of the noise: few runs do not show a large drop either."""
    if shift.verdict == "real":
        return "fail"
    spread = shift.usual_spread
    is_small = spread is not None and shift.change is not None and abs(shift.change) <= _NOISE * spread
    return "pass" if shift.verdict == "not_shown" and is_small else "unknown"


def _environment_rule(diff: EnvironmentDiff, strictness: Strictness) -> Rule:
    name = "same environment" if strictness == "same" else "same Python and packages"
    if diff.left_python_version is None or diff.right_python_version is None:
        return Rule(name=name, status="unknown", detail="; ".join(diff.completeness_notes) or "no snapshot")
    changes = list(_environment_changes(diff, strictness))
    required = {"python", "platform"} if strictness == "same" else {"python"}
    if not changes and (unknowns := [aspect for aspect in diff.unknowns if aspect.what in required]):
        detail = "; ".join(f"{aspect.what}: {aspect.reason}" for aspect in unknowns)
        return Rule(name=name, status="unknown", detail=detail)
    detail = f"{len(changes)} differ: {some(changes, 8)}" if changes else "no recorded difference"
    return Rule(name=name, status="fail" if changes else "pass", detail=detail)


def _environment_changes(diff: EnvironmentDiff, strictness: Strictness) -> Iterator[str]:
    if diff.python_version_changed:
        yield f"Python {diff.left_python_version} -> {diff.right_python_version}"
    yield from map(str, diff.package_changes)
    yield from (f"build of {change.key}" for change in diff.build_changes)
    yield from (f"origin of {change.key}" for change in diff.origin_changes)
    if strictness != "same":
        return
    if diff.platform_changed:
        yield f"platform {diff.left_platform} -> {diff.right_platform}"
    others = (*diff.interpreter_changes, *diff.machine_changes, *diff.native_changes, *diff.variable_changes)
    yield from map(str, others)


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
