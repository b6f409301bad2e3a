"""What is read from the spool at once. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

from services.ingest.outlet.block import Block, BlockError, Damage, Entry, decode_block


@dataclass(frozen=True, slots=True)
class Spoiled:
    """Bytes of a segment that hold no usable block."""

    offset: int
    reason: str
    data: bytes


@dataclass(slots=True)
class Chunk:
    """The oldest blocks of a spool; after their delivery, `Spool.advance` past them.

    Attributes:
        segment: the segment's number; 0 if the spool is empty.
        end: offset behind them.
        lines: how many events they hold, those of spoiled blocks included.
        newest: when the newest was written, microseconds UTC.
        blocks: the blocks that are whole.
        spoiled: what else was between them.
    """

    segment: int = 0
    end: int = 0
    lines: int = 0
    newest: int = 0
    blocks: list[Block] = field(default_factory=list)
    spoiled: list[Spoiled] = field(default_factory=list)

    def add(self, part: Entry | Damage, data: bytes) -> None:
        """Take the next part of the segment."""
        self.end = part.end
        if isinstance(part, Damage):
            self.spoiled.append(Spoiled(part.start, "no block begins here", data))
            return
        self.lines += part.lines
        self.newest = part.written
        try:
            self.blocks.append(decode_block(part, data))
        except BlockError as error:
            self.spoiled.append(Spoiled(part.start, f"block of {part.lines} events: {error}", data))
