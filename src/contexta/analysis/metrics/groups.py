"""Group runs by what they have in common, with the mean and the deviation of each metric."""

from __future__ import annotations

import math
import re
from collections.abc import Hashable, Mapping, Sequence
from contextlib import suppress
from itertools import takewhile
from statistics import fmean, mean, stdev

from contexta.analysis.metrics.repeats import as_text, is_seed, key_of, params_without_seed
from contexta.core.errors import InvalidInput, shown
from contexta.core.references import StableRef
from contexta.findings.past_runs import PastEnvironment, PastRun
from contexta.findings.runs import GroupedMetric, RunGroup, RunSummary

REPEATS, PARAMS, ENVIRONMENT = "repeats", "params", "environment"
_SEPARATORS = "-_. "
_PARTS = re.compile(f"[^{_SEPARATORS}]+|[{_SEPARATORS}]+")


def grouped(
    runs: Sequence[RunSummary],
    environments: Mapping[StableRef, PastEnvironment],
    by: str = REPEATS,
    most_groups: int | None = None,
) -> tuple[tuple[RunGroup, ...], tuple[RunSummary, ...]]:
    """(the groups in the order of their first runs, the runs in them).

    environments: of those runs that have one. by: ``repeats`` (equal code, configuration, parameters and environment,
    except the seed), ``params`` (all parameters except the seed), ``environment`` (Python, platform and packages),
    ``tag:NAME`` or ``param:NAME``. A run that lacks what it is grouped by is alone. most_groups: end before the first
    run of a further group. Raises InvalidInput for any other grouping.
    """
    groups: dict[Hashable, list[RunSummary]] = {}
    used = 0
    for run in runs:
        key = _key(run, environments.get(run.run_ref), by)
        name = run.run_ref if key is None else (key,)
        if name not in groups and len(groups) == most_groups:
            break
        groups.setdefault(name, []).append(run)
        used += 1
    return tuple(group_of(members) for members in groups.values()), tuple(runs[:used])


def sorted_by_mean(groups: Sequence[RunGroup], metric: str, *, is_descending: bool) -> tuple[RunGroup, ...]:
    """The groups in the order of their means of a metric; groups without it come last."""

    def place(group: RunGroup) -> tuple[bool, float]:
        grouped = group.metric(metric)
        return grouped is None, 0.0 if grouped is None else -grouped.mean if is_descending else grouped.mean

    return tuple(sorted(groups, key=place))


def _key(run: RunSummary, environment: PastEnvironment | None, by: str) -> Hashable:
    project = run.project_ref
    if by == PARAMS:
        return (project, params_without_seed(run.params)) if run.params else None
    if by == ENVIRONMENT:
        return None if environment is None else environment.identity
    kind, _, name = by.partition(":")
    if kind not in (REPEATS, "tag", "param") or (kind == REPEATS) == bool(name):
        hint = "give repeats, params, environment, tag:NAME or param:NAME"
        raise InvalidInput(f"runs cannot be grouped by {shown(by)}", hint=hint)
    past = PastRun(
        run.run_ref, run.status, run.started_at, None, run.tags, run.params, run.metadata, environment=environment
    )
    return key_of(past) if by == REPEATS else key_of(past, by)


def group_of(members: Sequence[RunSummary]) -> RunGroup:
    """The group that these runs make."""
    values: dict[str, list[float]] = {}
    for run in members:
        for key, value in run.metrics.items():
            numbers = values.setdefault(key, [])
            with suppress(OverflowError):  # an integer beyond the range of floats
                if math.isfinite(value):
                    numbers.append(float(value))
    seeds = dict.fromkeys(as_text(value) for run in members for name, value in run.params.items() if is_seed(name))
    return RunGroup.model_construct(
        name=_name([run.name for run in members]),
        runs=tuple(members),
        seeds=tuple(seeds),
        metrics=tuple(_grouped(key, numbers) for key, numbers in sorted(values.items()) if numbers),
    )


def _grouped(key: str, numbers: Sequence[float]) -> GroupedMetric:
    try:
        average, deviation = fmean(numbers), stdev(numbers) if len(numbers) > 1 else None
    except OverflowError:  # a sum beyond the range of floats, which the exact mean does not have
        average, deviation = mean(numbers), None
    return GroupedMetric.model_construct(metric_key=key, mean=average, standard_deviation=deviation, n=len(numbers))


def _name(names: Sequence[str]) -> str:
    """``this-month`` for ``this-month-1`` and ``this-month-2``; without a common start, the first name and a count."""
    if len(set(names)) == 1:
        return names[0]
    parts = zip(*(_PARTS.findall(name) for name in names), strict=False)
    common = "".join(part[0] for part in takewhile(lambda part: len(set(part)) == 1, parts)).rstrip(_SEPARATORS)
    others = len(names) - 1
    return common or f"{names[0]} and {others} {'other' if others == 1 else 'others'}"
