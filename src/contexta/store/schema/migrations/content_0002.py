"""What the second schema keeps of content that the first one already held."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import repeat
from typing import Any

import sqlalchemy as sa

from contexta.core.validation import to_microseconds
from contexta.store.backends.driver import insert_rows
from contexta.store.entities import records
from contexta.store.entities.environments import keep_body
from contexta.store.entities.query_index import keep_tags
from contexta.store.entities.series import encode_number, keep_ends
from contexta.store.schema import running_checksums, tables
from contexta.store.schema.rows import keep_text
from contexta.store.schema.sort_keys import number_of, version_order, words_of

_AT_ONCE = 10_000
_Key = tuple[str | None, str, str]  # stage reference, metric key, slice


def fill(connection: sa.Connection) -> None:
    """Give every new column and table its content. Costs about three microseconds for each point and record."""
    _fill_orders(connection)
    _fill_params(connection)
    runs = list(connection.execute(sa.select(tables.run.c.id, tables.run.c.ref, tables.run.c.tags)))
    for run in runs:
        keep_tags(connection, run.id, run.tags)
        keep_body(connection, run.id)
        series = tables.metric_series
        keys = connection.execute(sa.select(series.c.metric_key).where(series.c.run_id == run.id).distinct())
        keep_ends(connection, run.id, sorted(keys.scalars()))
        _fill_points_checks(connection, run.id)
        _move_records(connection, run.id)


def _fill_orders(connection: sa.Connection) -> None:
    for table, text, order in (
        (tables.environment_body, "python_version", "python_order"),
        (tables.environment_distribution, "version", "version_order"),
    ):
        for version in list(connection.execute(sa.select(table.c[text]).distinct()).scalars()):
            connection.execute(sa.update(table).where(table.c[text] == version).values({order: version_order(version)}))


def _fill_params(connection: sa.Connection) -> None:
    param = tables.param
    changes = [
        {"run": row.run_id, "of": row.name, "as_number": number_of(row.value), "as_words": words_of(row.value)}
        for row in connection.execute(sa.select(param.c.run_id, param.c.name, param.c.value))
    ]
    if changes:
        connection.execute(
            sa.update(param)
            .where(param.c.run_id == sa.bindparam("run"), param.c.name == sa.bindparam("of"))
            .values(number=sa.bindparam("as_number"), words=sa.bindparam("as_words")),
            changes,
        )


def _fill_points_checks(connection: sa.Connection, run_id: int) -> None:
    series, point = tables.metric_series, tables.metric_point
    for series_id in list(connection.execute(sa.select(series.c.id).where(series.c.run_id == run_id)).scalars()):
        check = None
        rows = connection.execute(
            sa.select(point.c.step, point.c.observed_at, point.c.value, point.c.exact)
            .where(point.c.series_id == series_id)
            .order_by(point.c.number)
        )
        for some in rows.partitions(_AT_ONCE):
            check = running_checksums.extended(running_checksums.POINTS, list(zip(*some, strict=True)), check)
        connection.execute(sa.update(series).where(series.c.id == series_id).values(points_check=check))


def _move_records(connection: sa.Connection, run_id: int) -> None:
    """From bodies of JSON into columns. A metric finds its point among those of its series, which hold them in the
    order of the records, with those of live runs between them."""
    old = sa.table("record_0001", *map(sa.column, ("id", "ref", "run_id", "record_type", "digest", "body")))
    points: dict[_Key, tuple[int, Iterator[Any]]] = {}
    forms: dict[str, int] = {}
    check, count = None, 0
    kept = list(connection.execute(sa.select(*old.c).where(old.c.run_id == run_id).order_by(old.c.id)))
    for start in range(0, len(kept), _AT_ONCE):
        rows: list[tuple[Any, ...]] = []
        for row in kept[start : start + _AT_ONCE]:
            name = row.ref.rpartition(".")[2]
            if row.record_type != "metric":
                rows.append((name, None, None, None, None, row.digest, row.body))
                continue
            body = json.loads(row.body)
            series_id, number = _point(connection, run_id, body, points)
            form = records.form_of(body)
            if form not in forms:
                forms[form] = keep_text(connection, tables.record_form, form)
            recorded_at = to_microseconds(body["envelope"]["recorded_at"])
            rows.append((name, forms[form], series_id, number, recorded_at, None, None))
        columns = list(zip(*rows, strict=True))
        numbers = range(count, count + len(rows))
        placed = zip(repeat(run_id), columns[0], numbers, *columns[1:], strict=False)
        insert_rows(connection, tables.record, records.COLUMNS, len(rows), placed)
        check = running_checksums.extended(running_checksums.RECORDS, columns[:6], check)
        count += len(rows)
    run = tables.run
    connection.execute(sa.update(run).where(run.c.id == run_id).values(records=count, records_check=check))


def _point(
    connection: sa.Connection,
    run_id: int,
    body: dict[str, Any],
    known: dict[_Key, tuple[int, Iterator[Any]]],
) -> tuple[int, int]:
    """(series id, number) of the next point of the record's series that is the record's."""
    envelope, payload = body["envelope"], body["payload"]
    key = (envelope.get("stage_execution_ref"), payload["metric_key"], payload.get("slice_ref") or "")
    if key not in known:
        known[key] = _points_of(connection, run_id, *key)
    series_id, rows = known[key]
    wanted = (payload.get("step"), to_microseconds(envelope["observed_at"]), *encode_number(payload["value"]))
    for row in rows:
        if tuple(row[1:]) == wanted:
            return series_id, row.number
    raise ValueError(f"{envelope['record_ref']} has no point in its series")


def _points_of(
    connection: sa.Connection, run_id: int, stage_ref: str | None, metric_key: str, slice_ref: str
) -> tuple[int, Iterator[Any]]:
    series, point, stage = tables.metric_series, tables.metric_point, tables.stage
    stage_id = connection.execute(sa.select(stage.c.id).where(stage.c.ref == stage_ref)).scalar() if stage_ref else None
    series_id: int = connection.execute(
        sa.select(series.c.id).where(
            series.c.run_id == run_id,
            sa.func.coalesce(series.c.stage_id, 0) == (stage_id or 0),
            series.c.metric_key == metric_key,
            series.c.slice_ref == slice_ref,
        )
    ).scalar_one()
    rows = connection.execute(
        sa.select(point.c.number, point.c.step, point.c.observed_at, point.c.value, point.c.exact)
        .where(point.c.series_id == series_id)
        .order_by(point.c.number)
    )
    return series_id, iter(rows)
