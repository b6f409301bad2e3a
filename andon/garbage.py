"""Cyclic garbage is collected by the clock, not by the number of allocations; and memory is given back when asked.

A batch makes tens of thousands of tuples and lists that reference counting frees. Python's collector counts
allocations, takes them for a reason to search, finds nothing, and uses a third of a stage's processor time for it
(bench/README.md).
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import gc
from collections.abc import AsyncIterator

#: A search takes some ten milliseconds, so this costs a thousandth; what it frees is small.
_INTERVAL_S = 10.0


@contextlib.asynccontextmanager
async def collected_by_the_clock(interval_s: float = _INTERVAL_S) -> AsyncIterator[None]:
    """Search for cyclic garbage every *interval_s* seconds only, for the length of an `async with` block.

    What exists at the start (modules, models) is taken for permanent and never searched.
    """
    gc.collect()
    gc.freeze()
    gc.disable()
    collecting = asyncio.create_task(_collect_forever(interval_s), name="garbage")
    try:
        yield
    finally:
        collecting.cancel()
        gc.enable()
        gc.unfreeze()


def give_back() -> None:
    """Return freed memory to the operating system: for after something large was replaced.

    glibc keeps it for later (malloc_trim(3)); of another C library it is not asked. Other threads go on meanwhile.
    """
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").malloc_trim(0)


async def _collect_forever(interval_s: float) -> None:
    while True:
        await asyncio.sleep(interval_s)
        gc.collect()
