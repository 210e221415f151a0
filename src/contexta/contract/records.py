"""Records of a run: metrics, events, spans and degradations, each in an envelope."""

from __future__ import annotations

from typing import ClassVar, Literal, TypeAlias

from pydantic import Field, model_validator
from typing_extensions import Self

from contexta.contract.fields import (
    AnyRef,
    Completeness,
    Degradation,
    FrozenDict,
    JsonMap,
    Location,
    Name,
    Number,
    RecordRef,
    RecordType,
    Step,
    Tags,
    Text,
    Timestamp,
    require_below,
    require_order,
)
from contexta.contract.scope import Scoped
from contexta.core.errors import InvalidInput
from contexta.core.model import Value

Scope = Literal["run", "stage", "operation", "step", "slice"]
EventLevel = Literal["debug", "info", "warning", "error", "critical"]
DegradedSeverity = Literal["info", "warning", "error"]
SpanStatus = Literal["ok", "error", "cancelled", "timeout", "unset", "completed", "failed", "crashed"]
# The kinds of OpenTelemetry, those of OpenInference for language models, and general ones.
SpanKind = Literal[
    "internal",
    "client",
    "server",
    "producer",
    "consumer",
    "llm",
    "prompt",
    "chain",
    "retriever",
    "reranker",
    "embedding",
    "tool",
    "agent",
    "guardrail",
    "evaluator",
    "operation",
    "process",
    "io",
    "network",
    "database",
    "compute",
    "preprocessing",
    "training",
    "evaluation",
    "inference",
    "retrieval",
    "reranking",
    "generation",
]


class RecordEnvelope(Scoped):
    """The producer, the times and the scope of a record."""

    record_ref: RecordRef
    record_type: RecordType
    recorded_at: Timestamp
    observed_at: Timestamp
    producer_ref: Location
    correlation_refs: tuple[Location, ...] = ()
    completeness_marker: Completeness = "complete"
    degradation_marker: Degradation = "none"

    @model_validator(mode="after")
    def _is_of_its_run(self) -> Self:
        require_below(self.record_ref, self.run_ref, "record_ref", "run_ref")
        require_order(self.observed_at, self.recorded_at, "observed_at", "recorded_at")
        return self


class MetricPayload(Value):
    """One measured number. Every int and float, including NaN and infinities, is stored exactly."""

    metric_key: Name
    value: Number
    value_type: Name
    unit: Name | None = None
    aggregation_scope: Scope = "step"
    step: Step | None = None
    tags: Tags = Field(default_factory=FrozenDict)
    subject_ref: AnyRef | None = None
    slice_ref: Location | None = None
    summary_basis: Name | None = None


class StructuredEventPayload(Value):
    """An event."""

    event_key: Name
    level: EventLevel
    message: Text
    subject_ref: AnyRef | None = None
    attributes: JsonMap = Field(default_factory=FrozenDict)
    origin_marker: Name | None = None


class TraceSpanPayload(Value):
    """A span of time."""

    span_id: Name
    trace_id: Name
    parent_span_id: Name | None
    span_name: Name
    started_at: Timestamp
    ended_at: Timestamp
    status: SpanStatus
    span_kind: SpanKind
    attributes: JsonMap = Field(default_factory=FrozenDict)
    linked_refs: tuple[Location, ...] = ()

    @model_validator(mode="after")
    def _ends_after_start(self) -> Self:
        require_order(self.started_at, self.ended_at, "started_at", "ended_at")
        return self


class DegradedPayload(Value):
    """A problem of the capture."""

    issue_key: Name
    category: Name
    severity: DegradedSeverity
    summary: Text
    subject_ref: AnyRef | None = None
    origin_marker: Name | None = None
    attributes: JsonMap = Field(default_factory=FrozenDict)


class _Record(Value):
    record_type: ClassVar[RecordType]
    envelope: RecordEnvelope

    @model_validator(mode="after")
    def _has_its_type(self) -> Self:
        if self.envelope.record_type != self.record_type:
            raise InvalidInput(
                f'a {type(self).__name__} in an envelope of record_type "{self.envelope.record_type}"',
                hint=f'write record_type="{self.record_type}"',
            )
        return self


class MetricRecord(_Record):
    """A metric: an envelope and a payload."""

    record_type = "metric"
    payload: MetricPayload


class StructuredEventRecord(_Record):
    """An event: an envelope and a payload."""

    record_type = "event"
    payload: StructuredEventPayload


class TraceSpanRecord(_Record):
    """A span of time: an envelope and a payload."""

    record_type = "span"
    payload: TraceSpanPayload


class DegradedRecord(_Record):
    """A degradation: an envelope, whose ``degradation_marker`` is not "none", and a payload."""

    record_type = "degraded"
    payload: DegradedPayload

    @model_validator(mode="after")
    def _is_degraded(self) -> Self:
        if self.envelope.degradation_marker == "none":
            raise InvalidInput(
                'a DegradedRecord with degradation_marker "none"',
                hint="use one of partial_failure, capture_gap, import_loss, compatibility_upgrade",
            )
        return self


Record: TypeAlias = MetricRecord | StructuredEventRecord | TraceSpanRecord | DegradedRecord

RECORD_TYPES: dict[str, type[MetricRecord | StructuredEventRecord | TraceSpanRecord | DegradedRecord]] = {
    record.record_type: record for record in (MetricRecord, StructuredEventRecord, TraceSpanRecord, DegradedRecord)
}
