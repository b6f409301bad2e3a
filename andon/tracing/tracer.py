"""Who takes spans, and where they go."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from typing import Protocol

from andon.settings import TracingSettings
from andon.telemetry import Metrics
from andon.tracing.span import Span


class Tracer(Protocol):
    """Takes spans that have ended."""

    @property
    def records(self) -> bool:
        """Whether anybody wants spans; otherwise they need not be made."""
        ...

    def ended(self, spans: Sequence[Span], end: int) -> None:
        """Take spans that ended at *end* (microseconds UTC); returns at once, whatever the collector does."""
        ...


class _NotTraced:
    @property
    def records(self) -> bool:
        return False

    def ended(self, spans: Sequence[Span], end: int) -> None:
        return


#: Stands in where no collector is set.
NOT_TRACED: Tracer = _NotTraced()


@contextlib.asynccontextmanager
async def tracing(settings: TracingSettings, metrics: Metrics) -> AsyncIterator[Tracer]:
    """Give the tracer of a service for the length of an `async with` block; what waits at its end is sent.

    Args:
        settings: where the collector is.
        metrics: where spans are counted; its service names them.

    Raises:
        ConfigError: a TLS file cannot be used.
    """
    if settings.endpoint is None:
        yield NOT_TRACED
        return
    from andon.tracing.otlp import OtlpTracer  # its packages are there only where they are wanted

    tracer = OtlpTracer(settings.endpoint, settings, metrics)
    try:
        yield tracer
    finally:
        await asyncio.to_thread(tracer.close)
