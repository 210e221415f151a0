"""Send runs as OpenTelemetry: a trace per run with a span per stage, and the points of metrics as gauges.

The ids of traces and spans follow from the run, so that a backend that receives a run twice keeps it once. The
exporters of the SDK write the requests (OTLP over HTTP, protobuf).
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from itertools import islice
from typing import Any

from contexta import __version__
from contexta.core.errors import ContextaError
from contexta.core.own_source import install_hint
from contexta.exporters.address import without_password
from contexta.exporters.described_run import DescribedRun, nanoseconds
from contexta.findings.workspace import SentRun

_POINTS = 2_000  # of one request
_NAME = "contexta"


def send_to_otlp(runs: Iterator[DescribedRun], url: str) -> Iterator[SentRun]:
    """Send runs to a collector: traces to URL/v1/traces, metrics to URL/v1/metrics. Raises ContextaError."""
    try:
        from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    except ImportError as error:
        message = "the OTLP exporter of OpenTelemetry is not installed here"
        raise ContextaError(message, hint=install_hint("otlp")) from error
    base = url.rstrip("/")
    traces: Any = OTLPSpanExporter(endpoint=f"{base}/v1/traces")
    metrics: Any = OTLPMetricExporter(endpoint=f"{base}/v1/metrics")
    for run in runs:
        content = f"{run.ref}@{run.summary.content_digest or 'open'}"
        trace_id = int.from_bytes(sha256(content.encode()).digest()[:16], "big")
        _require(traces.export(list(_spans(run, trace_id))), run, url)
        points = run.points()
        while part := list(islice(points, _POINTS)):
            _require(metrics.export(_gauges(run, part)), run, url)
        notes = () if run.ended is not None else ("it is still open: its span ends at its last record",)
        yield SentRun(run_ref=run.summary.run_ref, remote_id=f"{trace_id:032x}", action="sent", notes=notes)


def _require(result: Any, run: DescribedRun, url: str) -> None:
    if result.name != "SUCCESS":
        message = f"{run.ref} cannot be sent to {without_password(url)}: the collector did not accept it"
        raise ContextaError(message, hint="the collector needs an OTLP receiver for HTTP, often at port 4318")


def _resource(run: DescribedRun) -> Any:
    from opentelemetry.sdk.resources import Resource

    attributes = {"service.name": run.project, "contexta.run": run.ref}
    if run.environment is not None:
        attributes["process.runtime.version"] = run.environment.python_version
    return Resource(attributes)


def _spans(run: DescribedRun, trace_id: int) -> Iterator[Any]:
    from opentelemetry.attributes import BoundedAttributes
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope
    from opentelemetry.trace import SpanContext, Status, StatusCode, TraceFlags

    def context(name: str) -> Any:
        span_id = int.from_bytes(sha256(f"{trace_id}/{name}".encode()).digest()[:8], "big")
        return SpanContext(trace_id, span_id, is_remote=False, trace_flags=TraceFlags(TraceFlags.SAMPLED))

    def status(word: str) -> Any:
        return Status(StatusCode.ERROR, word) if word in ("failed", "crashed") else Status(StatusCode.UNSET)

    scope, resource, root = InstrumentationScope(_NAME, __version__), _resource(run), context("")
    latest = max([run.started, *(point.nanoseconds for point in run.points())])
    attributes: dict[str, str | float] = {f"param.{name}": value for name, value in run.parameters.items()}
    attributes |= {f"tag.{name}": str(value) for name, value in run.summary.tags.items()}
    attributes |= {f"metric.{name}": value for name, value in run.summary.metrics.items()}
    attributes["contexta.status"] = run.summary.status
    yield ReadableSpan(
        name=run.summary.name,
        context=root,
        resource=resource,
        attributes=BoundedAttributes(attributes=attributes),
        status=status(run.summary.status),
        start_time=run.started,
        end_time=latest if run.ended is None else run.ended,
        instrumentation_scope=scope,
    )
    for stage in run.snapshot.stages:
        started = nanoseconds(stage.started_at)
        yield ReadableSpan(
            name=stage.name,
            context=context(stage.stage_execution_ref.value),
            parent=root,
            resource=resource,
            attributes=BoundedAttributes(attributes={"contexta.status": stage.status}),
            status=status(stage.status),
            start_time=started,
            end_time=max(started, latest) if stage.ended_at is None else nanoseconds(stage.ended_at),
            instrumentation_scope=scope,
        )


def _gauges(run: DescribedRun, points: list[Any]) -> Any:
    from opentelemetry.sdk.metrics.export import (
        Gauge,
        Metric,
        MetricsData,
        NumberDataPoint,
        ResourceMetrics,
        ScopeMetrics,
    )
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope

    by_key: dict[str, list[Any]] = {}
    for point in points:
        attributes = {"step": point.step, **({} if point.stage is None else {"stage": point.stage})}
        data = NumberDataPoint(attributes, run.started, point.nanoseconds, point.value)
        by_key.setdefault(point.key, []).append(data)
    metrics = [Metric(key, "", "", Gauge(data)) for key, data in by_key.items()]
    scope = ScopeMetrics(InstrumentationScope(_NAME, __version__), metrics, "")
    return MetricsData([ResourceMetrics(_resource(run), [scope], "")])
