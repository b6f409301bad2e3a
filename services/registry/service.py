"""The gRPC service: each call handed to the part that can answer it, and every refusal given its status code."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

import asyncpg
import grpc

from andon.database.connection import AWAY
from andon.errors import BundleError, DatabaseError
from andon.registry.alias import alias_name
from andon.registry.v1 import registry_pb2 as pb
from andon.registry.v1 import registry_pb2_grpc
from services.registry.blobs import BlobError, Blobs
from services.registry.changes import Changes
from services.registry.identity import caller
from services.registry.intake import Intake, IntakeError
from services.registry.messages import (
    assignment_message,
    entry_message,
    model_message,
    parity_message,
    promotion_message,
    receipt_message,
)
from services.registry.parity import ParityReport, ReportError
from services.registry.promotions import Promotions, UnknownError
from services.registry.rules import OutrunError, RefusedError
from services.registry.store import Store

_CODES: tuple[tuple[tuple[type[Exception], ...], grpc.StatusCode], ...] = (
    ((UnknownError,), grpc.StatusCode.NOT_FOUND),
    ((OutrunError,), grpc.StatusCode.ABORTED),
    ((RefusedError, BundleError), grpc.StatusCode.FAILED_PRECONDITION),
    (
        (IntakeError, ReportError, asyncpg.DataError),
        grpc.StatusCode.INVALID_ARGUMENT,
    ),  # such as a name with a zero byte
    ((BlobError,), grpc.StatusCode.DATA_LOSS),
    ((*AWAY, DatabaseError), grpc.StatusCode.UNAVAILABLE),
)
_KNOWN = tuple(kind for kinds, _ in _CODES for kind in kinds)


@dataclass(frozen=True, slots=True)
class Parts:
    """What the service hands its calls to."""

    store: Store
    blobs: Blobs
    intake: Intake
    promotions: Promotions
    changes: Changes


class RegistryService(registry_pb2_grpc.RegistryServiceServicer):
    """See `proto/andon/registry/v1/registry.proto`."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def Publish(self, request: AsyncIterator[pb.PublishRequest], context: Any) -> pb.PublishResponse:  # noqa: N802
        """Take a bundle in."""
        async with _told(context):
            version, reason = await self._parts.intake.receive(request, caller().name)
            stored, is_new, receipt = await self._parts.promotions.publish(version, reason)
            return pb.PublishResponse(model=model_message(stored), is_new=is_new, receipt=receipt_message(receipt))

    async def Fetch(self, request: pb.FetchRequest, context: Any) -> AsyncIterator[pb.FetchResponse]:  # noqa: N802
        """Give a file of a published bundle."""
        async with _told(context):
            blobs = self._parts.blobs
            if not (await self._parts.store.knows(request.digest) and blobs.has(request.digest)):
                raise UnknownError(f"there is no file with digest {request.digest!r}")
            async for data in blobs.read(request.digest, max(0, request.offset)):
                yield pb.FetchResponse(data=data)

    async def Resolve(self, request: pb.ResolveRequest, context: Any) -> pb.ResolveResponse:  # noqa: N802
        """Tell what an alias stands for."""
        async with _told(context):
            alias = alias_name(request.alias)
            assigned = {each[0].alias: each for each in await self._parts.store.assignments(request.name)}
            if alias not in assigned:
                raise UnknownError(f"{request.name!r} has no {alias or 'alias of that number'}")
            return pb.ResolveResponse(assignment=assignment_message(*assigned[alias]))

    async def Watch(self, request: pb.WatchRequest, context: Any) -> AsyncIterator[pb.WatchResponse]:  # noqa: N802
        """Tell what aliases stand for, now and whenever that changes."""
        async with _told(context), self._parts.changes.watched(request.names) as changed:
            sent: dict[str, list[pb.Assignment]] = {}
            while True:
                changed.clear()
                for name in request.names:
                    assignments = await self._assignments(name, whole=True)
                    if sent.get(name) != assignments:
                        sent[name] = assignments
                        yield pb.WatchResponse(name=name, assignments=assignments)
                await changed.wait()

    async def List(self, request: pb.ListRequest, context: Any) -> pb.ListResponse:  # noqa: N802
        """List versions, aliases and requests."""
        async with _told(context):
            versions = await self._parts.store.versions(request.name, request.version)
            whole = bool(request.version)  # manifests of all versions would be more than one message takes
            response = pb.ListResponse(models=[model_message(version, whole=whole) for version in versions])
            for name in dict.fromkeys(version.name for version in versions):
                response.assignments.extend(await self._assignments(name, whole=False))
                response.promotions.extend(map(promotion_message, await self._parts.store.requests(name)))
            for definition in dict.fromkeys(version.feature_hash for version in versions if whole):
                response.parity.append(parity_message(await self._parts.promotions.parity(definition)))
            return response

    async def RequestPromotion(  # noqa: N802
        self, request: pb.RequestPromotionRequest, context: Any
    ) -> pb.RequestPromotionResponse:
        """Ask for a version to act."""
        async with _told(context):
            wish = (request.name, request.version, alias_name(request.alias), request.share_permille)
            asked, parity, receipt = await self._parts.promotions.ask(*wish, caller().name, request.reason)
            return pb.RequestPromotionResponse(
                promotion=promotion_message(asked), receipt=receipt_message(receipt), parity=parity_message(parity)
            )

    async def Approve(self, request: pb.ApproveRequest, context: Any) -> pb.ApproveResponse:  # noqa: N802
        """Let a request through."""
        async with _told(context):
            decision = (request.id, request.signature, caller().name, request.reason)
            assigned, version, parity, receipt = await self._parts.promotions.approve(*decision)
            assignment = assignment_message(assigned, version)
            return pb.ApproveResponse(
                assignment=assignment, receipt=receipt_message(receipt), parity=parity_message(parity)
            )

    async def Reject(self, request: pb.RejectRequest, context: Any) -> pb.RejectResponse:  # noqa: N802
        """Turn a request down."""
        async with _told(context):
            rejected, receipt = await self._parts.promotions.reject(request.id, caller().name, request.reason)
            return pb.RejectResponse(promotion=promotion_message(rejected), receipt=receipt_message(receipt))

    async def RollBack(self, request: pb.RollBackRequest, context: Any) -> pb.RollBackResponse:  # noqa: N802
        """Make the previous version act again."""
        async with _told(context):
            decision = (request.name, request.signature, caller().name, request.reason)
            assigned, version, receipt = await self._parts.promotions.roll_back(*decision)
            assignment = assignment_message(assigned, version)
            return pb.RollBackResponse(assignment=assignment, receipt=receipt_message(receipt))

    async def Assign(self, request: pb.AssignRequest, context: Any) -> pb.AssignResponse:  # noqa: N802
        """Give or end an alias that does not act."""
        async with _told(context):
            wish = (request.name, alias_name(request.alias), request.version)
            receipt = await self._parts.promotions.assign(*wish, caller().name, request.reason)
            return pb.AssignResponse(receipt=receipt_message(receipt))

    async def ReportParity(self, request: pb.ReportParityRequest, context: Any) -> pb.ReportParityResponse:  # noqa: N802
        """Take what a check of parity came to."""
        async with _told(context):
            counts = (request.checked, request.mismatches, request.largest)
            report = ParityReport(request.definition, caller().name, self._parts.promotions.clock(), *counts)
            return pb.ReportParityResponse(parity=parity_message(await self._parts.promotions.report_parity(report)))

    async def Audit(self, request: pb.AuditRequest, context: Any) -> AsyncIterator[pb.AuditResponse]:  # noqa: N802
        """Give the audit log."""
        async with _told(context):
            async for entry in self._parts.store.entries(request.first):
                yield entry_message(entry)

    async def _assignments(self, name: str, *, whole: bool) -> list[pb.Assignment]:
        assigned = await self._parts.store.assignments(name)
        return [assignment_message(each, version, whole=whole) for each, version in assigned]


@contextlib.asynccontextmanager
async def _told(context: Any) -> AsyncIterator[None]:
    """Give the caller the status code and the words of whatever stands in the way."""
    try:
        yield
    except _KNOWN as error:
        await context.abort(next(_code_of(error)), str(error) or repr(error))


def _code_of(error: Exception) -> Iterator[grpc.StatusCode]:
    return (code for kinds, code in _CODES if isinstance(error, kinds))
