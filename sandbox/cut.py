"""A TCP line that breaks after so many bytes: a proxy in the event loop of whoever tries out cuts."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable, Iterator


class Line:
    """Forwards bytes until it is cut.

    Attributes:
        up: bytes to the target after which every connection is cut, once; None never.
        down: the same for bytes from the target.
        passed: bytes from the target that came through.
        cuts: how often it was cut.

    Args:
        target: port on this machine.
    """

    def __init__(self, target: int) -> None:
        self._target = target
        self.up: int | None = None
        self.down: int | None = None
        self.passed = 0
        self.cuts = 0
        self._ends: set[asyncio.StreamWriter] = set()
        self._idle = asyncio.Event()
        self._idle.set()

    async def forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        with contextlib.suppress(OSError):
            upstream, downstream = await asyncio.open_connection("127.0.0.1", self._target)
            ends = {writer, downstream}
            with self._counted(ends):
                await asyncio.gather(self._pump(reader, downstream, ends, up=True), self._pump(upstream, writer, ends))

    async def close(self) -> None:
        """Break all connections, and return when nothing of them is left."""
        _break(self._ends)
        await self._idle.wait()

    @contextlib.contextmanager
    def _counted(self, ends: set[asyncio.StreamWriter]) -> Iterator[None]:
        self._ends |= ends
        self._idle.clear()
        try:
            yield
        finally:
            self._ends -= ends
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
async def line_to(port: int) -> AsyncIterator[tuple[int, Line]]:
    """Give the port of a line to *port* on this machine, and the line; it is broken at the end of the block."""
    line = Line(port)
    server = await asyncio.start_server(line.forward, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1], line
    finally:
        server.close()
        await line.close()
