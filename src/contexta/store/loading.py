"""Runs as findings: with their stages, where their metrics ended, and their parameters.

What is read here was checked before it was stored, so the findings are built without checking it again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, Row, Text, func, select, type_coerce

from contexta.contract.environment import Note
from contexta.contract.fields import FrozenDict, frozen
from contexta.findings import RUN_LEVEL, MetricValue, RunDetails, RunSummary, StageSummary
from contexta.refs import StableRef
from contexta.scalars import from_microseconds
from contexta.store import tables
from contexta.store.artifacts import of_run
from contexta.store.environments import summary_of
from contexta.store.series import decode_number

_RUNS_AT_ONCE = 1_000
run, stage, series, param = tables.run, tables.stage, tables.metric_series, tables.param

_Metrics = dict[tuple[int, int | None], list[MetricValue]]


def summary(connection: Connection, run_id: int) -> RunSummary:
    """A run and where its metrics ended. Raises NoResultFound for a key that is not stored."""
    return summaries(connection, [run_id])[0]


def summaries(connection: Connection, run_ids: Sequence[int]) -> list[RunSummary]:
    """The same of several runs, in the order given."""
    found: dict[int, RunSummary] = {}
    for some in _slices(run_ids):
        stages, params = stages_of(connection, some), _params_of(connection, some)
        for row in connection.execute(select(run).where(run.c.id.in_(some))):
            found[row.id] = RunSummary.trusted(**_run_fields(row), stages=stages[row.id], params=params[row.id])
    return [found[run_id] for run_id in run_ids]


def details(connection: Connection, run_id: int) -> RunDetails:
    """Everything about a run but its environment's body and its single points."""
    row = connection.execute(select(run).where(run.c.id == run_id)).one()
    notes = connection.execute(
        select(tables.note.c.topic, tables.note.c.text).where(tables.note.c.run_id == run_id).order_by(tables.note.c.id)
    )
    return RunDetails.trusted(
        **_run_fields(row),
        stages=stages_of(connection, [run_id])[run_id],
        params=_params_of(connection, [run_id])[run_id],
        environment=summary_of(connection, run_id),
        artifacts=of_run(connection, run_id),
        notes=tuple(Note(topic=each.topic, text=each.text) for each in notes),
    )


def stages_of(connection: Connection, run_ids: Sequence[int]) -> dict[int, tuple[StageSummary, ...]]:
    """The stages of several runs, in order, each with its last metric values by key; the run's own metrics first."""
    stages: dict[int, list[Row[Any]]] = {run_id: [] for run_id in run_ids}
    for row in connection.execute(_stage_rows(run_ids)):
        stages[row.run_id].append(row)
    metrics: _Metrics = {}
    last = connection.execute(_series_rows(run_ids)).all()  # at once: a call for each row costs more than the row
    for run_id, stage_id, key, slice_ref, points, step, at, value, exact in last:
        metrics.setdefault((run_id, stage_id), []).append(
            MetricValue.trusted(
                metric_key=key,
                value=decode_number(value, exact),
                step=step,
                observed_at=from_microseconds(at),
                slice_ref=slice_ref or None,
                points=points,
            )
        )
    return {run_id: _stage_summaries(run_id, stages[run_id], metrics) for run_id in run_ids}


def _stage_summaries(run_id: int, rows: Sequence[Row[Any]], metrics: _Metrics) -> tuple[StageSummary, ...]:
    own = metrics.get((run_id, None))
    found = [_stage_summary(RUN_LEVEL, None, None, None, own)] if own else []
    found += [
        _stage_summary(row.stage_name, row.status, row.started_at, row.ended_at, metrics.get((run_id, row.id), []))
        for row in rows
    ]
    return tuple(found)


def _stage_summary(
    name: str, status: str | None, started_at: str | None, ended_at: str | None, metrics: list[MetricValue]
) -> StageSummary:
    return StageSummary.trusted(
        stage_name=name, status=status, started_at=started_at, ended_at=ended_at, metrics=tuple(metrics)
    )


def _stage_rows(run_ids: Sequence[int]) -> Any:
    return (
        select(stage.c.id, stage.c.run_id, stage.c.stage_name, stage.c.status, stage.c.started_at, stage.c.ended_at)
        .where(stage.c.run_id.in_(run_ids))
        .order_by(stage.c.order_index.is_(None), stage.c.order_index, stage.c.started_at, stage.c.id)
    )


def _series_rows(run_ids: Sequence[int]) -> Any:
    columns = (series.c.run_id, series.c.stage_id, series.c.metric_key, series.c.slice_ref, series.c.points)
    last = (series.c.last_step, series.c.last_at, series.c.last_value, series.c.last_exact)
    return (
        select(*columns, *last)
        .where(series.c.run_id.in_(run_ids), series.c.points > 0)
        .order_by(series.c.run_id, func.coalesce(series.c.stage_id, 0), series.c.metric_key, series.c.slice_ref)
    )


def _params_of(connection: Connection, run_ids: Sequence[int]) -> dict[int, FrozenDict]:
    found: dict[int, dict[str, Any]] = {run_id: {} for run_id in run_ids}
    known: dict[str, Any] = {}  # runs of one search have many values in common
    rows = connection.execute(
        select(param.c.run_id, param.c.name, type_coerce(param.c.value, Text))
        .where(param.c.run_id.in_(run_ids))
        .order_by(param.c.run_id, param.c.name)
    )
    for run_id, name, text in rows.all():
        if text not in known:
            known[text] = frozen(tables.decode_json(text))
        found[run_id][name] = known[text]
    return {run_id: FrozenDict(params) for run_id, params in found.items()}


def _run_fields(row: Row[Any]) -> dict[str, Any]:
    ref = str.__new__(StableRef, row.ref)  # it was parsed when it was stored
    project = row.ref[len("run:") : row.ref.index(".")]
    return {
        "run_ref": ref,
        "project_ref": str.__new__(StableRef, f"project:{project}"),
        "name": row.name,
        "status": row.status,
        "started_at": row.started_at,
        "ended_at": row.ended_at,
        "description": row.description,
        "tags": frozen(row.tags),
        "metadata": frozen(row.metadata),
    }


def _slices(items: Sequence[int]) -> Iterable[Sequence[int]]:
    return (items[start : start + _RUNS_AT_ONCE] for start in range(0, len(items), _RUNS_AT_ONCE))
