"""A cable to the broker that can be pulled: a TCP proxy in the test's own event loop."""

from __future__ import annotations

import asyncio
import contextlib


class Cable:
    """Forwards a loopback port to another while it is plugged in.

    Args:
        port: where clients connect.
        target: where the broker listens.
    """

    def __init__(self, port: int, target: int) -> None:
        self._port, self._target = port, target
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
            await asyncio.gather(self._copy(reader, downstream), self._copy(upstream, writer))

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        with contextlib.suppress(OSError):
            while data := await reader.read(1 << 16):
                writer.write(data)
                await writer.drain()
        self._open.discard(writer)
        writer.close()
