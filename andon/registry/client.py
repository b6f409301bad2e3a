"""The client of the model registry: one function a call, streams to and from files, refusals in plain words."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
from collections.abc import AsyncIterator, Awaitable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import grpc

from andon.clock import SECOND
from andon.errors import BundleError, ConfigError, RegistryError
from andon.grpc_tls import channel_credentials
from andon.models.bundle import MANIFEST_FILE, parse_manifest
from andon.registry.settings import RegistryClientSettings
from andon.registry.v1 import registry_pb2 as pb
from andon.registry.v1 import registry_pb2_grpc

_CHUNK_BYTES = 256 * 2**10
#: What gRPC itself says, under INTERNAL, when a connection breaks while a request is being written; no server says it.
_CUT = "Internal error from Core"
_AWAY = {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.CANCELLED}
#: How often a fetch that was cut is resumed before it is given up, without any new byte between.
_RESUMES = 3
_RESUME_PAUSE_S = 0.2
_OPTIONS = (
    ("grpc.max_receive_message_length", 64 * 2**20),  # a list of all versions grows over the years
    ("grpc.keepalive_time_ms", 20_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.max_reconnect_backoff_ms", 5_000),
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.min_reconnect_backoff_ms", 200),
)
_Response = TypeVar("_Response")


class RegistryClient:
    """A connection to the registry; make one with `connected`."""

    def __init__(self, channel: grpc.aio.Channel, settings: RegistryClientSettings) -> None:
        self._stub: Any = registry_pb2_grpc.RegistryServiceStub(channel)
        self._timeout = settings.timeout / SECOND
        token = settings.token
        self._metadata = (("authorization", f"Bearer {token.get_secret_value()}"),) if token else ()

    async def publish(self, bundle: Path, signature: bytes, reason: str) -> pb.PublishResponse:
        """Publish the bundle in a folder, with its author's signature.

        Raises:
            RegistryError: it is refused, or the registry is away.
            BundleError: the folder holds no bundle.
        """
        raw = await asyncio.to_thread(_read, bundle / MANIFEST_FILE)
        manifest = parse_manifest(raw, bundle / MANIFEST_FILE)
        files = [name for name in manifest.digests if name != MANIFEST_FILE]

        async def parts() -> AsyncIterator[pb.PublishRequest]:
            yield pb.PublishRequest(
                head=pb.PublishRequest.Head(manifest=raw, author_signature=signature, reason=reason)
            )
            for name in files:
                async for data in _chunks(bundle / name):
                    yield pb.PublishRequest(chunk=pb.PublishRequest.Chunk(file=name, data=data))

        return await _answer(self._stub.Publish(parts(), metadata=self._metadata))

    async def fetch(self, digest: str, target: Path) -> None:
        """Write the file with this digest to *target*: whole and checked, or not at all; a cut fetch is resumed.

        What came in before a cut, also of a former process, lies in ``<target>.partial`` and is not fetched again.

        Raises:
            RegistryError: the registry refuses, is away, or breaks the connection again and again.
            BundleError: the bytes have another digest; what was fetched is removed.
            OSError: the folder cannot be written to.
        """
        partial = target.with_name(f"{target.name}.partial")
        tries = _RESUMES
        while True:
            before = _size(partial)
            try:
                await self._fetch_rest(digest, partial)
                break
            except RegistryError as error:
                tries = _RESUMES if _size(partial) > before else tries - 1
                if not error.away or tries <= 0:
                    raise
                await asyncio.sleep(_RESUME_PAUSE_S)
        await asyncio.to_thread(_settle, partial, digest, target)

    async def _fetch_rest(self, digest: str, partial: Path) -> None:
        with partial.open("ab") as file:
            call = self._stub.Fetch(pb.FetchRequest(digest=digest, offset=file.tell()), metadata=self._metadata)
            async for part in self._timed(call):
                await asyncio.to_thread(file.write, part.data)

    async def resolve(self, name: str, alias: pb.Alias) -> pb.Assignment:
        """Return what an alias of a model stands for.

        Raises:
            RegistryError: it stands for nothing, or the registry is away.
        """
        response: pb.ResolveResponse = await self._call(self._stub.Resolve, pb.ResolveRequest(name=name, alias=alias))
        return response.assignment

    async def watch(self, names: Sequence[str]) -> AsyncIterator[pb.WatchResponse]:
        """Yield what the aliases of models stand for: of each at once, and again when it changes.

        Raises:
            RegistryError: the registry refuses, or the connection is cut.
        """
        call = self._stub.Watch(pb.WatchRequest(names=names), metadata=self._metadata)
        with _in_words():
            async for response in call:
                yield response

    async def list(self, name: str = "", version: str = "") -> pb.ListResponse:
        """Return versions, newest first, and what is asked for and assigned; with manifests when a version is named.

        Raises:
            RegistryError: the registry refuses, or is away.
        """
        response: pb.ListResponse = await self._call(self._stub.List, pb.ListRequest(name=name, version=version))
        return response

    async def request_promotion(
        self, name: str, version: str, alias: pb.Alias, share_permille: int, reason: str
    ) -> pb.RequestPromotionResponse:
        """Ask for a version to act.

        Raises:
            RegistryError: a rule forbids it, or the registry is away.
        """
        request = pb.RequestPromotionRequest(
            name=name, version=version, alias=alias, share_permille=share_permille, reason=reason
        )
        response: pb.RequestPromotionResponse = await self._call(self._stub.RequestPromotion, request)
        return response

    async def approve(self, number: int, signature: bytes, reason: str) -> pb.ApproveResponse:
        """Let a request through, with the approver's signature (see `andon.registry.approval`).

        Raises:
            RegistryError: a rule forbids it, or the registry is away.
        """
        request = pb.ApproveRequest(id=number, signature=signature, reason=reason)
        response: pb.ApproveResponse = await self._call(self._stub.Approve, request)
        return response

    async def reject(self, number: int, reason: str) -> pb.RejectResponse:
        """Turn a request down.

        Raises:
            RegistryError: a rule forbids it, or the registry is away.
        """
        response: pb.RejectResponse = await self._call(self._stub.Reject, pb.RejectRequest(id=number, reason=reason))
        return response

    async def roll_back(self, name: str, signature: bytes, reason: str) -> pb.RollBackResponse:
        """Make the previous version act again, with the approver's signature.

        Raises:
            RegistryError: a rule forbids it, or the registry is away.
        """
        request = pb.RollBackRequest(name=name, signature=signature, reason=reason)
        response: pb.RollBackResponse = await self._call(self._stub.RollBack, request)
        return response

    async def assign(self, name: str, alias: pb.Alias, version: str, reason: str) -> pb.AssignResponse:
        """Give or (empty *version*) end an alias that does not act.

        Raises:
            RegistryError: a rule forbids it, or the registry is away.
        """
        request = pb.AssignRequest(name=name, alias=alias, version=version, reason=reason)
        response: pb.AssignResponse = await self._call(self._stub.Assign, request)
        return response

    async def report_parity(
        self, definition: str, checked: int, mismatches: int, largest: float
    ) -> pb.ReportParityResponse:
        """Tell what a check of feature parity came to, since the last report.

        Raises:
            RegistryError: the report or its sender is refused, or the registry is away.
        """
        request = pb.ReportParityRequest(definition=definition, checked=checked, mismatches=mismatches, largest=largest)
        response: pb.ReportParityResponse = await self._call(self._stub.ReportParity, request)
        return response

    async def audit(self, first: int = 1) -> AsyncIterator[pb.AuditResponse]:
        """Yield the audit log from an entry on.

        Raises:
            RegistryError: the registry refuses, or is away.
        """
        call = self._stub.Audit(pb.AuditRequest(first=first), metadata=self._metadata)
        async for entry in self._timed(call):
            yield entry

    async def _call(self, method: Any, request: Any) -> Any:
        return await _answer(method(request, metadata=self._metadata, timeout=self._timeout))

    async def _timed(self, call: Any) -> AsyncIterator[Any]:
        """Yield a stream's messages; one that pauses for longer than the timeout is given up."""
        try:
            while True:
                with _in_words():
                    message = await asyncio.wait_for(call.read(), self._timeout)
                if message is grpc.aio.EOF:
                    return
                yield message
        finally:
            call.cancel()


