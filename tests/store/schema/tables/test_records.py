from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.builders import END, START, a_metric, a_project, an_envelope, put_run

from contexta import Contexta
from contexta.contract import DegradedPayload, DegradedRecord, Record, StructuredEventPayload, StructuredEventRecord
from contexta.core.errors import Conflict, InvalidInput, ParentMissing
from contexta.store.entities.series import decode_number, encode_number


@given(st.one_of(st.integers(-(10**400), 10**400), st.floats()))
def test_number_survives_its_columns_exactly(number: float) -> None:
    value, exact = encode_number(number)
    read = decode_number(None if value is not None and math.isnan(value) else value, exact)
    assert type(read) is type(number)
    assert read == number or (math.isnan(read) and math.isnan(number))


VALUES = [0.1, -0.0, 5e-324, 1.7976931348623157e308, 0, 2**63, -(10**400), math.nan, math.inf, -math.inf]


def test_every_value_is_read_back_exactly_by_every_face(ctx: Contexta) -> None:
    put_run(ctx, metrics={f"m{number}": value for number, value in enumerate(VALUES)})
    with Contexta(workspace=ctx.root) as other:
        result = other.get_run("r").metrics
        (stage,) = other.compare_runs("r", "r").stage_comparisons
        records = other.record_store.list_records("run:p.r")
    compared = {delta.metric_key: delta.left_value for delta in stage.metric_deltas}
    recorded = {record.payload.metric_key: record.payload.value for record in records}  # type: ignore[union-attr]  # all are metrics
    for number, value in enumerate(VALUES):
        for read in (result[f"m{number}"], compared[f"m{number}"], recorded[f"m{number}"]):
            assert type(read) is type(value)
            assert repr(read) == repr(value)


def test_same_record_again_changes_nothing_and_other_content_is_a_conflict(ctx: Contexta) -> None:
    put_run(ctx, metrics={"accuracy": 0.9})
    record = a_metric("accuracy", 0.9, name="m0")
    ctx.record_store.append(record)
    ctx.record_store.append_many([record, record])
    with pytest.raises(Conflict, match=r"record:p\.r\.m0"):
        ctx.record_store.append(a_metric("accuracy", 0.91, name="m0"))
    (stage,) = ctx.get_run("r").stages
    assert [(metric.value, metric.points) for metric in stage.metrics] == [(0.9, 1)]


def test_integer_and_equal_float_are_the_same_content(ctx: Contexta) -> None:
    put_run(ctx)
    ctx.record_store.append(a_metric(value=1))
    ctx.record_store.append(a_metric(value=1.0))
    assert repr(ctx.get_run("r").metrics["accuracy"]) == "1"


def test_generator_of_records_may_use_the_workspace(ctx: Contexta) -> None:
    put_run(ctx)

    def draw() -> Iterator[Record]:
        for number in range(3):
            ctx.metadata_store.projects.put_project(a_project(f"p{number}"))
            yield a_metric(value=number, name=f"m{number}")

    ctx.record_store.append_many(draw())
    assert ctx.get_run("r").stages[0].metrics[0].points == 3
    with pytest.raises(InvalidInput, match="no records"):
        ctx.record_store.append_many(None)  # type: ignore[arg-type]  # what is tested


def test_record_may_belong_to_a_run_that_is_live(ctx: Contexta) -> None:
    with ctx.run("live", project="p") as run:
        ctx.record_store.append(a_metric(value=1, run="live"))
        run.metric("loss", 2)
    assert ctx.get_run("live").metrics == {"accuracy": 1, "loss": 2}


def test_conflict_inside_one_call_is_refused(ctx: Contexta) -> None:
    put_run(ctx)
    with pytest.raises(Conflict):
        ctx.record_store.append_many([a_metric(value=1), a_metric(value=2)])


