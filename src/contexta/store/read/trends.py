"""The last value of one metric in many runs, and the environments of the runs. Reads no points."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, func, select

from contexta.contract.fields import Status
from contexta.core.references import StableRef
from contexta.core.validation import from_microseconds
from contexta.findings import RUN_LEVEL, RankedRun
from contexta.store.entities import run_annotations
from contexta.store.entities.series import decode_number
from contexta.store.schema import tables

_AT_ONCE = 500  # under the limit of bound variables of every supported database


class FinalMetric(NamedTuple):
    """The last value of the metric in a run; None without the metric. body_id: of the environment."""

    run_id: int
    run_ref: StableRef
    name: str
    status: Status
    started_at: str
    captured_at: str | None
    value: int | float | None
    body_id: int | None

    def candidate(self) -> RankedRun:
        return RankedRun(run_ref=self.run_ref, name=self.name, status=self.status, value=self.value, rank=None)


def latest_ends(
    connection: Connection, metric: str, stage_name: str | None, project_id: int | None, limit: int
) -> tuple[list[FinalMetric], int, int]:
    """(latest runs with the metric, the oldest first; number of runs with the metric; number of all runs)."""
    run = tables.run
    where = [run.c.project_id == project_id] if project_id is not None else []
    statement = _ends(metric, stage_name).where(*where)
    rows = connection.execute(statement.order_by(run.c.started_at.desc(), run.c.id.desc()).limit(limit)).all()
    with_metric = connection.execute(select(func.count()).select_from(statement.order_by(None).subquery())).scalar_one()
    total = connection.execute(select(func.count()).select_from(run).where(*where)).scalar_one()
    return [_end(row) for row in reversed(rows)], with_metric, total


def ends_of(connection: Connection, metric: str, stage_name: str | None, run_ids: Sequence[int]) -> list[FinalMetric]:
    """The last value in each of some runs, in the order of the keys."""
    run = tables.run
    ends: dict[int, FinalMetric] = {}
    for start in range(0, len(run_ids), _AT_ONCE):
        some = run_ids[start : start + _AT_ONCE]
        columns = (run.c.id, run.c.ref, run.c.status, run.c.started_at, run.c.environment_body_id)
        without_metric = select(*columns, run_annotations.name_of_run().label("name")).where(run.c.id.in_(some))
        for row in connection.execute(without_metric):
            ends[row.id] = FinalMetric(
                row.id,
                StableRef.parse(row.ref),
                row.name,
                row.status,
                row.started_at,
                None,
                None,
                row.environment_body_id,
            )
        for row in connection.execute(_ends(metric, stage_name).where(run.c.id.in_(some))):
            ends[row.id] = _end(row)
    return [ends[run_id] for run_id in run_ids]


def _ends(metric: str, stage_name: str | None) -> Select[Any]:
    """One row per run with the metric, with its last value."""
    run, series, stage = tables.run, tables.metric_series, tables.stage
    columns = (
        run.c.id,
        run.c.ref,
        run_annotations.name_of_run().label("name"),
        run.c.status,
        run.c.started_at,
        run.c.environment_body_id,
    )
    if stage_name is None:
        value = (series.c.last_value.label("value"), series.c.last_exact.label("exact"), series.c.last_at)
        statement = select(*columns, *value).join_from(series, run, run.c.id == series.c.run_id)
        return statement.where(series.c.is_last, series.c.metric_key == metric)
    of_stage = series.c.stage_id.is_(None) if stage_name == RUN_LEVEL else stage.c.stage_name == stage_name
    ranked = (
        select(
            series.c.run_id,
            series.c.last_value.label("value"),
            series.c.last_exact.label("exact"),
            series.c.last_at,
            func.row_number()
            .over(partition_by=series.c.run_id, order_by=(series.c.last_at.desc(), series.c.id.desc()))
            .label("place"),
        )
        .outerjoin_from(series, stage, stage.c.id == series.c.stage_id)
        .where(series.c.metric_key == metric, series.c.slice_ref == "", series.c.points > 0, of_stage)
        .subquery()
    )
    statement = select(*columns, *ranked.c["value", "exact", "last_at"])
    return statement.join_from(ranked, run, run.c.id == ranked.c.run_id).where(ranked.c.place == 1)


def _end(row: Any) -> FinalMetric:
    value = decode_number(row.value, row.exact)
    captured_at = from_microseconds(row.last_at)
    return FinalMetric(
        row.id,
        StableRef.parse(row.ref),
        row.name,
        row.status,
        row.started_at,
        captured_at,
        value,
        row.environment_body_id,
    )
