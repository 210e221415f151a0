"""Let metrics that a program logs replace those of the same name that were read from its output."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import Connection, delete, select

from contexta.core.errors import InvalidInput
from contexta.core.validation import text, to_microseconds
from contexta.findings.runs import PRINTED, UNCERTAIN_METRICS
from contexta.recorder.printed.parser import Measurement
from contexta.store.entities import shared_facts
from contexta.store.entities.series import Points, SeriesKey, add_points, mark_last
from contexta.store.integrity.canonical_form import RUN
from contexta.store.integrity.digests import after_change, before_change
from contexta.store.schema import tables


def logged_first(
    connection: Connection,
    run_id: int | None,
    logged: Mapping[SeriesKey, Points],
    printed: Mapping[SeriesKey, Points],
) -> dict[SeriesKey, Points]:
    """The new points to store. Printed ones count while the run has no logged ones of that name.

    Printed points that are stored already are deleted once the program logs their name, in whichever stage.
    """
    if run_id is None:
        return dict(logged)
    recorded = shared_facts.of_run(connection, run_id)
    before, uncertain = set(recorded.get(PRINTED, ())), set(recorded.get(UNCERTAIN_METRICS, ()))
    if not printed and not (before and (logged or before & uncertain)):
        return dict(logged)
    logged_names = {key[2] for key in logged} | uncertain
    if superseded := before & logged_names:
        _delete(connection, run_id, superseded)
    new_names = {key[2] for key in printed} - before - logged_names
    new_names -= _names_with_points(connection, run_id, new_names)
    names = (before - logged_names) | new_names
    if names != before:
        facts = shared_facts.of_run(connection, run_id)
        shared_facts.replace(connection, run_id, {**facts, PRINTED: sorted(names)})
    return {**{key: points for key, points in printed.items() if key[2] in names}, **logged}


def replace_printed(
    connection: Connection,
    run_id: int,
    measurements: Sequence[Measurement],
    observed_at: str,
    uncertain: Collection[str] = (),
) -> None:
    """Replace the printed measurements of a run by those of its complete output.

    uncertain: names of metrics that several processes printed with different values for one step; they are left out.
    """
    before_change(connection, RUN, run_id)
    facts = shared_facts.of_run(connection, run_id)
    _delete(connection, run_id, facts.get(PRINTED, ()))
    logged_names = _names_with_points(connection, run_id, {measurement.key for measurement in measurements})
    printed: dict[SeriesKey, Points] = {}
    for key, value, step, rank in measurements:
        if key not in logged_names and key not in uncertain and _is_name(key):
            points = printed.setdefault((run_id, None, key, f"rank-{rank}" if rank else ""), Points())
            points.add(step, to_microseconds(observed_at), value)
    add_points(connection, printed)
    shared_facts.replace(connection, run_id, {**facts, PRINTED: sorted({key[2] for key in printed})})
    mark_last(connection, run_id)
    after_change(connection, RUN, run_id)


def _names_with_points(connection: Connection, run_id: int, names: Collection[str]) -> set[str]:
    series = tables.metric_series
    statement = select(series.c.metric_key).where(
        series.c.run_id == run_id, series.c.metric_key.in_(sorted(names)), series.c.points > 0
    )
    return set(connection.execute(statement).scalars()) if names else set()


def _delete(connection: Connection, run_id: int, names: Collection[str]) -> None:
    series, point = tables.metric_series, tables.metric_point
    ids = select(series.c.id).where(series.c.run_id == run_id, series.c.metric_key.in_(sorted(names)))
    connection.execute(delete(point).where(point.c.series_id.in_(ids)))
    connection.execute(delete(series).where(series.c.id.in_(ids)))


def _is_name(key: str) -> bool:
    """Whether a text can name a metric."""
    try:
        text(key, printable=True)
    except InvalidInput:
        return False
    return True
