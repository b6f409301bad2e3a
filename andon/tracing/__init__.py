"""One trace from the machine to the alert: W3C trace context on the bus, spans over OTLP."""

from andon.tracing.span import Span, continued, followed, is_context, is_sampled, started
from andon.tracing.tracer import NOT_TRACED, Tracer, tracing

__all__ = ["NOT_TRACED", "Span", "Tracer", "continued", "followed", "is_context", "is_sampled", "started", "tracing"]
