"""A metric over runs, with the changes between them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

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
    steps: Sequence[tuple[tuple[Change, ...] | None, tuple[str, ...]]],
    *,
    with_metric: int,
    total: int,
    suggestion: str = "",
) -> MetricTrend:
    """The trend over these values, the oldest first.

    steps: for each value the changes before it, and the aspects whose changes are unknown. with_metric, total: the
    numbers of runs with the metric, and of all runs. suggestion: the end of the note that no run has the metric.
    """
    points = tuple(
        TrendPoint(
            run_ref=final.run_ref,
            name=final.name,
            status=final.status,
            started_at=final.started_at,
            captured_at=final.captured_at,
            value=final.value,
            changes=changes,
            unknown=unknown,
        )
        for final, (changes, unknown) in zip(values, steps, strict=True)
        if final.value is not None
    )
    return MetricTrend(
        metric_key=metric,
        stage_name=stage_name,
        points=points,
        completeness_notes=tuple(
            _notes(f"{stage_name}/{metric}" if stage_name else metric, values, with_metric, total, suggestion)
        ),
    )


def _notes(metric: str, values: Sequence[FinalValue], with_metric: int, total: int, suggestion: str) -> Iterator[str]:
    if not with_metric:
        yield f"no run has the metric {metric}{suggestion}" if total else "there are no runs"
        return
    if len(values) < with_metric:
        yield f"limited to the latest {len(values)} of {with_metric} runs with {metric}"
    if with_metric < total:
        verb = "has" if total - with_metric == 1 else "have"
        yield f"{total - with_metric} of {total} runs {verb} no {metric}"
    unknown = sum(value.body_id is None for value in values)
    if unknown:
        verb = "has" if unknown == 1 else "have"
        yield f"{unknown} of {len(values)} runs {verb} no environment snapshot: their changes are unknown"
    if len({value.run_ref.project for value in values}) > 1:
        yield "the runs belong to several projects: changes between them may be differences between projects"
