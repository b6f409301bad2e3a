"""What waits to be delivered: events of one stage, encoded for Kafka or for the spool."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import polars as pl

from andon.contracts import DeadLetter, Origin, PlantEvent
from andon.stream.codec import Line
from andon.stream.deadletters import encode_letter
from andon.stream.publish import keyed_values, new_lines
from andon.uns import Stage
from services.ingest.outlet.block import Block, Pair

#: Stages whose events are frames: history once they have been spooled.
FRAME_STAGES = (Stage.RAW, Stage.BACKFILL)
_BLOCK_BYTES = 256 << 10


def _future() -> asyncio.Future[None]:
    return asyncio.get_running_loop().create_future()


@dataclass(slots=True, eq=False)
class Parcel:
    """Events of one stage that were handed over together.

    Attributes:
        stage: where they go.
        lines: the events as Kafka is to have them now; those still to be delivered.
        frames: what they were made of, if they are frames.
        taken: done when Kafka, or the spool, has all of them.
    """

    stage: Stage
    lines: list[Line]
    frames: pl.DataFrame | None = None
    taken: asyncio.Future[None] = field(default_factory=_future)

    def blocks(self) -> Iterator[Block]:
        """Return the events as the spool keeps them: frames as backfill, whatever they were."""
        if self.frames is None:
            yield from _blocks(self.stage, [(line.key, line.value or b"") for line in self.lines])
            return
        left = {line.key.decode() for line in self.lines}
        frames = self.frames.filter(pl.col("asset").is_in(left))
        yield from _blocks(Stage.BACKFILL, keyed_values(frames.with_columns(origin=pl.lit(Origin.BACKFILL.value))))


def frames_parcel(stage: Stage, frames: pl.DataFrame, *, traced: float = 0.0) -> Parcel:
    """Wrap frames (contract columns), a share of them to be traced."""
    return Parcel(stage, new_lines(keyed_values(frames), traced=traced), frames)


def event_parcel(event: PlantEvent, site: str) -> Parcel:
    """Wrap an event about the plant; its key is its asset, or the site's name."""
    return Parcel(Stage.EVENT, new_lines([((event.asset or site).encode(), event.model_dump_json().encode())]))


def letter_parcel(letter: DeadLetter) -> Parcel:
    """Wrap a dead letter."""
    return Parcel(Stage.DEADLETTER, [encode_letter(letter)])


def _blocks(stage: Stage, pairs: Sequence[Pair]) -> Iterator[Block]:
    """Cut into blocks of a size that is quickly delivered; a larger event stands alone."""
    block: list[Pair] = []
    size = 0
    for pair in pairs:
        if block and size + len(pair[1]) > _BLOCK_BYTES:
            yield Block(stage, block)
            block, size = [], 0
        block.append(pair)
        size += len(pair[1])
    if block:
        yield Block(stage, block)


def lines_of(blocks: Iterable[Block], *, traced: float = 0.0) -> dict[Stage, list[Line]]:
    """Return spooled events as Kafka is to have them, in order by stage; a share of the frames is to be traced."""
    lines: dict[Stage, list[Line]] = {}
    for block in blocks:
        share = traced if block.stage in FRAME_STAGES else 0.0
        lines.setdefault(block.stage, []).extend(new_lines(block.pairs, traced=share))
    return lines
