"""All that is known of one version of a model, its signatures checked here: the registry is asked, but not believed."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from andon.errors import BundleError, ConfigError, RegistryError
from andon.models import Bundle, Manifest
from andon.models.bundle import parse_manifest, read_bundle
from andon.registry.alias import alias_name
from andon.registry.approval import check_approval
from andon.registry.cache import BundleCache
from andon.registry.client import RegistryClient
from andon.registry.v1 import registry_pb2 as pb
from andon.signing import Role, Signature, Trust, check_four_eyes


@dataclass(frozen=True, slots=True)
class Checked:
    """One signature of a version, as it was found here.

    Attributes:
        role: as what it was given.
        alias: what the approver lets it be; empty for the author's.
        signature: the signature; None when it does not count.
        reason: why it does not count, or could not be checked; empty when it counts.
    """

    role: Role
    alias: str
    signature: Signature | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Dossier:
    """One version of a model.

    Attributes:
        model: what the registry says of it.
        manifest: what its bundle says of it; signed by its author when that signature counts.
        bundle: the bundle, not yet built; None unless its author's signature counts.
        assignments: the aliases that stand for it now.
        promotions: the requests to let it act, newest first.
        signatures: of its author, then of the approver of each alias that acts.
        parity: what was reported of its features in production.
    """

    model: pb.ModelVersion
    manifest: Manifest
    bundle: Bundle | None
    assignments: Sequence[pb.Assignment]
    promotions: Sequence[pb.Promotion]
    signatures: Sequence[Checked]
    parity: Sequence[pb.Parity]

    @property
    def author(self) -> Checked:
        """The author's signature."""
        return self.signatures[0]


async def open_dossier(client: RegistryClient, name: str, version: str, trust: Trust | None) -> Dossier:
    """Ask for a version, fetch its bundle and check who signed it.

    Args:
        client: the registry.
        name: the model.
        version: its version.
        trust: whose signatures count; None when nobody said so, which leaves them unchecked.

    Raises:
        ConfigError: there is no such version.
        BundleError: what the registry gives as its manifest is none.
        RegistryError: the registry refuses, or is away.
    """
    listed = await client.list(name, version)
    if not listed.models:
        raise ConfigError(f"the registry has no version {version} of {name}: see `andon registry list`")
    model = listed.models[0]
    assignments = [each for each in listed.assignments if each.model.version == version]
    signatures, bundle = await _signatures(client, model, assignments, trust)
    manifest = bundle.manifest if bundle else parse_manifest(model.manifest, f"manifest of {name} {version}")
    promotions = [each for each in listed.promotions if each.version == version]
    return Dossier(model, manifest, bundle, assignments, promotions, signatures, listed.parity)


async def _signatures(
    client: RegistryClient, model: pb.ModelVersion, assignments: Sequence[pb.Assignment], trust: Trust | None
) -> tuple[list[Checked], Bundle | None]:
    """Return the signatures, and the bundle when its author's counts."""
    approved = [each for each in assignments if each.approver_signature]
    if trust is None:
        return _unchecked(approved, "ANDON_MODELS__TRUST does not say whose signatures count"), None
    with tempfile.TemporaryDirectory(prefix="andon-dossier-") as folder:
        try:
            bundle = await BundleCache(Path(folder)).bring(model, client)
        except (BundleError, RegistryError, OSError) as error:
            return _unchecked(approved, f"the bundle could not be fetched: {error}"), None
        return await asyncio.to_thread(_checked, bundle, model, approved, trust)


def _unchecked(approved: Sequence[pb.Assignment], why: str) -> list[Checked]:
    reason = f"not checked: {why}"
    approvals = [Checked(Role.APPROVER, alias_name(each.alias), None, reason) for each in approved]
    return [Checked(Role.AUTHOR, "", None, reason), *approvals]


def _checked(
    folder: Path, model: pb.ModelVersion, approved: Sequence[pb.Assignment], trust: Trust
) -> tuple[list[Checked], Bundle | None]:
    author = _noted(Checked(Role.AUTHOR, "", None), partial(_author, folder, model, trust))
    approvals = [
        _noted(
            Checked(Role.APPROVER, alias_name(each.alias), None),
            partial(_approver, folder, each, trust, author.signature),
        )
        for each in approved
    ]
    return [author, *approvals], read_bundle(folder) if author.signature else None


def _author(folder: Path, model: pb.ModelVersion, trust: Trust) -> Signature:
    signed = trust.verify(folder, model.author_signature, Role.AUTHOR)
    found = read_bundle(folder).manifest
    if (found.name, found.version) != (model.name, model.version):
        raise BundleError(f"what is signed is version {found.version} of {found.name}")
    return signed


def _approver(folder: Path, assignment: pb.Assignment, trust: Trust, author: Signature | None) -> Signature:
    signed = trust.verify(folder, assignment.approver_signature, Role.APPROVER)
    if author:
        check_four_eyes(author, signed)
    check_approval(signed, assignment)
    return signed


def _noted(unsigned: Checked, check: Callable[[], Signature]) -> Checked:
    """Return what a check says, also when the signature does not count."""
    try:
        return replace(unsigned, signature=check())
    except BundleError as error:
        return replace(unsigned, reason=str(error))
