"""Late corrections: which frames that have been sent have another context now, and what to send instead."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson
import polars as pl

from andon.contracts import ContextFrame
from andon.plant import Plant
from andon.production import Change
from andon.quality.marks import Floats, levels
from andon.stream.codec import Decoder, Line, Record
from andon.stream.stage import OFFSET
from services.context.circumstances import Circumstances

#: Start and end (exclusive) in event time.
Span = tuple[int, int]


def stretches(changes: Iterable[Change], circumstances: Circumstances, since: int, until: int) -> dict[str, list[Span]]:
    """Return the stretches of event time that changes touch, by asset, cut to a horizon; those that meet are one."""
    by_place: dict[str, list[Span]] = {}
    for change in changes:
        start, end = max(change.start, since), min(change.end, until)
        if start < end:
            by_place.setdefault(change.place, []).append((start, end))
    by_asset: dict[str, list[Span]] = {}
    for place, spans in by_place.items():
        for asset in circumstances.affected(place):
            by_asset.setdefault(asset, []).extend(spans)
    return {asset: _merged(spans) for asset, spans in by_asset.items()}


def _merged(spans: Iterable[Span]) -> list[Span]:
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(end, merged[-1][1])
        else:
            merged.append((start, end))
    return merged


@dataclass(frozen=True, slots=True)
class _Sent:
    """A frame as it was sent last."""

    record: Record
    event: dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Samples:
    """Samples of context frames: good are those that have no mark."""

    level: pl.DataFrame
    quality: pl.Series

    def good(self, tag: str) -> Floats:
        level = self.level[tag].cast(pl.Float64).to_numpy()
        marked = self.quality.struct.field(tag).is_not_null().to_numpy()
        return np.where(marked, np.nan, level)


class Corrections:
    """Frames of some stretches, as they were sent last, and what is to be sent instead.

    Args:
        plant: the plant model.
        circumstances: what is known now.
        wanted: stretches of event time by asset.
    """

    def __init__(self, plant: Plant, circumstances: Circumstances, wanted: Mapping[str, Sequence[Span]]) -> None:
        self._plant, self._circumstances = plant, circumstances
        self._wanted = {asset.encode(): spans for asset, spans in wanted.items()}
        self._sent: dict[tuple[bytes, int], _Sent] = {}

    def take(self, records: Iterable[Record]) -> None:
        """Take records of the context topic, in order; of a frame that was sent several times the newest counts."""
        wanted = self._wanted
        # per-event Python: only frames of the assets in question are even parsed
        for record in records:
            spans = wanted.get(record.key or b"")
            if spans is None or record.value is None:
                continue
            event = orjson.loads(record.value)
            time = event["time"]
            if any(start <= time < end for start, end in spans):
                known = self._sent.get(name := (record.key or b"", time))
                if known is None or event.get("revision", 0) >= known.event.get("revision", 0):
                    self._sent[name] = _Sent(record, event)

    def lines(self) -> list[Line]:
        """Return the frames whose context has changed, each with the next revision."""
        by_offset = {sent.record.offset: sent for sent in self._sent.values()}
        decoder = Decoder(self._plant, ContextFrame)
        rows = decoder.decode([by_offset[offset].record for offset in sorted(by_offset)]).rows
        lines = []
        for asset_class, frame in rows.items():
            contexts = self._contexts(asset_class, frame)
            for offset, context in zip(frame[OFFSET].to_list(), contexts.to_list(), strict=True):
                sent = by_offset[offset]
                if _differs(sent.event.get("context"), context):
                    lines.append(_again(sent, context))
        return lines

    def _contexts(self, asset_class: str, frame: pl.DataFrame) -> pl.Series:
        values = frame["values"].struct.unnest()
        samples = _Samples(values.select(levels(self._plant.classes[asset_class])), frame["quality"])
        numbers = self._circumstances.numbers(frame["asset"].to_list())
        return self._circumstances.context(asset_class, numbers, frame["time"].to_numpy(), samples)


def _differs(sent: Mapping[str, Any] | None, context: Mapping[str, Any] | None) -> bool:
    """Return whether two contexts say something else; that one is stale does not matter when they say the same."""
    names = {*(sent or {}), *(context or {})} - {"stale"}
    return any((sent or {}).get(name) != (context or {}).get(name) for name in names)


def _again(sent: _Sent, context: Mapping[str, Any] | None) -> Line:
    revised = {**sent.event, "context": context, "revision": sent.event.get("revision", 0) + 1}
    return Line(sent.record.key or b"", orjson.dumps(revised), list(sent.record.headers))
