"""Whether a run may pass, by what was demanded of its metrics and its environment."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from contexta.analysis.metrics.direction import direction_of
from contexta.analysis.metrics.formatting import amount, some
from contexta.analysis.why.explain import Ways, find_metric, label
from contexta.core.errors import InvalidInput, NotFound, shown
from contexta.findings import EnvironmentDiff
from contexta.findings.gate import Gate, Rule, Strictness
from contexta.findings.history import PastRun

_DEMAND = re.compile(r"(?P<name>.+?)\s*(?P<sign>>=|<=|==|>|<)\s*(?P<value>[-+.\deE]+)\Z", re.DOTALL)
_DROP = re.compile(r"(?P<name>.+?)\s*=\s*(?P<value>[.\deE+-]+)(?P<percent>\s*%)?\Z", re.DOTALL)
_SIGNS = {">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt, "==": operator.eq}
_ROUNDING = 1e-9  # 0.91 - 0.90 is a little more than 0.01 in binary


@dataclass(frozen=True)
class Demand:
    """``accuracy >= 0.9``"""

    metric: str
    sign: str
    value: float


@dataclass(frozen=True)
class Drop:
    """By how much a metric may be worse than the baseline's: in its unit, or as a share of the baseline."""

    metric: str
    value: float
    relative: bool


def demand(text: str) -> Demand:
    """Read ``accuracy>=0.9``. Raises InvalidInput."""
    found = _DEMAND.match(text.strip())
    value = _number(found["value"]) if found else None
    if found is None or value is None:
        raise InvalidInput(f"{shown(text)} demands nothing of a metric", hint="write it as accuracy>=0.9")
    return Demand(found["name"], found["sign"], value)


def allowed_drop(text: str) -> Drop:
    """Read ``accuracy=0.01`` or ``accuracy=1%``. Raises InvalidInput."""
    found = _DROP.match(text.strip())
    value = _number(found["value"]) if found else None
    if found is None or value is None or value < 0:
        raise InvalidInput(f"{shown(text)} allows no drop", hint="write it as accuracy=0.01 or accuracy=1%")
    return Drop(found["name"], value / 100 if found["percent"] else value, bool(found["percent"]))


def gate(
    run: PastRun,
    baseline: PastRun | None,
    environment: EnvironmentDiff | None,
    *,
    demands: Sequence[Demand] = (),
    drops: Sequence[Drop] = (),
    env: Strictness = "any",
    ways: Ways | None = None,
) -> Gate:
    """Judge a run. baseline, environment: needed for drops and for env; environment from the baseline to the run.

    env: ``same`` (nothing that was recorded differs), ``packages`` (Python and packages are the same), ``any``.
    Raises InvalidInput when nothing is demanded, when a baseline is missing, or when nobody says which way a metric is
    good.
    """
    if not demands and not drops and env == "any":
        raise InvalidInput("nothing is demanded of the run", hint="give --metric, --max-drop or --env")
    if baseline is None and (drops or env != "any"):
        raise InvalidInput("there is nothing to compare with", hint="name a run with --against")
    rules = [_completed(run)]
    rules += [_demanded(run, each) for each in demands]
    if baseline is not None:
        rules += [_dropped(run, baseline, each, ways or Ways()) for each in drops]
    if environment is not None and env != "any":
        rules.append(_environment(environment, env))
    return Gate(run_ref=run.ref, baseline_ref=baseline.ref if baseline else None, rules=tuple(rules))


def _completed(run: PastRun) -> Rule:
    return Rule(
        name="completed", status="pass" if run.status == "completed" else "fail", detail=f"the run {run.status}"
    )


def _demanded(run: PastRun, asked: Demand) -> Rule:
    name = f"{asked.metric} {asked.sign} {amount(asked.value)}"
    try:
        value = run.metrics[find_metric(run, run, asked.metric)]
    except NotFound as error:
        return Rule(name=name, status="unknown", detail=error.what)
    holds = not math.isnan(value) and _SIGNS[asked.sign](value, asked.value)
    return Rule(name=name, status="pass" if holds else "fail", detail=f"it is {amount(value)}")


def _dropped(run: PastRun, baseline: PastRun, asked: Drop, ways: Ways) -> Rule:
    limit = f"{asked.value:.6g}" if not asked.relative else f"{asked.value:.4%}".rstrip("0%").rstrip(".") + "%"
    name = f"{asked.metric} no more than {limit} worse"
    try:
        metric = find_metric(baseline, run, asked.metric)
        values = baseline.metrics[metric], run.metrics[metric]
    except (NotFound, KeyError) as error:
        what = error.what if isinstance(error, NotFound) else f"one of the runs has no {asked.metric}"
        return Rule(name=name, status="unknown", detail=what)
    better, _ = direction_of(metric[1], lower_is_better=ways.lower_is_better, higher=ways.higher, lower=ways.lower)
    if better is None:
        raise InvalidInput(
            f"whether {label(metric)} should be high or low is not known",
            hint="list it in [tool.contexta] higher-is-better or lower-is-better",
        )
    old, new = map(float, values)
    detail = f"{amount(old)} -> {amount(new)}"
    if not (math.isfinite(old) and math.isfinite(new)):
        return Rule(name=name, status="fail", detail=detail)
    worse = old - new if better == "higher" else new - old
    most = asked.value * abs(old) if asked.relative else asked.value
    holds = worse <= most + _ROUNDING * max(abs(old), abs(new))
    return Rule(name=name, status="pass" if holds else "fail", detail=f"{detail} ({new - old:+.4g})")


def _environment(found: EnvironmentDiff, env: Strictness) -> Rule:
    name = "the same environment" if env == "same" else "the same Python and packages"
    if found.left_python_version is None or found.right_python_version is None:
        return Rule(name=name, status="unknown", detail="; ".join(found.completeness_notes) or "no snapshot")
    drift = list(_drift(found, env))
    detail = f"{len(drift)} differ: {some(drift, 8)}" if drift else "nothing that was recorded differs"
    return Rule(name=name, status="fail" if drift else "pass", detail=detail)


def _drift(found: EnvironmentDiff, env: Strictness) -> Iterator[str]:
    if found.python_version_changed:
        yield f"Python {found.left_python_version} -> {found.right_python_version}"
    yield from map(str, found.package_changes)
    yield from (f"build of {change.key}" for change in found.build_changes)
    yield from (f"origin of {change.key}" for change in found.origin_changes)
    if env != "same":
        return
    if found.platform_changed:
        yield f"platform {found.left_platform} -> {found.right_platform}"
    others = (*found.interpreter_changes, *found.machine_changes, *found.native_changes, *found.variable_changes)
    yield from map(str, others)


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
