"""A TLS terminator before the broker, which speaks no TLS itself."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator

from sandbox.authority import Authority, Pair


@contextlib.asynccontextmanager
async def terminator(port: int, target: int, server: Pair, *, clients: Authority | None = None) -> AsyncIterator[None]:
    """Listen for TLS on *port* and pass the plain bytes on to *target*, for the length of a `with` block.

    Args:
        port: where to listen.
        target: port of the broker.
        server: what the server shows.
        clients: who must have signed a client's certificate; none is asked for when not given.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(server.cert, server.key)
    if clients:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(clients.file)

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", target)
        await asyncio.gather(copy(reader, inner_writer), copy(inner_reader, writer))

    listening = await asyncio.start_server(pass_on, "127.0.0.1", port, ssl=context)
    try:
        yield
    finally:
        listening.close()


async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Pass on what comes until it ends."""
    with contextlib.suppress(ConnectionError, ssl.SSLError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    writer.close()
