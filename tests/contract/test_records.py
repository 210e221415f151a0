from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.builders import END, START, a_metric, an_envelope

from contexta.contract import (
    ArtifactManifest,
    DegradedPayload,
    DegradedRecord,
    LineageEdge,
    MetricRecord,
    ProvenanceRecord,
    StructuredEventPayload,
    StructuredEventRecord,
    TraceSpanPayload,
    TraceSpanRecord,
)
from contexta.core.errors import InvalidInput
from contexta.core.model import Value

SPAN: dict[str, Any] = {
    "span_id": "s",
    "trace_id": "t",
    "parent_span_id": None,
    "span_name": "fit",
    "started_at": START,
    "ended_at": END,
    "status": "ok",
    "span_kind": "internal",
}


@given(st.one_of(st.integers(-(10**400), 10**400), st.floats()))
def test_metric_value_survives_a_dump_exactly(value: float) -> None:
    read = MetricRecord.model_validate(a_metric(value=value).model_dump()).payload.value
    assert type(read) is type(value)
    assert read == value or (math.isnan(read) and math.isnan(value))


@given(st.one_of(st.integers(-(10**400), 10**400), st.floats()))
def test_metric_value_survives_json_exactly(value: float) -> None:
    record = a_metric(value=value)
    read = MetricRecord.model_validate_json(record.model_dump_json()).payload.value
    assert repr(read) == repr(value)


def test_json_text_is_a_number_only_where_json_has_no_number() -> None:
    with pytest.raises(InvalidInput):
        MetricRecord.model_validate_json(a_metric(value=1.5).model_dump_json().replace("1.5", '"1.5"'))


@pytest.mark.parametrize("value", [True, False, "0.9", None, 10**1000, [0.9], 1j])
def test_a_metric_value_that_is_not_a_number_is_refused(value: object) -> None:
    with pytest.raises(InvalidInput, match=r"MetricPayload\.value"):
        a_metric(value=value)


@pytest.mark.parametrize("key", ["val/accuracy", "Recall@5", "größe", "x" * 250])
def test_metric_key_is_any_printable_text(key: str) -> None:
    assert a_metric(key).payload.metric_key == key


@pytest.mark.parametrize("key", ["", "  ", "a\nb", "a\0", "\ud800", "x" * 251, 5])
def test_other_metric_key_is_refused(key: Any) -> None:
    with pytest.raises(InvalidInput, match=r"MetricPayload\.metric_key"):
        a_metric(key)


@pytest.mark.parametrize("step", [True, 1.5, "1", 2**63, -(2**63) - 1])
def test_step_is_an_integer_that_a_database_holds(step: object) -> None:
    with pytest.raises(InvalidInput, match=r"MetricPayload\.step"):
        a_metric(step=step)
    assert a_metric(step=-(2**63)).payload.step == -(2**63)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"record_type": "metrics"}, "metrics"),
        ({"record_type": "event"}, 'record_type "event"'),
        ({"recorded_at": START}, "is before observed_at"),
        ({"record_ref": "record:p.other.m"}, "does not belong to run_ref"),
        ({"stage_execution_ref": "stage:p.other.s"}, "does not belong to run_ref"),
        ({"sample_observation_ref": "sample:p.other.s.x"}, "does not belong to run_ref"),
        ({"operation_context_ref": "op:q.r.s.x"}, "does not belong to run_ref"),
        ({"deployment_execution_ref": "deployment:q.live"}, "does not belong to the run's project"),
        ({"stage_execution_ref": "stage:p.r.s", "batch_execution_ref": "batch:p.r.t.b"}, "does not belong to stage"),
        ({"completeness_marker": "mostly"}, "mostly"),
        ({"degradation_marker": "bad"}, "bad"),
        ({"producer_ref": ""}, "blank"),
        ({"envelop": 1}, "envelop"),
    ],
)
def test_broken_envelope_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        a_metric(envelope=changes)


