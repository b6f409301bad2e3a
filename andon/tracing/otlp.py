"""Spans to a collector over OTLP (gRPC), off the data's way: nothing waits for the collector, nor fails because of it.

OpenTelemetry's own processor queues spans up to a bound and sends them from a thread; what it cannot send in time, or
finds no room for, is lost, and counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version

from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, TraceFlags

from andon.clock import SECOND
from andon.grpc_tls import channel_credentials
from andon.settings import TracingSettings
from andon.telemetry import Metrics
from andon.tracing.span import Span

_MICROSECOND_NS = 1_000
_FLAGS = TraceFlags(TraceFlags.SAMPLED)
#: Spans that may wait for the collector.
_WAITING = 4_096
_SPANS = "andon_spans_total"


class OtlpTracer:
    """Hands spans to OpenTelemetry's processor.

    Args:
        endpoint: the collector, host:port.
        settings: how to reach it.
        metrics: where spans are counted; its service names them.

    Raises:
        ConfigError: a TLS file cannot be used.
    """

    records = True

    def __init__(self, endpoint: str, settings: TracingSettings, metrics: Metrics) -> None:
        exporter = OTLPSpanExporter(
            endpoint=endpoint,
            insecure=not settings.tls.enabled,
            credentials=channel_credentials(settings.tls) if settings.tls.enabled else None,
            headers=_headers(settings),
            timeout=settings.timeout / SECOND,
        )
        self._metrics = metrics
        self._resource = Resource({"service.name": f"andon-{metrics.service}", "service.version": version("andon")})
        self._scope = InstrumentationScope("andon", version("andon"))
        self._processor = BatchSpanProcessor(
            _Counted(exporter, metrics), max_queue_size=_WAITING, max_export_batch_size=_WAITING // 8
        )
        for outcome in ("made", "sent", "lost"):
            metrics.count(_SPANS, 0, outcome=outcome)

    def ended(self, spans: Sequence[Span], end: int) -> None:
        """Take spans that ended at *end* (microseconds UTC); returns at once, whatever the collector does."""
        self._metrics.count(_SPANS, len(spans), outcome="made")
        for span in spans:
            self._processor.on_end(self._readable(span, end))

    def close(self) -> None:
        """Send what waits, for no longer than the settings' timeout, and end."""
        self._processor.shutdown()

    def _readable(self, span: Span, end: int) -> ReadableSpan:
        return ReadableSpan(
            name=span.name,
            context=_context(span.trace, span.id),
            parent=_context(span.trace, span.parent) if span.parent else None,
            kind=SpanKind.CONSUMER if span.parent else SpanKind.PRODUCER,
            resource=self._resource,
            instrumentation_scope=self._scope,
            attributes=dict(span.attributes),
            start_time=span.start * _MICROSECOND_NS,
            end_time=max(end, span.start) * _MICROSECOND_NS,
        )


class _Counted(SpanExporter):
    """Counts what becomes of spans."""

    def __init__(self, exporter: OTLPSpanExporter, metrics: Metrics) -> None:
        self._exporter, self._metrics = exporter, metrics

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        result = self._exporter.export(spans)
        outcome = "sent" if result is SpanExportResult.SUCCESS else "lost"
        self._metrics.count(_SPANS, len(spans), outcome=outcome)
        return result

    def shutdown(self) -> None:
        self._exporter.shutdown()


def _context(trace: str, span: str) -> SpanContext:
    return SpanContext(int(trace, 16), int(span, 16), is_remote=True, trace_flags=_FLAGS)


def _headers(settings: TracingSettings) -> dict[str, str]:
    secret = settings.authorization
    return {"authorization": secret.get_secret_value()} if secret else {}
