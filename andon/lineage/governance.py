"""What the model registry knows of the model that spoke: who made it, who let it act, and what was in force then."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from andon.errors import AndonError, RegistryError
from andon.models import Bundle
from andon.registry.audit import Entry
from andon.registry.client import RegistryClient, connected
from andon.registry.dossier import Dossier, open_dossier
from andon.registry.ledger import read_log
from andon.registry.settings import ModelSettings
from andon.signing import Trust


@dataclass(frozen=True, slots=True)
class Governance:
    """What is known of the model that spoke; what could not be learned is named in `gaps`.

    Attributes:
        dossier: its version, with signatures checked here.
        log: the whole audit log.
        gaps: what is missing, a sentence each.
    """

    dossier: Dossier | None
    log: Sequence[Entry]
    gaps: Sequence[str]

    @property
    def bundle(self) -> Bundle | None:
        """The model itself, when its author's signature counts."""
        return self.dossier.bundle if self.dossier else None


async def ask_registry(settings: ModelSettings, model: Mapping[str, Any]) -> Governance:
    """Return what the registry knows; whatever stands in the way becomes a gap.

    Args:
        settings: the registry, and whose signatures count.
        model: the model as the inference names it.
    """
    gaps: list[str] = []
    try:
        trust = Trust.load(settings.trust) if settings.trust else None
        async with connected(settings.registry) as client:
            dossier = await _dossier(client, model, trust, gaps)
            return Governance(dossier, await _log(client, gaps), gaps)
    except AndonError as error:  # the chain is shown all the same
        return Governance(None, (), [f"signatures and approvals: {error}"])


async def _dossier(
    client: RegistryClient, model: Mapping[str, Any], trust: Trust | None, gaps: list[str]
) -> Dossier | None:
    try:
        return await open_dossier(client, model["name"], model["version"], trust)
    except RegistryError as error:
        if error.away:
            raise
        gaps.append(f"the model's version: {error}")
    except AndonError as error:
        gaps.append(f"the model's version: {error}")
    return None


async def _log(client: RegistryClient, gaps: list[str]) -> Sequence[Entry]:
    try:
        return await read_log(client)
    except RegistryError as error:
        gaps.append(f"who asked, approved and rolled back: {error}")
        return ()