def test_unknown_field_of_a_nested_value_is_named_with_its_model() -> None:
    payload = {"metric_key": "x", "value": 1, "value_type": "int64", "stepp": 1}
    with pytest.raises(InvalidInput, match=r'has no field "payload\.stepp"') as refusal:
        MetricRecord.model_validate({"envelope": an_envelope(), "payload": payload})
    assert refusal.value.hint == "did you mean step?"


def test_other_records_carry_their_own_type() -> None:
    event = StructuredEventRecord(
        envelope=an_envelope(record_type="event"),
        payload=StructuredEventPayload(event_key="saved", level="info", message="ok", attributes={"a": [1]}),
    )
    span = TraceSpanRecord(envelope=an_envelope(record_type="span"), payload=TraceSpanPayload(**SPAN))
    degraded = DegradedRecord(
        envelope=an_envelope(record_type="degraded", degradation_marker="capture_gap"),
        payload=DegradedPayload(issue_key="gpu", category="capture", severity="warning", summary="no GPU facts"),
    )
    for record in (event, span, degraded):
        assert type(record).model_validate(record.model_dump()) == record


def test_degraded_record_without_a_degradation_is_refused() -> None:
    with pytest.raises(InvalidInput, match='degradation_marker "none"'):
        DegradedRecord(
            envelope=an_envelope(record_type="degraded"),
            payload=DegradedPayload(issue_key="gpu", category="capture", severity="warning", summary="x"),
        )


def test_span_that_ends_before_it_starts_is_refused() -> None:
    with pytest.raises(InvalidInput, match="is before started_at"):
        TraceSpanPayload(**{**SPAN, "started_at": END, "ended_at": START})


def test_artifact_and_lineage_belong_to_their_run() -> None:
    artifact: dict[str, Any] = {
        "artifact_ref": "artifact:p.r.model",
        "artifact_kind": "model",
        "created_at": START,
        "producer_ref": "tests",
        "run_ref": "run:p.r",
        "location_ref": "models/m.pkl",
    }
    assert ArtifactManifest(**artifact, size_bytes=0).size_bytes == 0
    with pytest.raises(InvalidInput, match="does not belong"):
        ArtifactManifest(**{**artifact, "run_ref": "run:p.q"})
    edge: dict[str, Any] = {
        "relation_ref": "relation:p.r.x",
        "relation_type": "derived",
        "source_ref": "run:p.r",
        "target_ref": "run:p.q",
        "recorded_at": START,
        "origin_marker": "tests",
        "confidence_marker": "certain",
    }
    assert LineageEdge(**edge).target_ref == "run:p.q"
    with pytest.raises(InvalidInput, match="with itself"):
        LineageEdge(**{**edge, "target_ref": "run:p.r"})
    with pytest.raises(InvalidInput, match="does not belong"):
        ProvenanceRecord(
            provenance_ref="provenance:p.q.x",
            relation_ref="relation:p.r.x",
            assertion_mode="declared",
            asserted_at=START,
        )


@pytest.mark.parametrize(
    ("payload", "fields", "listed"),
    [
        (
            StructuredEventPayload,
            {"event_key": "k", "level": "INFO", "message": ""},
            "debug, info, warning, error, critical",
        ),
        (
            DegradedPayload,
            {"issue_key": "k", "category": "c", "severity": "low", "summary": ""},
            "info, warning, error",
        ),
        (TraceSpanPayload, {**SPAN, "status": "fine"}, "ok, error, cancelled"),
        (TraceSpanPayload, {**SPAN, "span_kind": "thing"}, "internal, client, server"),
    ],
)
def test_a_word_outside_of_its_vocabulary_is_refused_with_the_list(
    payload: type[Value], fields: dict[str, Any], listed: str
) -> None:
    with pytest.raises(InvalidInput) as refusal:
        payload(**fields)
    assert listed in str(refusal.value.hint)
