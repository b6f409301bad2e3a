"""A line that breaks, holds or delays what goes over it: a proxy in the event loop of whoever tries that out."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from pathlib import Path


class Line:
    """Forwards bytes until it is cut.

    Attributes:
        up: bytes to the target after which every connection is cut, once; None never.
        down: the same for bytes from the target.
        passed: bytes from the target that came through.
        cuts: how often it was cut.
        delay: seconds that every piece is on its way.
        flowing: while this is not set, nothing passes, as when a cable is out that nobody at the ends knows of.

    Args:
        target: port on this machine, or the path of a Unix socket.
    """

    def __init__(self, target: int | Path) -> None:
        self._target = target
        self.up: int | None = None
        self.down: int | None = None
        self.passed = 0
        self.cuts = 0
        self.delay = 0.0
        self.flowing = asyncio.Event()
        self.flowing.set()
        self._pairs: list[set[asyncio.StreamWriter]] = []
        self._ends: set[asyncio.StreamWriter] = set()
        self._idle = asyncio.Event()
        self._idle.set()

    async def forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        with contextlib.suppress(OSError):
            await self.flowing.wait()
            upstream, downstream = await self._connect()
            ends = {writer, downstream}
            with self._counted(ends):
                await asyncio.gather(self._pump(reader, downstream, ends, up=True), self._pump(upstream, writer, ends))

    def cut(self, chosen: Callable[[], bool] = lambda: True) -> int:
        """Break the connections that *chosen* says of, asked for each, and return how many."""
        broken = [pair for pair in self._pairs if chosen()]
        for pair in broken:
            _break(pair)
        self.cuts += len(broken)
        return len(broken)

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if isinstance(self._target, Path):
            return await asyncio.open_unix_connection(str(self._target))
        return await asyncio.open_connection("127.0.0.1", self._target)

    async def close(self) -> None:
        """Break all connections, and return when nothing of them is left."""
        self.flowing.set()
        _break(self._ends)
        await self._idle.wait()

    @contextlib.contextmanager
    def _counted(self, ends: set[asyncio.StreamWriter]) -> Iterator[None]:
        self._ends |= ends
        self._pairs.append(ends)
        self._idle.clear()
        try:
            yield
        finally:
            self._ends -= ends
            self._pairs.remove(ends)
            if not self._ends:
                self._idle.set()

    async def _pump(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        ends: Iterable[asyncio.StreamWriter],
        *,
        up: bool = False,
    ) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(1 << 14):
                if self._breaks(len(data), up=up):
                    _break(ends)
                    return
                if self.delay:
                    await asyncio.sleep(self.delay)
                await self.flowing.wait()
                writer.write(data)
                await writer.drain()
        writer.close()

    def _breaks(self, size: int, *, up: bool) -> bool:
        left = self.up if up else self.down
        if not up:
            self.passed += size
        if left is None:
            return False
        left -= size
        if left > 0:
            self.up, self.down = (left, self.down) if up else (self.up, left)
            return False
        self.up = self.down = None
        self.cuts += 1
        return True


def _break(ends: Iterable[asyncio.StreamWriter]) -> None:
    for end in ends:
        end.transport.abort()


@contextlib.asynccontextmanager
async def line_to(target: int | Path, port: int = 0) -> AsyncIterator[tuple[int, Line]]:
    """Give the port of a line to *target* on this machine, and the line; it is broken at the end of the block.

    Args:
        target: port, or path of a Unix socket.
        port: where clients connect; any free one when 0.
    """
    line = Line(target)
    server = await asyncio.start_server(line.forward, "127.0.0.1", port)
    try:
        yield server.sockets[0].getsockname()[1], line
    finally:
        server.close()
        await line.close()
