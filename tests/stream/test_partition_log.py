"""What a partition tells the log of dead letters: one of each reason, with asset and trace."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from andon.contracts import Frame
from andon.stream.codec import Decoder
from andon.stream.partition import Partition

from .bus import frame, line, pass_through, plant


@dataclass(frozen=True)
class Record:
    offset: int
    key: bytes
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]]


def test_the_log_is_told_of_the_first_of_each_reason_with_asset_and_trace() -> None:
    model = plant("site")
    good = line(frame("line/pump-1", 0))
    broken = [b"{", b"{{", b'{"id": 1}']
    records = [Record(offset, good.key, value, good.headers) for offset, value in enumerate([good.value, *broken])]
    partition = Partition(pass_through(), Decoder(model, Frame), "raw", 0, {}, 0)
    prepared = partition.prepare(records, now=0)
    assert prepared is not None
    told = {letter.reason: letter for letter in prepared.set_aside}
    assert {reason: letter.offset for reason, letter in told.items()} == {"not_json": 1, "schema": 3}
    assert {letter.asset for letter in told.values()} == {"line/pump-1"}
    assert {letter.traceparent for letter in told.values()} == {f"00-{'a' * 32}-{'b' * 16}-01"}
