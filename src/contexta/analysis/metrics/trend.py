"""A metric over runs, with the changes of the environment between them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

from contexta.contract.environment import same_version
from contexta.contract.fields import Status
from contexta.core.references import StableRef
from contexta.findings import Change, MetricTrend, TrendPoint


class FinalValue(Protocol):
    """The last value of a metric in a run. body_id: the key of its environment; None if unknown."""

    @property
    def run_ref(self) -> StableRef: ...
    @property
    def name(self) -> str: ...
    @property
    def status(self) -> Status: ...
    @property
    def started_at(self) -> str: ...
    @property
    def captured_at(self) -> str | None: ...
    @property
    def value(self) -> int | float | None: ...
    @property
    def body_id(self) -> int | None: ...


def trend(
    metric: str,
    stage_name: str | None,
    values: Sequence[FinalValue],
    packages: Mapping[int, Mapping[str, str]],
    *,
    with_metric: int,
    total: int,
) -> MetricTrend:
    """The trend over these values, the oldest first.

    packages: environment -> name -> version, including Python. with_metric, total: the numbers of runs with the metric,
    and of all runs.
    """
    changes = changes_between([value.body_id for value in values], packages)
    points = tuple(
        TrendPoint(
            run_ref=final.run_ref,
            name=final.name,
            status=final.status,
            started_at=final.started_at,
            captured_at=final.captured_at,
            value=final.value,
            changes=changed,
        )
        for final, changed in zip(values, changes, strict=True)
        if final.value is not None
    )
    return MetricTrend(
        metric_key=metric,
        stage_name=stage_name,
        points=points,
        completeness_notes=tuple(
            _notes(f"{stage_name}/{metric}" if stage_name else metric, values, with_metric, total)
        ),
    )


def _notes(metric: str, values: Sequence[FinalValue], with_metric: int, total: int) -> Iterator[str]:
    if not with_metric:
        yield f"no run has the metric {metric}" if total else "there are no runs"
        return
    if len(values) < with_metric:
        yield f"limited to the latest {len(values)} of {with_metric} runs with {metric}"
    if with_metric < total:
        yield f"{total - with_metric} of {total} runs have no {metric}"
    unknown = sum(value.body_id is None for value in values)
    if unknown:
        yield f"{unknown} of {len(values)} runs have no environment snapshot: their changes are unknown"
    if len({value.run_ref.project for value in values}) > 1:
        yield "the runs belong to several projects: changes between them may be differences between projects"


def changes_between(
    bodies: Sequence[int | None], packages: Mapping[int, Mapping[str, str]]
) -> list[tuple[Change, ...] | None]:
    """For the environment of each run the changes since the last known one; None if unknown."""
    changes: list[tuple[Change, ...] | None] = []
    last: int | None = None
    for body in bodies:
        if body is None or last is None:
            changes.append(None)
        else:
            changes.append(_changes(packages[last], packages[body]))
        last = last if body is None else body
    return changes


def _changes(left: Mapping[str, str], right: Mapping[str, str]) -> tuple[Change, ...]:
    if left is right:
        return ()
    return tuple(
        Change(key=name, left_value=left.get(name), right_value=right.get(name))
        for name in sorted({*left, *right}, key=lambda name: (name != "Python", name))
        if not (name in left and name in right and same_version(left[name], right[name]))
    )
