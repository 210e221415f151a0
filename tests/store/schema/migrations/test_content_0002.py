"""A database of the first schema, with content as it was written then, under the second."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, create_engine, insert, table, text
from sqlalchemy import column as named
from support.builders import END, START, a_metric, an_envelope

from contexta import Contexta
from contexta.contract import MetricRecord, Record, StructuredEventPayload, StructuredEventRecord
from contexta.core.errors import Conflict
from contexta.core.validation import to_microseconds
from contexta.store.entities.series import encode_number
from contexta.store.schema import migrate, running_checksums, tables

OLD: list[Record] = [
    a_metric("loss", 3, name="m0", step=1),
    a_metric("loss", 2.0, name="m1", step=2, tags={"a": "b"}),
    StructuredEventRecord(
        envelope=an_envelope(name="e", record_type="event"),
        payload=StructuredEventPayload(event_key="x", level="info", message="ünï\n"),
    ),
    a_metric("loss", -0.0, name="m2", step=3),
    a_metric("auc", float("inf"), name="m3", stage="train"),
]


def old_database(path: Path) -> None:
    engine = create_engine(f"sqlite:///{path}")
    config = Config()
    config.set_main_option("script_location", str(Path(migrate.__file__).parent / "migrations"))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        fill(connection)
    engine.dispose()


def put(connection: Connection, into: str, /, **row: Any) -> None:
    columns: list[Any] = [named(name) for name in row]
    connection.execute(insert(table(into, *columns)).values(row))


def fill(connection: Connection) -> None:
    began, ended = to_microseconds(START), to_microseconds(END)
    put(connection, "project", id=1, ref="project:p", name="p", created_at=began, tags="{}")
    put(
        connection,
        "run",
        id=1,
        ref="run:p.r",
        project_id=1,
        slug="r",
        name="r",
        status="completed",
        started_at=began,
        ended_at=ended,
        tags='{"team":"vision"}',
        metadata="{}",
    )
    stage = {"id": 7, "ref": "stage:p.r.train", "run_id": 1, "stage_name": "train", "status": "completed"}
    put(connection, "stage", **stage, started_at=began, ended_at=ended, order_index=0)
    for name, value in (("lr", "0.1"), ("opt", '"adam"')):
        put(connection, "param", run_id=1, name=name, value=value)
    body = {"id": 5, "digest": "0" * 64, "python_version": "3.11.0", "platform": "linux", "package_count": 1}
    put(connection, "environment_body", **body)
    put(connection, "environment_distribution", environment_body_id=5, name="torch", version="2.10.0")
    put(
        connection,
        "environment",
        id=1,
        ref="environment:p.r.s",
        run_id=1,
        environment_body_id=5,
        captured_at=began,
    )
    live = (None, ended, 0.25, None)  # between them, what a live run logged
    fill_series(connection, 1, None, "loss", [*map(point, (OLD[0],)), live, *map(point, (OLD[1], OLD[3]))])
    fill_series(connection, 2, 7, "auc", [point(OLD[4])])
    for number, record in enumerate(OLD, 1):
        written = tables.encode_json(record.model_dump(exclude_defaults=True))
        row = {"id": number, "ref": str(record.envelope.record_ref), "run_id": 1, "body": written}
        digest = hashlib.sha256(written.encode()).digest()[:16]
        put(connection, "record", **row, record_type=record.envelope.record_type, digest=digest)


def point(record: Record) -> tuple[Any, ...]:
    assert isinstance(record, MetricRecord)
    observed = to_microseconds(record.envelope.observed_at)
    return (record.payload.step, observed, *encode_number(record.payload.value))


def fill_series(connection: Connection, key: int, stage: int | None, metric: str, points: list[Any]) -> None:
    last = dict(zip(("last_step", "last_at", "last_value", "last_exact"), points[-1], strict=True))
    row = {"id": key, "run_id": 1, "stage_id": stage, "metric_key": metric, "slice_ref": "", "points": len(points)}
    put(connection, "metric_series", **row, **last)
    for number, (step, at, value, exact) in enumerate(points):
        row = {"series_id": key, "number": number, "step": step, "observed_at": at, "value": value, "exact": exact}
        put(connection, "metric_point", **row)


@pytest.fixture
def migrated(tmp_path: Path) -> Path:
    root = tmp_path / "ws"
    (root / "journal").mkdir(parents=True)
    old_database(root / "contexta.db")
    engine = create_engine(f"sqlite:///{root / 'contexta.db'}")
    migrate.upgrade(engine)
    engine.dispose()
    return root


def test_records_of_the_first_schema_read_back_equal_and_in_order(migrated: Path) -> None:
    with Contexta(workspace=migrated) as ctx:
        assert [repr(record) for record in ctx.record_store.list_records("run:p.r")] == [repr(each) for each in OLD]
        assert {key: repr(value) for key, value in ctx.get_run("r").metrics.items()} == {"auc": "inf", "loss": "-0.0"}


def test_records_of_the_first_schema_are_known_again(migrated: Path) -> None:
    with Contexta(workspace=migrated) as ctx:
        ctx.record_store.append_many(OLD)
        with pytest.raises(Conflict, match="m1"):
            ctx.record_store.append(a_metric("loss", 2.5, name="m1", step=2, tags={"a": "b"}))
        ctx.record_store.append(a_metric("loss", 1, name="new", step=9))
        assert len(ctx.record_store.list_records("run:p.r")) == len(OLD) + 1
        assert ctx.get_run("r").metrics["loss"] == 1


def test_first_schema_gets_what_questions_are_answered_by(migrated: Path) -> None:
    engine = create_engine(f"sqlite:///{migrated / 'contexta.db'}")
    with engine.connect() as connection:

        def ask(statement: str) -> list[Any]:
            return [tuple(row) for row in connection.execute(text(statement))]

        assert ask("SELECT name, number, words FROM param ORDER BY name") == [("lr", 0.1, "0.1"), ("opt", None, "adam")]
        assert ask("SELECT name, words FROM run_tag") == [("team", "vision")]
        assert ask("SELECT metric_key, value FROM run_metric ORDER BY 1") == [("auc", float("inf")), ("loss", 0.0)]
        assert ask("SELECT environment_body_id, records FROM run") == [(5, len(OLD))]
        assert ask("SELECT count(*) FROM environment_distribution WHERE version_order IS NOT NULL") == [(1,)]
        assert ask("SELECT name FROM sqlite_master WHERE name LIKE '%0001%'") == []
        for series, check in ask("SELECT id, points_check FROM metric_series"):
            order = "SELECT step, observed_at, value, exact FROM metric_point WHERE series_id = {} ORDER BY number"
            assert check == running_checksums.extended(
                running_checksums.POINTS, list(zip(*ask(order.format(series)), strict=True))
            )
    engine.dispose()
