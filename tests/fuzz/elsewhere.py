"""Servers beside the search: in a thread of their own, as a search is not asynchronous."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager
from typing import TypeVar

_Given = TypeVar("_Given")
#: How long a server may take to start, to end, and to answer.
PATIENCE_S = 30.0


@contextlib.contextmanager
def elsewhere(server: AbstractAsyncContextManager[_Given]) -> Iterator[_Given]:
    """Run a server in a thread of its own and give what it gives."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield asyncio.run_coroutine_threadsafe(server.__aenter__(), loop).result(PATIENCE_S)
        asyncio.run_coroutine_threadsafe(server.__aexit__(None, None, None), loop).result(PATIENCE_S)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
