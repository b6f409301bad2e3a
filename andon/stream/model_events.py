"""The `model` topic: what happens to models, told by the registry and by inference."""

from __future__ import annotations

from collections.abc import Iterable

from andon.contracts import ModelEvent
from andon.stream.codec import Line
from andon.stream.publish import new_lines


def model_lines(events: Iterable[ModelEvent]) -> list[Line]:
    """Return model events as records under their model's name."""
    return new_lines([(event.name.encode(), event.model_dump_json().encode()) for event in events])
