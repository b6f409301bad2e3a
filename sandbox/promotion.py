"""Two people take models all the way to production: Anna publishes them, Boris approves them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from andon.clock import wall_clock
from andon.models import Manifest, load_bundle
from andon.registry.acts import approve_request, publish_bundle
from andon.registry.client import connected
from andon.registry.v1 import registry_pb2 as pb
from andon.signing import Trust
from sandbox.registry import RegistrySite

_WHOLE = 1_000


async def promote_all(site: RegistrySite, bundles: Path, say: Callable[[str], None]) -> list[pb.Assignment]:
    """Let Anna publish every bundle in a folder and ask for it, and Boris approve it; return what acts now."""
    trust = Trust.load(site.trust)
    acting = []
    async with connected(site.client("anna")) as anna, connected(site.client("boris")) as boris:
        for folder in _folders(bundles):
            manifest = load_bundle(folder).manifest
            await publish_bundle(anna, folder, site.signer("anna"), "trained on the normal part")
            reason = f"verdict: go ({_criteria(manifest)})"
            asked = await anna.request_promotion(manifest.name, manifest.version, pb.ALIAS_PRODUCTION, _WHOLE, reason)
            number = asked.promotion.id
            approved = await approve_request(boris, number, site.signer("boris"), trust, "agreed", wall_clock)
            acting.append(approved.assignment)
            say(
                f"model {manifest.name} {manifest.version}: signed by {approved.assignment.model.author}, approved by "
                f"{approved.assignment.approver}, entry {approved.receipt.number} of the audit log"
            )
    return acting


def _folders(bundles: Path) -> list[Path]:
    return sorted(path.parent for path in bundles.glob("*/*/manifest.json"))


def _criteria(manifest: Manifest) -> str:
    criteria = manifest.verdict.criteria if manifest.verdict else ()
    return ", ".join(f"{each.name} {each.value:.3g}" for each in criteria)
