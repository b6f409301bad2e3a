"""TLS towards PostgreSQL, with the same settings as towards everything else.

The embedded server is built without TLS, so a terminator stands before it that speaks PostgreSQL's own way into TLS
(protocol 3.0, "SSL Session Encryption"): the client asks for it, and the handshake follows on the same connection.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from andon.database import connect
from andon.errors import ConfigError, DatabaseError
from andon.settings import DatabaseSettings
from sandbox.authority import Authority
from tests.stream.tls import copy

#: A client's first eight bytes when it wants TLS, and the server's answer.
_WANTED, _GRANTED = bytes.fromhex("0000000804d2162f"), b"S"


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "plant-ca")


@contextlib.asynccontextmanager
async def terminator(dsn: str, authority: Authority, *, mutual: bool = True) -> AsyncIterator[str]:
    """Let in whoever speaks TLS and, if *mutual*, shows a certificate; yields the DSN to come by."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=authority.file)
    own = authority.issue("postgres")
    context.load_cert_chain(own.cert, own.key)
    context.verify_mode = ssl.CERT_REQUIRED if mutual else ssl.CERT_NONE

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if await reader.read(8) != _WANTED:
            writer.close()
            return
        writer.write(_GRANTED)
        with contextlib.suppress(ssl.SSLError, ConnectionError):
            await writer.start_tls(context)
            inner_reader, inner_writer = await _open(dsn)
            await asyncio.gather(copy(reader, inner_writer), copy(inner_reader, writer))

    server = await asyncio.start_server(pass_on, "127.0.0.1", 0)
    url, port = urlsplit(dsn), server.sockets[0].getsockname()[1]
    try:
        yield f"postgresql://{url.username}:{url.password or ''}@127.0.0.1:{port}{url.path}"
    finally:
        server.close()


async def _open(dsn: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    url = urlsplit(dsn)
    if folder := parse_qs(url.query).get("host"):
        return await asyncio.open_unix_connection(f"{folder[0]}/.s.PGSQL.5432")
    return await asyncio.open_connection(url.hostname, url.port)


async def asked(dsn: str, **tls: Any) -> int:
    """What a database answers that is reached so."""
    settings = DatabaseSettings.model_validate({"dsn": dsn, "timeout": "10s", "connections": 1, "tls": tls})
    async with connect(settings) as database:
        return int(await database.fetchval("SELECT 42"))


async def test_a_client_that_shows_its_certificate_is_let_in(postgres: str, authority: Authority) -> None:
    own = authority.issue("historian", password="hush")
    files = {"ca_file": authority.file, "cert_file": own.cert, "key_file": own.key, "key_password": "hush"}
    async with terminator(postgres, authority) as dsn:
        assert await asked(dsn, enabled=True, **files) == 42


async def test_without_tls_nothing_is_said_to_a_server_that_wants_it(
    postgres: str, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGSSLMODE", "require")  # which asyncpg would read: only settings count
    async with terminator(postgres, authority, mutual=False) as dsn:
        with pytest.raises((ConfigError, DatabaseError)):
            await asked(dsn)
        assert await asked(dsn, enabled=True, ca_file=authority.file) == 42


async def test_a_client_without_a_certificate_is_refused(postgres: str, authority: Authority) -> None:
    async with terminator(postgres, authority) as dsn:
        with pytest.raises(DatabaseError):
            await asked(dsn, enabled=True, ca_file=authority.file)


async def test_a_server_that_no_trusted_authority_vouches_for_is_not_spoken_to(
    postgres: str, authority: Authority, tmp_path: Path
) -> None:
    own = authority.issue("historian")
    async with terminator(postgres, authority) as dsn:
        files = {"ca_file": Authority(tmp_path / "other-ca").file, "cert_file": own.cert, "key_file": own.key}
        with pytest.raises(DatabaseError, match="CERTIFICATE_VERIFY_FAILED"):
            await asked(dsn, enabled=True, **files)
