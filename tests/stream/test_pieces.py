"""Answers of a broker, read in pieces."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from andon.stream.pieces import PieceReader


def reader() -> PieceReader:
    return PieceReader.instead_of(asyncio.StreamReader(limit=4))


@given(st.lists(st.binary(max_size=40)), st.lists(st.integers(0, 60)))
async def test_what_is_read_does_not_depend_on_the_pieces_in_which_it_came(
    pieces: list[bytes], lengths: list[int]
) -> None:
    whole, under_test = b"".join(pieces), reader()

    async def feed() -> None:
        for piece in pieces:
            under_test.feed_data(piece)
            await asyncio.sleep(0)
        under_test.feed_eof()

    feeding = asyncio.create_task(feed())
    for length in lengths:
        if length > len(whole):
            with pytest.raises(asyncio.IncompleteReadError) as caught:
                await under_test.readexactly(length)
            assert (caught.value.partial, caught.value.expected) == (whole, length)
            break
        assert await under_test.readexactly(length) == whole[:length]
        whole = whole[length:]
    await feeding


async def test_who_waits_is_woken_when_enough_has_come_and_not_for_each_piece() -> None:
    under_test = reader()
    waiting = asyncio.create_task(under_test.readexactly(6))
    await asyncio.sleep(0)
    for piece in (b"ab", b"cd"):
        under_test.feed_data(piece)
        assert under_test._waiter is not None  # type: ignore[attr-defined]
    under_test.feed_data(b"efg")
    assert await waiting == b"abcdef"
    assert await under_test.readexactly(1) == b"g"


async def test_a_broken_connection_is_told_to_who_waits() -> None:
    under_test = reader()
    waiting = asyncio.create_task(under_test.readexactly(1))
    await asyncio.sleep(0)
    under_test.set_exception(ConnectionResetError("cut"))
    with pytest.raises(ConnectionResetError, match="cut"):
        await waiting
