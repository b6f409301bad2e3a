"""From what the registry says of a model to one that may be loaded: signatures, digests, features, and no way back.

The registry is not trusted: what counts is what the author's and the approver's keys have signed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from andon.errors import BundleError
from andon.models import Bundle
from andon.models.bundle import read_bundle
from andon.registry.alias import alias_name
from andon.registry.approval import check_approval
from andon.registry.v1 import registry_pb2 as pb
from andon.signing import Role, Trust, check_four_eyes

#: Aliases that act, and so need an approver's signature.
ACTING = frozenset({"production", "canary"})


@dataclass(frozen=True, slots=True)
class Known:
    """What is remembered of a model that acts, so that an older one never takes its place unasked.

    Attributes:
        serial: of the approval that let it act.
        created: when its bundle was made, microseconds UTC.
        version: its version.
    """

    serial: int = 0
    created: int = 0
    version: str = ""


@dataclass(frozen=True, slots=True)
class Trusted:
    """A model that may be loaded.

    Attributes:
        bundle: the model, with whose signatures held.
        rollback: whether its approver signed that it may take the place of a newer one.
    """

    bundle: Bundle
    rollback: bool


def verify(folder: Path, assignment: pb.Assignment, asset_class: str, trust: Trust) -> Trusted:
    """Check a fetched bundle; its graph is not built here, but in its trial.

    Args:
        folder: the bundle.
        assignment: what the registry says of it.
        asset_class: the class that it shall serve.
        trust: whose signatures count.

    Raises:
        BundleError: it must not be loaded; says why.
    """
    model, acting = assignment.model, alias_name(assignment.alias) in ACTING
    author = trust.verify(folder, model.author_signature, Role.AUTHOR)
    rollback = False
    if acting:
        approver = trust.verify(folder, assignment.approver_signature, Role.APPROVER)
        check_four_eyes(author, approver)
        rollback = check_approval(approver, assignment)
    bundle = read_bundle(folder)
    manifest = bundle.manifest
    if (manifest.name, manifest.version) != (model.name, model.version):
        raise BundleError(f"version {manifest.version} of {manifest.name} came for {model.version} of {model.name}")
    if manifest.asset_class != asset_class:
        raise BundleError(f"it is a model for class {manifest.asset_class!r}, not {asset_class!r}")
    if acting and not (manifest.verdict and manifest.verdict.go):
        raise BundleError("the verdict in the bundle is no go, or there is none")
    return Trusted(replace(bundle, verified="approver" if acting else "author"), rollback)


def check_order(trusted: Trusted, serial: int, known: Known) -> Known:
    """Refuse an approval from before the one that is known, and an older model that was not rolled back to.

    Args:
        trusted: the model that shall act.
        serial: of its approval.
        known: the model that acted before.

    Returns:
        What is to be remembered once it acts.

    Raises:
        BundleError: it must not take over.
    """
    manifest = trusted.bundle.manifest
    if serial < known.serial:
        raise BundleError(
            f"its approval (serial {serial}) is older than that of version {known.version} (serial {known.serial}): "
            "somebody replays an old one, or the registry was restored from a backup; approve or roll back again"
        )
    if manifest.created < known.created and serial != known.serial and not trusted.rollback:
        raise BundleError(f"it is older than version {known.version}, and nobody signed to go back to it")
    return Known(serial, manifest.created, manifest.version)