@contextlib.asynccontextmanager
async def connected(settings: RegistryClientSettings) -> AsyncIterator[RegistryClient]:
    """Give a client for the length of an `async with` block; connections are made when they are needed.

    Raises:
        ConfigError: no registry is named, or a TLS file cannot be read.
    """
    if settings.address is None:
        raise ConfigError("no model registry is named: set ANDON_MODELS__REGISTRY__ADDRESS to its host:port")
    async with _channel(settings.address, settings) as channel:
        yield RegistryClient(channel, settings)


def _channel(address: str, settings: RegistryClientSettings) -> grpc.aio.Channel:
    tls = settings.tls
    if not tls.enabled:
        return grpc.aio.insecure_channel(address, options=_OPTIONS)
    return grpc.aio.secure_channel(address, channel_credentials(tls), options=_OPTIONS)


async def _answer(call: Awaitable[_Response]) -> _Response:
    with _in_words():
        return await call


@contextlib.contextmanager
def _in_words() -> Iterator[None]:
    try:
        yield
    except grpc.aio.AioRpcError as error:
        code = grpc.StatusCode.UNAVAILABLE if error.details() == _CUT else error.code()
        raise RegistryError(error.details() or code.name, code=code.name, away=code in _AWAY) from None
    except TimeoutError:
        code = grpc.StatusCode.DEADLINE_EXCEEDED
        raise RegistryError("the registry does not answer", code=code.name, away=True) from None


async def _chunks(path: Path) -> AsyncIterator[bytes]:
    with path.open("rb") as file:
        while data := await asyncio.to_thread(file.read, _CHUNK_BYTES):
            yield data


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise BundleError(f"{path}: cannot be read: {error.strerror}") from None


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _settle(partial: Path, digest: str, target: Path) -> None:
    """Give a fetched file its name, once its digest is right and it would survive a power cut."""
    with partial.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
        os.fsync(file.fileno())
    if found != digest:
        partial.unlink()
        raise BundleError(f"{target.name}: what was fetched has SHA-256 {found}, wanted was {digest}; fetch again")
    partial.rename(target)
