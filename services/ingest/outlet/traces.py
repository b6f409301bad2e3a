"""Where traces begin: a frame is read from its source, and Kafka has it."""

from __future__ import annotations

from collections.abc import Iterable

import orjson

from andon.contracts.headers import TRACEPARENT_HEADER
from andon.stream.codec import Line
from andon.tracing import NOT_TRACED, Span, Tracer, is_sampled, started
from andon.uns import Stage


class Traces:
    """Chooses the frames whose way is traced, and tells of their first step.

    Args:
        tracer: where spans go.
        ratio: share of frames to be traced.

    Attributes:
        share: the same, 0 where nobody wants spans.
    """

    def __init__(self, tracer: Tracer = NOT_TRACED, ratio: float = 0.0) -> None:
        self._tracer, self.share = tracer, ratio if tracer.records else 0.0

    def delivered(self, stage: Stage, topic: str, lines: Iterable[Line], now: int) -> None:
        """Tell of lines that Kafka acknowledged at *now*, microseconds UTC."""
        if not self.share:
            return
        contexts = ((line, (dict(line.headers).get(TRACEPARENT_HEADER) or b"").decode()) for line in lines)
        spans = [_begun(stage, topic, line, context) for line, context in contexts if is_sampled(context)]
        self._tracer.ended(spans, now)


def _begun(stage: Stage, topic: str, line: Line, context: str) -> Span:
    event = orjson.loads(line.value or b"{}")
    place = {"messaging.system": "kafka", "messaging.destination.name": topic, "andon.asset": line.key.decode()}
    return started(context, f"source to {stage}", event["ingest_time"], {"andon.event.id": event["id"], **place})
