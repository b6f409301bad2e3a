"""What a partition counts of the records that it is fed, without a broker."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import orjson

from andon.contracts import CATALOGUE
from andon.stream.codec import Decoder
from andon.stream.partition import Partition
from andon.uns import Stage

from .bus import PassThrough, frame, pass_through, plant


@dataclass(frozen=True)
class Polled:
    """A record of a poll."""

    offset: int
    key: bytes
    value: bytes
    headers: list[tuple[str, bytes]] = field(default_factory=list)


def counted(*frames: dict[str, Any]) -> list[tuple[str, dict[str, str], float]]:
    decoder = Decoder(plant("north"), CATALOGUE[Stage.RAW].event)
    partition = Partition(pass_through(), decoder, "uns.v1.acme.north.raw", 0, {}, 0)
    records = [Polled(i, str(each["asset"]).encode(), orjson.dumps(each)) for i, each in enumerate(frames)]
    prepared = partition.prepare(records, now=0)
    assert prepared
    return [(one.metric, dict(one.labels), one.amount) for one in prepared.counts]


def test_a_tag_that_nobody_has_declared_is_counted_once_a_batch() -> None:
    stranger = frame("line/pump-1", 0, values={"flow": 1.0, "colour": "red"})
    labels = {"stage": "raw", "asset_class": "pump"}
    assert counted(stranger, stranger | {"time": 5}) == [("andon_unknown_tags_total", labels, 1)]
    assert counted(frame("line/pump-1", 0)) == []


def test_a_stage_that_recalls_records_has_so_many_read_again_after_a_restart() -> None:
    decoder = Decoder(plant("north"), CATALOGUE[Stage.RAW].event)
    partition = Partition(replace(pass_through(), recall=3), decoder, "uns.v1.acme.north.raw", 0, {}, 0)
    needed = []
    for offset in (0, 1, 2, 3, 7):  # offsets have gaps where a log was compacted
        value = orjson.dumps(frame("line/pump-1", offset))
        prepared = partition.prepare([Polled(offset, b"line/pump-1", value)], now=0)
        assert prepared
        assert prepared.delivered == offset + 1
        needed.append(prepared.needed_from)
        assert prepared.held == 0, "what is recalled is no memory that is waited for"
    assert needed == [0, 0, 0, 1, 5]


class Holding(PassThrough):
    """Needs all from the third record on."""

    def needed_from(self) -> int | None:
        return 2


def test_what_a_stage_holds_is_read_again_if_it_reaches_further_back() -> None:
    decoder = Decoder(plant("north"), CATALOGUE[Stage.RAW].event)
    spec = replace(pass_through(), open=lambda _, __: Holding(), recall=3)
    partition = Partition(spec, decoder, "uns.v1.acme.north.raw", 0, {}, 0)
    found = []
    for offset in (3, 4, 8):
        value = orjson.dumps(frame("line/pump-1", offset))
        prepared = partition.prepare([Polled(offset, b"line/pump-1", value)], now=0)
        assert prepared
        found.append((prepared.held, prepared.needed_from))
    assert found == [(2, 1), (3, 2), (7, 2)]