def test_append_many_stores_all_or_nothing(ctx: Contexta) -> None:
    put_run(ctx)
    good = [a_metric(value=number, name=f"m{number}") for number in range(10)]
    with pytest.raises(ParentMissing, match=r"stage:p\.r\.nope, which is not stored"):
        ctx.record_store.append_many([*good, a_metric(name="bad", stage="nope")])
    with pytest.raises(InvalidInput, match="is no record"):
        ctx.record_store.append_many([*good, "not a record"])  # type: ignore[list-item]  # what is tested
    assert ctx.get_run("r").metrics == {}
    ctx.record_store.append_many(good)
    assert ctx.get_run("r").metrics == {"accuracy": 9}


@pytest.mark.parametrize(
    "scope",
    [
        {"run_ref": "run:p.nope", "record_ref": "record:p.nope.x"},
        {"stage_execution_ref": "stage:p.r.nope"},
        {"batch_execution_ref": "batch:p.r.s.nope"},
        {"sample_observation_ref": "sample:p.r.s.nope"},
        {"operation_context_ref": "op:p.r.s.nope"},
        {"deployment_execution_ref": "deployment:p.nope"},
    ],
)
def test_record_of_something_that_is_not_stored_is_refused(ctx: Contexta, scope: dict[str, str]) -> None:
    put_run(ctx)
    with pytest.raises(ParentMissing, match=r"nope, which is not stored") as refusal:
        ctx.record_store.append(a_metric(envelope=scope))
    assert "put_" in (refusal.value.hint or "")


STEPS: list[tuple[list[tuple[int | None, str, float]], float]] = [
    ([(1, START, 1.0), (3, START, 3.0), (2, END, 2.0)], 3.0),
    ([(1, END, 1.0), (1, START, 2.0)], 1.0),
    ([(1, START, 1.0), (1, START, 2.0)], 2.0),
    ([(None, START, 1.0), (None, END, 2.0)], 2.0),
    ([(0, START, 1.0), (None, END, 2.0)], 1.0),
    ([(-1, END, 1.0), (0, START, 2.0)], 2.0),
]


@pytest.mark.parametrize(("points", "last"), STEPS)
@pytest.mark.parametrize("together", [True, False])
def test_last_value_is_by_step_then_time_then_arrival(
    ctx: Contexta, points: list[tuple[int | None, str, float]], last: float, together: bool
) -> None:
    put_run(ctx)
    records = [
        a_metric(value=value, step=step, name=f"m{n}", envelope={"observed_at": at, "recorded_at": END})
        for n, (step, at, value) in enumerate(points)
    ]
    for batch in [records] if together else [[record] for record in records]:
        ctx.record_store.append_many(batch)
    assert ctx.get_run("r").metrics == {"accuracy": last}


def test_stage_slice_and_run_have_separate_series(ctx: Contexta) -> None:
    put_run(ctx, metrics={"auc": 1}, stage="train")
    ctx.record_store.append_many(
        [a_metric("auc", 2, name="x1"), a_metric("auc", 3, name="x2", slice_ref="eu"), a_metric("auc", 4, name="x3")]
    )
    result: dict[str, Any] = {
        stage.stage_name: [(metric.slice_ref, metric.value, metric.points) for metric in stage.metrics]
        for stage in ctx.get_run("r").stages
    }
    assert result == {"(run)": [(None, 4, 2), ("eu", 3, 1)], "train": [(None, 1, 1)]}


def test_records_of_every_type_come_back_equal_and_in_order(ctx: Contexta) -> None:
    put_run(ctx)
    records: list[Record] = [
        a_metric(tags={"a": "b"}, unit="%", step=3),
        StructuredEventRecord(
            envelope=an_envelope(name="e", record_type="event"),
            payload=StructuredEventPayload(
                event_key="x", level="info", message="ünï\n", attributes={"nan": math.inf, "deep": [{"a": None}]}
            ),
        ),
        DegradedRecord(
            envelope=an_envelope(name="d", record_type="degraded", degradation_marker="capture_gap"),
            payload=DegradedPayload(issue_key="gpu", category="capture", severity="warning", summary="none"),
        ),
    ]
    ctx.record_store.append_many(records)
    assert ctx.record_store.list_records("run:p.r") == tuple(records)
