"""Garbage collection by the clock."""

from __future__ import annotations

import asyncio
import gc
import weakref

from andon.garbage import collected_by_the_clock


class _Knot:
    def __init__(self) -> None:
        self.me = self


async def test_a_cycle_is_freed_although_allocations_start_no_search() -> None:
    async with collected_by_the_clock(interval_s=0.01):
        assert not gc.isenabled()
        freed = asyncio.Event()
        weakref.finalize(_Knot(), freed.set)
        await asyncio.wait_for(freed.wait(), 10)
    assert gc.isenabled()
