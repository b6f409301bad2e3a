"""What an approver signs: which version may act as what, from when on. An old signature is of no use later. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from andon.errors import BundleError
from andon.registry.alias import alias_name
from andon.registry.v1 import registry_pb2 as pb
from andon.signing import Signature

Statement = Mapping[str, str | int | bool]


def statement(
    name: str, version: str, alias: str, *, serial: int, share_permille: int = 1_000, rollback: bool = False
) -> Statement:
    """Return what is signed together with a bundle's files.

    Args:
        name: the model.
        version: what shall act.
        alias: as what: ``production`` or ``canary``.
        serial: now, in microseconds UTC; each approval of a model has a larger one than that before it.
        share_permille: on which share of the assets.
        rollback: whether it is meant to go back to an older model.
    """
    return {
        "name": name,
        "version": version,
        "alias": alias,
        "share_permille": share_permille,
        "rollback": rollback,
        "serial": serial,
    }


def check_approval(signed: Signature, assignment: pb.Assignment) -> bool:
    """Check that what an approver signed is what the registry says; return whether it is a way back.

    Args:
        signed: the approver's signature, which counts.
        assignment: what the registry says; `previous` was approved as production.

    Raises:
        BundleError: it is something else.
    """
    model, alias = assignment.model, alias_name(assignment.alias)
    said, rollback = dict(signed.statement), bool(signed.statement.get("rollback"))
    wanted = statement(
        model.name,
        model.version,
        "production" if alias == "previous" else alias,
        serial=assignment.serial,
        share_permille=assignment.share_permille,
        rollback=rollback,
    )
    if said != wanted:
        raise BundleError(f"the approver signed {said}, the registry says {dict(wanted)}")
    return rollback
