"""Downsample the points of a metric in the database, to the buckets that a plot shows."""

from __future__ import annotations

from difflib import get_close_matches
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

from contexta.core.errors import NotFound, shown
from contexta.core.references import StableRef
from contexta.core.validation import from_microseconds
from contexta.findings import RUN_LEVEL, CompletenessNote, MetricSeries, SeriesBucket
from contexta.store.entities.series import decode_number
from contexta.store.schema.statements import fetch, marks

if TYPE_CHECKING:
    from sqlalchemy import Connection

_EXTREMES = (
    "SELECT min(value), max(value), count(value) FROM metric_point WHERE series_id = ? AND number >= ? AND number < ?"
)
_AT_ONCE = 500  # under the limit of bound variables of every supported database


def downsampled(
    connection: Connection,
    run_id: int,
    run_ref: StableRef,
    metric: str,
    *,
    stage_name: str | None,
    slice_ref: str | None,
    buckets: int,
) -> MetricSeries:
    """At most ``buckets`` buckets of equal numbers of points; of one point each if there are not more points.

    stage_name: None for the stage that logged the metric last. Reads every point of the series once, by its key.
    Raises NotFound if the run, or that stage, does not have the metric.
    """
    chosen, others = _chosen(connection, run_id, run_ref, metric, stage_name, slice_ref or "")
    count = chosen.points
    edges = [count * place // buckets for place in range(buckets + 1)] if count > buckets else list(range(count + 1))
    ends = _points(connection, chosen.id, [edge - 1 for edge in edges[1:]])
    series_buckets = []
    for first, stop in pairwise(edges):
        step, at, value, exact = ends[stop - 1]
        single = value, value, int(value is None)
        low, high, not_numbers = _extremes(connection, chosen.id, first, stop) if stop - first > 1 else single
        series_buckets.append(
            SeriesBucket.model_construct(
                first=first,
                points=stop - first,
                step=step,
                observed_at=from_microseconds(at),
                low=low,
                high=high,
                last=decode_number(value, exact),
                not_numbers=not_numbers,
            )
        )
    notes = [CompletenessNote(f"{metric} was also logged in {', '.join(others)}", "info")] if others else []
    return MetricSeries.model_construct(
        run_ref=run_ref,
        stage_name=chosen.stage_name,
        metric_key=metric,
        slice_ref=slice_ref,
        points=count,
        buckets=tuple(series_buckets),
        completeness_notes=tuple(notes),
    )


class _Series(NamedTuple):
    id: int
    points: int
    metric_key: str
    stage_name: str


def _chosen(
    connection: Connection, run_id: int, run_ref: StableRef, metric: str, stage_name: str | None, slice_ref: str
) -> tuple[_Series, list[str]]:
    """The chosen series, and the stages of the other series of the metric."""
    of_run = [_Series(*row) for row in fetch(connection, _SERIES, (RUN_LEVEL, run_id, slice_ref))]
    of_metric = [series for series in of_run if series.metric_key == metric]
    matches = [series for series in of_metric if stage_name in (None, series.stage_name)]
    if matches:
        others = [series.stage_name for series in of_metric if series != matches[0]]
        return matches[0], [] if stage_name is not None else others
    if of_metric:
        stages = ", ".join(series.stage_name for series in of_metric)
        raise NotFound(f"{metric} was not logged in stage {shown(stage_name)} of {run_ref}", hint=f"it was in {stages}")
    names = sorted({series.metric_key for series in of_run})
    close = get_close_matches(metric[:250], names, n=1)
    hint = f"did you mean {close[0]}?" if close else f"it has {', '.join(names[:10])}" if names else "it has no metrics"
    raise NotFound(f"{run_ref} has no metric {shown(metric)}", hint=hint)


_SERIES = """
SELECT metric_series.id, points, metric_key, coalesce(stage_name, ?)
FROM metric_series LEFT JOIN stage ON stage.id = metric_series.stage_id
WHERE metric_series.run_id = ? AND slice_ref = ? AND points > 0 ORDER BY last_at DESC
"""


def _points(connection: Connection, series_id: int, numbers: list[int]) -> dict[int, Any]:
    """Number -> (step, observed_at, value, exact)."""
    points: dict[int, Any] = {}
    for start in range(0, len(numbers), _AT_ONCE):
        some = numbers[start : start + _AT_ONCE]
        for number, *rest in fetch(connection, _ENDS.format(marks(some)), [series_id, *some]):
            points[number] = rest
    return points


_ENDS = "SELECT number, step, observed_at, value, exact FROM metric_point WHERE series_id = ? AND number IN ({})"


def _extremes(connection: Connection, series_id: int, first: int, stop: int) -> tuple[Any, Any, int]:
    """(lowest value, highest value, number of values that are no numbers) of the points from first to stop."""
    ((low, high, numbers),) = fetch(connection, _EXTREMES, (series_id, first, stop))
    return low, high, stop - first - numbers
