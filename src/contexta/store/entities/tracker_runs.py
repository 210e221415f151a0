"""Runs that were recorded while their program logged to a tracker, by the identity of the tracker's run."""

from __future__ import annotations

from collections.abc import Mapping

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


def points_of(connection: Connection, ref: StableRef) -> int:
    """The number of points of a run."""
    series, run = tables.metric_series.c, tables.run.c
    statement = select(func.sum(series.points)).join(tables.run, run.id == series.run_id).where(run.ref == str(ref))
    return int(connection.execute(statement).scalar_one() or 0)
