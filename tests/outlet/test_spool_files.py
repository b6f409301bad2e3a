"""The spool as a queue on disk: order, limit, restarts, and what damage does to it."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

import pytest

from andon.errors import ConfigError
from andon.uns import Stage
from services.ingest.outlet.block import Block, encode_block
from services.ingest.outlet.spool import NoRoomError, Spool

NOW = 1_700_000_000_000_000
LIMIT = 1 << 20


def block(number: int, size: int = 10) -> Block:
    """A block of its own size that does not compress."""
    noise = bytes((number * 7919 + index * index * 104_729) % 251 for index in range(size))
    return Block(Stage.BACKFILL, [(b"line/pump-%d" % number, noise)])


def keep(spool: Spool, *blocks: Block) -> None:
    for each in blocks:
        spool.append([each], NOW)


def drained(spool: Spool, lines: int = 1) -> list[Block]:
    """Everything that is left, delivered."""
    found: list[Block] = []
    while not spool.empty:
        chunk = spool.peek(lines)
        found += chunk.blocks
        spool.advance(chunk)
    return found


def segments(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.segment"))


def test_what_is_kept_comes_back_in_order_over_many_segments(tmp_path: Path) -> None:
    spool = Spool(tmp_path, 8_000)
    blocks = [block(number, 200) for number in range(20)]
    keep(spool, *blocks)
    assert len(segments(tmp_path)) > 3
    assert (spool.lines, spool.size) == (20, sum(path.stat().st_size for path in segments(tmp_path)))
    assert drained(spool) == blocks
    assert (spool.lines, spool.size, segments(tmp_path)) == (0, 0, [])


def test_keeping_and_draining_may_take_turns(tmp_path: Path) -> None:
    spool, found = Spool(tmp_path, LIMIT), []
    for number in range(10):
        keep(spool, block(2 * number), block(2 * number + 1))
        chunk = spool.peek(1)
        found += chunk.blocks
        spool.advance(chunk)
    assert found + drained(spool) == [block(number) for number in range(20)]


@pytest.mark.parametrize("done", range(5))
def test_a_new_process_goes_on_where_the_former_one_was(tmp_path: Path, done: int) -> None:
    spool = Spool(tmp_path, LIMIT)
    keep(spool, *map(block, range(4)))
    for _ in range(done):
        spool.advance(spool.peek(1))
    spool.close()
    spool = Spool(tmp_path, LIMIT)
    assert spool.lines == 4 - done
    keep(spool, block(4))
    assert drained(spool) == [block(number) for number in range(done, 5)]


def test_segments_are_never_numbered_twice(tmp_path: Path) -> None:
    names = set()
    for number in range(3):
        spool = Spool(tmp_path, LIMIT)
        keep(spool, block(number))
        names.update(segments(tmp_path))
        drained(spool)
        spool.close()
    assert len(names) == 3


def test_a_torn_tail_is_cut_wherever_it_was_torn(tmp_path: Path) -> None:
    origin = tmp_path / "origin"
    spool = Spool(origin, LIMIT)
    keep(spool, block(0), block(1))
    spool.close()
    (path,) = segments(origin)
    complete = len(encode_block(block(0), NOW))
    for size in range(complete, path.stat().st_size):
        torn = tmp_path / f"torn-{size}"
        shutil.copytree(origin, torn)
        with segments(torn)[0].open("r+b") as file:
            file.truncate(size)
        spool = Spool(torn, LIMIT)
        assert (spool.torn_bytes, spool.size) == (size - complete, complete)
        keep(spool, block(2))
        assert drained(spool) == [block(0), block(2)]
        spool.close()


def test_a_damaged_block_is_reported_and_the_rest_goes_on(tmp_path: Path) -> None:
    spool = Spool(tmp_path, LIMIT)
    keep(spool, *map(block, range(3)))
    (path,) = segments(tmp_path)
    one = len(encode_block(block(0), NOW))
    data = bytearray(path.read_bytes())
    data[one + 40] ^= 1
    path.write_bytes(data)
    chunk = spool.peek(3)
    assert chunk.blocks == [block(0), block(2)]
    (spoiled,) = chunk.spoiled
    assert (spoiled.offset, spoiled.data) == (one, bytes(data[one : 2 * one]))
    spool.advance(chunk)
    assert spool.empty


def test_a_bad_sector_costs_only_the_blocks_on_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spool = Spool(tmp_path, LIMIT)
    blocks = [block(number, 3_000) for number in range(8)]
    keep(spool, *blocks)
    bad, pread = 10_000, os.pread

    def of_a_bad_disk(file: int, count: int, offset: int) -> bytes:
        if offset <= bad < offset + count:
            raise OSError(errno.EIO, "Input/output error")
        return pread(file, count, offset)

    monkeypatch.setattr(os, "pread", of_a_bad_disk)
    found = drained(spool)
    assert [each for each in blocks if each in found] == found
    assert len(found) >= 5


def test_a_position_that_cannot_be_read_delivers_from_the_beginning(tmp_path: Path) -> None:
    spool = Spool(tmp_path, LIMIT)
    keep(spool, block(0), block(1))
    spool.advance(spool.peek(1))
    spool.close()
    (tmp_path / "position").write_text("")
    assert drained(Spool(tmp_path, LIMIT)) == [block(0), block(1)]


def test_the_limit_holds_and_what_did_not_fit_leaves_no_trace(tmp_path: Path) -> None:
    spool = Spool(tmp_path, 2_000)
    size = len(encode_block(block(0, 300), NOW))
    fitting = [block(number, 300) for number in range(2_000 // size)]
    keep(spool, *fitting)
    with pytest.raises(NoRoomError, match="limit of 2000 bytes"):
        keep(spool, block(99, 300))
    assert drained(spool) == fitting


def test_dropping_the_oldest_makes_room_and_says_what_it_cost(tmp_path: Path) -> None:
    spool = Spool(tmp_path, 8_000)
    keep(spool, *(block(number, 200) for number in range(20)))
    before, lost = spool.size, spool.drop_oldest()
    assert lost > 0
    assert spool.size < before
    assert drained(spool) == [block(number, 200) for number in range(lost, 20)]


def test_a_chunk_that_was_dropped_while_it_was_delivered_does_no_harm(tmp_path: Path) -> None:
    spool = Spool(tmp_path, 8_000)
    keep(spool, *(block(number, 200) for number in range(20)))
    chunk = spool.peek(1)
    lost = spool.drop_oldest()
    spool.advance(chunk)
    assert drained(spool) == [block(number, 200) for number in range(lost, 20)]


def test_a_directory_belongs_to_one_process(tmp_path: Path) -> None:
    spool = Spool(tmp_path, LIMIT)
    with pytest.raises(ConfigError, match="used by another process"):
        Spool(tmp_path, LIMIT)
    spool.close()
    Spool(tmp_path, LIMIT).close()


def test_a_directory_that_cannot_be_used_is_a_mistake_in_the_settings(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="cannot be used"):
        Spool(tmp_path / "file", LIMIT)
