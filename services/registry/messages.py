"""What is stored, as messages of the contract."""

from __future__ import annotations

from andon.registry.alias import alias_value
from andon.registry.audit import Entry, Receipt
from andon.registry.v1 import registry_pb2 as pb
from services.registry.parity import Parity
from services.registry.store import Assigned, Request, Version


def model_message(version: Version, *, whole: bool = True) -> pb.ModelVersion:
    """Return a version; without its manifest and its author's signature unless *whole*."""
    return pb.ModelVersion(
        name=version.name,
        version=version.version,
        asset_class=version.asset_class,
        digest=version.digest,
        feature_hash=version.feature_hash,
        manifest=version.manifest if whole else b"",
        files=[pb.File(name=name, digest=digest, size=size) for name, digest, size in version.files],
        author_signature=version.author_signature if whole else b"",
        author=version.author,
        publisher=version.publisher,
        published=version.published,
        go=version.go,
        entry=version.entry,
    )


def assignment_message(assigned: Assigned, version: Version, *, whole: bool = True) -> pb.Assignment:
    """Return what an alias stands for; its version without manifest and author's signature unless *whole*."""
    return pb.Assignment(
        alias=alias_value(assigned.alias),
        model=model_message(version, whole=whole),
        share_permille=assigned.share_permille,
        approver_signature=assigned.approver_signature,
        approver=assigned.approver,
        serial=assigned.serial,
        since=assigned.since,
        entry=assigned.entry,
    )


def promotion_message(request: Request) -> pb.Promotion:
    """Return a request."""
    wish = request.wish
    return pb.Promotion(
        id=request.id,
        name=request.name,
        version=wish.version,
        alias=alias_value(wish.alias),
        share_permille=wish.share_permille,
        replaces=wish.replaces,
        requester=wish.requester,
        reason=request.reason,
        requested=request.requested,
        state=wish.state,
        decider=request.decider,
        decision_reason=request.decision_reason,
        decided=request.decided,
        entry=request.entry,
    )


def parity_message(parity: Parity) -> pb.Parity:
    """Return what is known of a feature definition's parity."""
    return pb.Parity(
        definition=parity.definition,
        checked=parity.checked,
        mismatches=parity.mismatches,
        largest=parity.largest,
        since=parity.since,
        reporters=parity.reporters,
    )


def receipt_message(receipt: Receipt) -> pb.Receipt:
    """Return a receipt."""
    return pb.Receipt(number=receipt.number, hash=receipt.hash)


def entry_message(entry: Entry) -> pb.AuditResponse:
    """Return an entry of the audit log."""
    return pb.AuditResponse(
        number=entry.number,
        at=entry.at,
        actor=entry.actor,
        action=entry.action,
        name=entry.name,
        version=entry.version,
        details=entry.details,
        previous=entry.previous,
        hash=entry.hash,
    )
