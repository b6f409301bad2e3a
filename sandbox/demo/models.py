"""The demo's models on their way: published by Anna, let through by Boris, and swapped while data flows."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from andon.errors import AndonError
from andon.registry.v1 import registry_pb2 as pb
from sandbox.monitor import Reading, scrape
from sandbox.promotion import promote_all
from sandbox.registry import RegistrySite

_POLL_S = 0.1
_PATIENCE_S = 30.0


@dataclass(frozen=True, slots=True)
class Swapped:
    """One model that took over from another while data flowed.

    Attributes:
        asset_class: of which class.
        before: version that acted until then.
        after: version that acts since.
        author: who signed it.
        approver: who let it through.
        seconds: from the approval until inference served it.
    """

    asset_class: str
    before: str
    after: str
    author: str
    approver: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Judged:
    """Who judged the windows of the run.

    Attributes:
        windows: that were judged.
        twice: windows on which more than one verdict acts.
        by_version: version to its acting verdicts.
    """

    windows: int
    twice: int
    by_version: dict[str, int]


def judged(verdicts: Iterable[dict[str, object]]) -> Judged:
    """Sum up inferences (as JSON); those of shadows, and repeats of one id, do not count."""
    acting = {str(each["id"]): each for each in verdicts if each["role"] != "shadow"}
    windows: dict[tuple[object, object], int] = {}
    by_version: dict[str, int] = {}
    for verdict in acting.values():
        place = verdict["asset"], verdict["time"]
        windows[place] = windows.get(place, 0) + 1
        model = verdict["model"]
        version = str(model["version"]) if isinstance(model, dict) else "none"
        by_version[version] = by_version.get(version, 0) + 1
    return Judged(len(windows), sum(count > 1 for count in windows.values()), by_version)


async def swap_all(
    site: RegistrySite, bundles: Path, before: Iterable[pb.Assignment], port: int, say: Callable[[str], None]
) -> list[Swapped]:
    """Let every bundle in a folder take over, and return once inference, whose metrics are at *port*, serves them.

    Raises:
        AndonError: it does not serve them in time.
    """
    acted = {each.model.name: each.model.version for each in before}
    began = time.monotonic()
    acting = await promote_all(site, bundles, say)
    approved = time.monotonic()
    await _serving({each.model.version for each in acting}, port)
    seconds = time.monotonic() - approved
    say(f"swapped while data flows, {seconds:.1f} s after the approval ({approved - began:.1f} s for the paperwork)")
    return [
        Swapped(
            asset_class=each.model.asset_class,
            before=acted.get(each.model.name, "none"),
            after=each.model.version,
            author=each.model.author,
            approver=each.approver,
            seconds=seconds,
        )
        for each in acting
    ]


async def _serving(versions: set[str], port: int) -> None:
    loaded: set[str] = set()
    deadline = time.monotonic() + _PATIENCE_S
    while not versions <= loaded:
        if time.monotonic() > deadline:
            raise AndonError(f"inference does not serve {', '.join(sorted(versions - loaded))}; its log says why")
        await asyncio.sleep(_POLL_S)
        reading: Reading = (await scrape({"inference": port}))["inference"]
        loaded = set(reading.by("andon_model_info", "version"))
