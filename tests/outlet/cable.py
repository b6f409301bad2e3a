"""A cable to the broker that can be pulled: a TCP proxy in the test's own event loop."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator

#: The key of produce requests in Kafka's protocol.
_PRODUCE = b"\0\0"


class Cable:
    """Forwards a loopback port to another while it is plugged in.

    Args:
        port: where clients connect.
        target: where the broker listens.

    Attributes:
        mute: lets no record through, but everything else, as if the broker had lost the replicas that it needs.
    """

    def __init__(self, port: int, target: int) -> None:
        self._port, self._target = port, target
        self.mute = False
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()

    async def plug(self) -> None:
        self._server = await asyncio.start_server(self._forward, "127.0.0.1", self._port)

    async def pull(self) -> None:
        """Refuse new connections and cut those that are open, whatever they still hold."""
        if self._server:
            self._server.close()
        for writer in list(self._open):
            writer.transport.abort()

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            upstream, downstream = await asyncio.open_connection("127.0.0.1", self._target)
            await asyncio.gather(self._requests(reader, downstream), self._responses(upstream, writer))

    async def _requests(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with self._opened(writer):
            while size := await reader.readexactly(4):
                request = await reader.readexactly(int.from_bytes(size))
                if not (self.mute and request.startswith(_PRODUCE)):
                    writer.write(size + request)
                    await writer.drain()

    async def _responses(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with self._opened(writer):
            while data := await reader.read(1 << 16):
                writer.write(data)
                await writer.drain()

    @contextlib.contextmanager
    def _opened(self, writer: asyncio.StreamWriter) -> Iterator[None]:
        self._open.add(writer)
        try:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                yield
        finally:
            self._open.discard(writer)
            writer.close()
