"""A metric's points thinned in the database: only what a plot shows leaves it."""

from __future__ import annotations

from difflib import get_close_matches
from itertools import pairwise
from typing import Any

from sqlalchemy import Connection, select

from contexta.errors import NotFound, shown
from contexta.findings import RUN_LEVEL, MetricSeries, SeriesBucket
from contexta.refs import StableRef
from contexta.scalars import from_microseconds
from contexta.store import tables
from contexta.store.series import decode_number

series, point, stage = tables.metric_series, tables.metric_point, tables.stage

_EXTREMES = "SELECT min(value), max(value), count(*) - count(value) FROM metric_point WHERE series_id = {0} AND number"
_AT_ONCE = 500  # under the limit of bound variables of every supported database


def thinned(
    connection: Connection,
    run_id: int,
    run_ref: StableRef,
    metric: str,
    *,
    stage_name: str | None,
    slice_ref: str | None,
    buckets: int,
) -> MetricSeries:
    """At most so many buckets, alike in how many points they hold; a point each where there are no more points.

    stage_name: None for whichever stage logged the metric last. Reads every point of the series once, by its key.
    Raises NotFound for a metric that the run, or that stage of it, does not have.
    """
    chosen, others = _chosen(connection, run_id, run_ref, metric, stage_name, slice_ref or "")
    count = chosen.points
    edges = [count * place // buckets for place in range(buckets + 1)] if count > buckets else list(range(count + 1))
    ends = _points(connection, chosen.id, [edge - 1 for edge in edges[1:]])
    found = []
    for first, behind in pairwise(edges):
        end = ends[behind - 1]
        low, high, lacking = _extremes(connection, chosen.id, first, behind) if behind - first > 1 else _alone(end)
        found.append(
            SeriesBucket.trusted(
                first=first,
                points=behind - first,
                step=end.step,
                observed_at=from_microseconds(end.observed_at),
                low=low,
                high=high,
                last=decode_number(end.value, end.exact),
                not_numbers=lacking,
            )
        )
    notes = [f"{metric} was also logged in {', '.join(others)}"] if others else []
    return MetricSeries.trusted(
        run_ref=run_ref,
        stage_name=chosen.stage_name or RUN_LEVEL,
        metric_key=metric,
        slice_ref=slice_ref,
        points=count,
        buckets=tuple(found),
        completeness_notes=tuple(notes),
    )


def _chosen(
    connection: Connection, run_id: int, run_ref: StableRef, metric: str, stage_name: str | None, slice_ref: str
) -> tuple[Any, list[str]]:
    """The series that is meant, and the stages of the others."""
    of_run = (
        select(series.c.id, series.c.points, series.c.metric_key, stage.c.stage_name)
        .outerjoin_from(series, stage, stage.c.id == series.c.stage_id)
        .where(series.c.run_id == run_id, series.c.slice_ref == slice_ref, series.c.points > 0)
    )
    rows = connection.execute(of_run.where(series.c.metric_key == metric).order_by(series.c.last_at.desc())).all()
    fits = [row for row in rows if stage_name is None or (row.stage_name or RUN_LEVEL) == stage_name]
    if fits:
        others: list[str] = [row.stage_name or RUN_LEVEL for row in rows if row.id != fits[0].id]
        return fits[0], [] if stage_name is not None else others
    if rows:
        names = ", ".join(row.stage_name or RUN_LEVEL for row in rows)
        raise NotFound(f"{metric} was not logged in stage {shown(stage_name)} of {run_ref}", hint=f"it was in {names}")
    known = sorted(set(connection.execute(of_run.with_only_columns(series.c.metric_key)).scalars()))
    close = get_close_matches(metric[:250], known, n=1)
    hint = f"did you mean {close[0]}?" if close else f"it has {', '.join(known[:10])}" if known else "it has no metrics"
    raise NotFound(f"{run_ref} has no metric {shown(metric)}", hint=hint)


def _points(connection: Connection, series_id: int, numbers: list[int]) -> dict[int, Any]:
    columns = (point.c.number, point.c.step, point.c.observed_at, point.c.value, point.c.exact)
    found: dict[int, Any] = {}
    for start in range(0, len(numbers), _AT_ONCE):
        some = point.c.number.in_(numbers[start : start + _AT_ONCE])
        rows = connection.execute(select(*columns).where(point.c.series_id == series_id, some))
        found.update((row.number, row) for row in rows)
    return found


def _extremes(connection: Connection, series_id: int, first: int, behind: int) -> tuple[Any, Any, int]:
    """By the driver's own words: there are hundreds of these, and the expression language costs more than the rows."""
    mark = "%s" if connection.dialect.name == "postgresql" else "?"
    statement = f"{_EXTREMES.format(mark)} >= {mark} AND number < {mark}"
    low, high, lacking = connection.exec_driver_sql(statement, (series_id, first, behind)).one()
    return low, high, lacking


def _alone(row: Any) -> tuple[Any, Any, int]:
    return row.value, row.value, int(row.value is None)
