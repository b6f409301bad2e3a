"""The spool's file format: what goes in comes out, and damage costs no more than it touches."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from andon.uns import Stage
from services.ingest.outlet.block import Block, BlockError, Damage, Entry, decode_block, encode_block, walk

PAIRS = st.lists(st.tuples(st.binary(max_size=40), st.binary(max_size=200)), max_size=8)
BLOCKS = st.builds(Block, st.sampled_from(Stage), PAIRS)
NOW = 1_700_000_000_000_000


def parts(data: bytes) -> list[Entry | Damage]:
    return list(walk(lambda offset, count: data[offset : offset + count], 0, len(data)))


def whole(data: bytes) -> list[Block]:
    """The blocks that can be read."""
    found = []
    for part in parts(data):
        if isinstance(part, Entry):
            try:
                found.append(decode_block(part, data[part.start : part.end]))
            except BlockError:
                continue
    return found


@given(st.lists(BLOCKS, max_size=6))
def test_any_blocks_come_out_as_they_went_in(blocks: list[Block]) -> None:
    data = b"".join(encode_block(block, NOW + number) for number, block in enumerate(blocks))
    assert whole(data) == blocks
    found = [part for part in parts(data) if isinstance(part, Entry)]
    assert [(part.lines, part.written) for part in found] == [(len(b.pairs), NOW + n) for n, b in enumerate(blocks)]


@settings(max_examples=25)  # each of them ends at every byte
@given(BLOCKS, BLOCKS)
def test_a_segment_that_ends_anywhere_loses_only_the_block_that_is_not_complete(first: Block, second: Block) -> None:
    complete = encode_block(first, NOW)
    data = complete + encode_block(second, NOW)
    for end in range(len(data)):
        assert whole(data[:end]) == ([first] if end >= len(complete) else [])
        torn = [part for part in parts(data[:end]) if isinstance(part, Damage)]
        begun = end - (len(complete) if end >= len(complete) else 0)
        assert sum(part.end - part.start for part in torn) == begun


@given(st.lists(BLOCKS, min_size=1, max_size=4), st.data())
def test_a_flipped_bit_costs_one_block_and_is_never_passed_on(blocks: list[Block], draw: st.DataObject) -> None:
    encoded = [encode_block(block, NOW) for block in blocks]
    data = bytearray(b"".join(encoded))
    at = draw.draw(st.integers(0, len(data) - 1))
    data[at] ^= 1 << draw.draw(st.integers(0, 7))
    hit = next(number for number in range(len(blocks)) if at < sum(map(len, encoded[: number + 1])))
    assert whole(bytes(data)) == blocks[:hit] + blocks[hit + 1 :]


@given(BLOCKS, st.binary(max_size=200), BLOCKS)
def test_reading_goes_on_behind_rubbish(before: Block, rubbish: bytes, behind: Block) -> None:
    data = encode_block(before, NOW) + rubbish + encode_block(behind, NOW)
    assert whole(data) == [before, behind]
    ends = [0, *(part.end for part in parts(data))]
    assert [part.start for part in parts(data)] == ends[:-1]
    assert ends[-1] == len(data)
