"""Runs that were recorded while their program logged to a tracker, by the identity of the tracker's run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from sqlalchemy import Connection, func, select

from contexta.core.references import StableRef
from contexta.findings.runs import TRACKER_RUNS
from contexta.store.schema import tables


def runs_by_tracker_id(connection: Connection) -> Mapping[str, StableRef]:
    """Identity of a tracker's run, such as ``mlflow RUN-ID`` -> the run that recorded it."""
    run = tables.run.c
    statement = select(run.ref, run.metadata).where(run.metadata.contains(TRACKER_RUNS)).order_by(run.id)
    return {
        str(identity): StableRef.parse(row.ref)
        for row in connection.execute(statement)
        for identity in row.metadata.get(TRACKER_RUNS, ())
    }


class RecordedContent(NamedTuple):
    """What a run contains of the things that trackers record, too."""

    points: Mapping[str, int]
    """Metric -> the number of its points."""
    params: frozenset[str]
    has_environment: bool


def content_of(connection: Connection, ref: StableRef) -> RecordedContent:
    """The content of a run."""
    run_id = connection.execute(select(tables.run.c.id).where(tables.run.c.ref == str(ref))).scalar_one()
    series, param, environment = tables.metric_series.c, tables.param.c, tables.environment.c
    points = select(series.metric_key, func.sum(series.points)).where(series.run_id == run_id)
    return RecordedContent(
        {key: int(count) for key, count in connection.execute(points.group_by(series.metric_key))},
        frozenset(connection.execute(select(param.name).where(param.run_id == run_id)).scalars()),
        connection.execute(select(environment.id).where(environment.run_id == run_id).limit(1)).first() is not None,
    )
