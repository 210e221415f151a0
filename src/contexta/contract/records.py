"""What a run says while it runs: metrics, events, spans and degradations, each in an envelope."""

from __future__ import annotations

from typing import Literal, TypeAlias

from pydantic import Field, model_validator
from typing_extensions import Self

from contexta.contract.fields import (
    AnyRef,
    FrozenDict,
    JsonMap,
    Location,
    Name,
    Number,
    RecordRef,
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

RecordType = Literal["metric", "event", "span", "degraded"]
Completeness = Literal["complete", "partial", "sampled", "absent", "unknown"]
Degradation = Literal["none", "partial_failure", "capture_gap", "import_loss", "compatibility_upgrade"]
Scope = Literal["run", "stage", "operation", "step", "slice"]


class RecordEnvelope(Scoped):
    """Who said it, when, and what it belongs to."""

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
    """One measured number. Any int or float, NaN and infinities included, is kept exactly."""

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
    """Something that happened."""

    event_key: Name
    level: Name
    message: Text
    subject_ref: AnyRef | None = None
    attributes: JsonMap = Field(default_factory=FrozenDict)
    origin_marker: Name | None = None


class TraceSpanPayload(Value):
    """Something that took time."""

    span_id: Name
    trace_id: Name
    parent_span_id: Name | None
    span_name: Name
    started_at: Timestamp
    ended_at: Timestamp
    status: Name
    span_kind: Name
    attributes: JsonMap = Field(default_factory=FrozenDict)
    linked_refs: tuple[Location, ...] = ()

    @model_validator(mode="after")
    def _ends_after_start(self) -> Self:
        require_order(self.started_at, self.ended_at, "started_at", "ended_at")
        return self


class DegradedPayload(Value):
    """Something that could not be captured as it should have been."""

    issue_key: Name
    category: Name
    severity: Name
    summary: Text
    subject_ref: AnyRef | None = None
    origin_marker: Name | None = None
    attributes: JsonMap = Field(default_factory=FrozenDict)


class _Record(Value):
    envelope: RecordEnvelope

    def _require_type(self, expected: RecordType) -> None:
        if self.envelope.record_type != expected:
            raise InvalidInput(
                f'a {type(self).__name__} in an envelope of record_type "{self.envelope.record_type}"',
                hint=f'write record_type="{expected}"',
            )


class MetricRecord(_Record):
    """A metric: an envelope and a payload."""

    payload: MetricPayload

    @model_validator(mode="after")
    def _matches(self) -> Self:
        self._require_type("metric")
        return self


class StructuredEventRecord(_Record):
    """An event: an envelope and a payload."""

    payload: StructuredEventPayload

    @model_validator(mode="after")
    def _matches(self) -> Self:
        self._require_type("event")
        return self


class TraceSpanRecord(_Record):
    """A span of time: an envelope and a payload."""

    payload: TraceSpanPayload

    @model_validator(mode="after")
    def _matches(self) -> Self:
        self._require_type("span")
        return self


class DegradedRecord(_Record):
    """Its envelope says what kind of degradation it is; "none" is refused."""

    payload: DegradedPayload

    @model_validator(mode="after")
    def _matches(self) -> Self:
        self._require_type("degraded")
        if self.envelope.degradation_marker == "none":
            raise InvalidInput(
                'a DegradedRecord with degradation_marker "none"',
                hint="say which: partial_failure, capture_gap, import_loss, compatibility_upgrade",
            )
        return self


Record: TypeAlias = MetricRecord | StructuredEventRecord | TraceSpanRecord | DegradedRecord

RECORD_TYPES: dict[str, type[MetricRecord | StructuredEventRecord | TraceSpanRecord | DegradedRecord]] = {
    "metric": MetricRecord,
    "event": StructuredEventRecord,
    "span": TraceSpanRecord,
    "degraded": DegradedRecord,
}
