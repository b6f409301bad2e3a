"""What one service did with one event, and the trace context that says to which trace that belongs. Pure.

Contexts are W3C's: ``00-<trace>-<span>-<flags>``. Whether a trace is recorded is decided where it begins, at ingest,
and travels in the flags, so that all services record the same traces. A span's id follows from its trace and its
event's id: a replay, or a restart, makes the same span again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

import polars as pl

#: How the context of a trace ends that is recorded.
SAMPLED = "-01"
_SPAN_BYTES = 8
_CONTEXT = "traceparent"


@dataclass(frozen=True, slots=True)
class Span:
    """One event on its way through one service.

    Attributes:
        trace: id of the trace, 32 hexadecimal digits.
        id: its own id, 16 hexadecimal digits.
        parent: id of the span that its input came from; None where the trace begins.
        name: what was done.
        start: when it began, microseconds UTC.
        attributes: asset, event and where it lies on the bus.
    """

    trace: str
    id: str
    parent: str | None
    name: str
    start: int
    attributes: Mapping[str, str] = field(default_factory=dict)

    @property
    def context(self) -> str:
        """The trace context of whatever follows from it."""
        return f"00-{self.trace}-{self.id}{SAMPLED}"


def is_sampled(context: str | None) -> bool:
    """Return whether a text is the context of a trace that is recorded."""
    return context is not None and context.endswith(SAMPLED) and is_context(context)


def is_context(text: str) -> bool:
    """Return whether a text is a W3C trace context of version 00."""
    parts = text.split("-")
    return [len(part) for part in parts] == [2, 32, 16, 2] and all(
        set(part) <= set("0123456789abcdef") for part in parts
    )


def started(context: str, name: str, start: int, attributes: Mapping[str, str]) -> Span:
    """Return the span with which the trace of *context* begins."""
    _, trace, span, _ = context.split("-")
    return Span(trace, span, None, name, start, attributes)


def followed(context: str, name: str, start: int, event: str, attributes: Mapping[str, str]) -> Span:
    """Return the span of the event of that id that was made of an event with this context."""
    _, trace, parent, _ = context.split("-")
    digest = hashlib.blake2b(f"{trace}/{name}/{event}".encode(), digest_size=_SPAN_BYTES)
    return Span(trace, digest.hexdigest(), parent, name, start, {"andon.event.id": event, **attributes})


def continued(
    rows: pl.DataFrame, name: str, start: int, attributes: Mapping[str, str]
) -> tuple[pl.DataFrame, list[Span]]:
    """Continue the traces of emitted rows that are recorded.

    Args:
        rows: columns `id`, `asset` and `traceparent`, the context of each row's input.
        name: what was done.
        start: when it began, microseconds UTC.
        attributes: of all of these spans.

    Returns:
        The rows, those that are recorded with the contexts of their spans, and the spans.
    """
    recorded = rows[_CONTEXT].str.ends_with(SAMPLED).arg_true() if rows.height else ()
    if not len(recorded):
        return rows, []
    contexts, spans = rows[_CONTEXT].to_list(), []
    for index, event, asset in zip(recorded, rows["id"][recorded], rows["asset"][recorded], strict=True):
        if is_sampled(contexts[index]):
            span = followed(contexts[index], name, start, event, {"andon.asset": asset, **attributes})
            contexts[index] = span.context
            spans.append(span)
    return rows.with_columns(pl.Series(_CONTEXT, contexts, pl.String)), spans
