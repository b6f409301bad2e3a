"""Inference follows a real registry: what was let through serves, what is bad does not, an outage changes nothing."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from andon.clock import wall_clock
from andon.contracts import ModelEvent
from andon.errors import ConfigError
from andon.models import Bundle
from andon.models.bundle import MODEL_FILE
from andon.registry.acts import roll_back
from andon.registry.client import connected
from andon.registry.settings import ModelSettings
from andon.registry.v1 import registry_pb2 as pb
from andon.serving.follower import Follower
from andon.serving.lineup import Lineup
from andon.serving.news import ModelNews
from andon.serving.trial import Trials
from andon.settings import DatabaseSettings, KafkaSettings
from andon.signing import Trust
from andon.telemetry import Metrics
from sandbox.registry import RegistrySite
from services.inference.processor import judge_of
from services.inference.settings import InferenceSettings
from tests.models.graphs import without_numbers
from tests.models.sample import PLANT
from tests.registry.desk import NAME, model, promote, publish, registry

FIRST, SECOND, THIRD = model(1), model(2), model(3)
TRIALS = Trials(memory_mib=512)


class KeptNews(ModelNews):
    """Remembers what it would put on the bus."""

    def __init__(self) -> None:
        super().__init__(PLANT, KafkaSettings(), "inference")

    @property
    def told(self) -> list[tuple[str, str, str]]:
        waiting: list[ModelEvent] = list(self._waiting._queue)  # type: ignore[attr-defined]
        return [(event.action, event.version, event.reason) for event in waiting]


@dataclass
class Served:
    """What an inference service would serve."""

    news: KeptNews = field(default_factory=KeptNews)
    metrics: Metrics = field(default_factory=lambda: Metrics("inference"))
    lineups: list[Lineup] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def prepare(self, asset_class: str, lineup: Lineup) -> Callable[[], None]:
        judge_of(PLANT, asset_class, lineup, InferenceSettings())

        def install() -> None:
            self.lineups.append(lineup)
            self.changed.set()

        return install

    async def until(self, so: Callable[[], bool]) -> None:
        async with asyncio.timeout(20):
            while not so():
                await asyncio.sleep(0.02)

    @property
    def exposed(self) -> str:
        return self.metrics.exposition().decode()

    @property
    def production(self) -> str | None:
        found = self.lineups[-1].production if self.lineups else None
        return found.manifest.version if found else None


@contextlib.asynccontextmanager
async def following(site: RegistrySite, cache: Path) -> AsyncIterator[Served]:
    """Follow a registry as the inference service does, until the block ends."""
    served = Served()
    settings = ModelSettings(registry=site.client("inference"), trust=site.trust, cache=cache)
    follower = Follower(PLANT, settings, Trust.load(site.trust), TRIALS, served.prepare, served.news, served.metrics)
    await follower.remember()
    task = asyncio.create_task(follower.follow())
    try:
        yield served
        assert not task.done()
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def version(bundle: Bundle) -> str:
    return bundle.manifest.version


async def test_what_is_let_through_serves_soon_and_nothing_before(database: DatabaseSettings, tmp_path: Path) -> None:
    async with registry(tmp_path, database) as site, following(site, tmp_path / "cache") as served:
        await publish(site, FIRST, tmp_path)
        await promote(site, SECOND, tmp_path)
        await served.until(lambda: served.production == version(SECOND))
        assert [lineup.production.ref.verified for lineup in served.lineups if lineup.production] == ["approver"]
        await promote(site, THIRD, tmp_path)
        await served.until(lambda: served.production == version(THIRD))
    assert [(action, name) for action, name, _ in served.news.told] == [
        ("loaded", version(SECOND)),
        ("loaded", version(THIRD)),
        ("retired", version(SECOND)),
    ]
    assert f'version="{version(THIRD)}"' in served.exposed
    assert version(SECOND) not in served.exposed


async def test_canary_and_shadow_speak_beside_production_until_they_are_ended(
    database: DatabaseSettings, tmp_path: Path
) -> None:
    async with registry(tmp_path, database) as site, following(site, tmp_path / "cache") as served:
        await promote(site, FIRST, tmp_path)
        await promote(site, SECOND, tmp_path, canary=250)
        await publish(site, THIRD, tmp_path)
        async with connected(site.client("anna")) as anna:
            await anna.assign(NAME, pb.ALIAS_SHADOW, version(THIRD), "compare")
            await served.until(lambda: bool(served.lineups and served.lineups[-1].shadows))
            lineup = served.lineups[-1]
            assert lineup.canary
            assert (lineup.canary.bundle.manifest.version, lineup.canary.share) == (version(SECOND), 0.25)
            assert [each.ref.verified for each in lineup.bundles] == ["approver", "approver", "author"]
            for alias in (pb.ALIAS_SHADOW, pb.ALIAS_CANARY):
                await anna.assign(NAME, alias, "", "seen enough")
        await served.until(lambda: served.lineups[-1].bundles == (served.lineups[-1].production,))
        assert served.production == version(FIRST)


async def test_a_roll_back_is_followed(database: DatabaseSettings, tmp_path: Path) -> None:
    async with registry(tmp_path, database) as site, following(site, tmp_path / "cache") as served:
        await promote(site, FIRST, tmp_path)
        await promote(site, SECOND, tmp_path)
        await served.until(lambda: served.production == version(SECOND))
        async with connected(site.client("boris")) as boris:
            await roll_back(boris, NAME, site.signer("boris"), Trust.load(site.trust), "alerts", wall_clock)
        await served.until(lambda: served.production == version(FIRST))


async def test_with_the_registry_away_what_served_last_serves_again(database: DatabaseSettings, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    async with registry(tmp_path, database) as site, following(site, cache) as served:
        await promote(site, FIRST, tmp_path)
        await served.until(lambda: served.production == version(FIRST))
    async with following(site, cache) as served:
        assert served.production == version(FIRST)
        async with registry(tmp_path, database, port=site.port):  # and when it is back, it is followed again
            await promote(site, SECOND, tmp_path)
            await served.until(lambda: served.production == version(SECOND))


async def test_a_damaged_cache_is_fetched_again_and_never_served(database: DatabaseSettings, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    async with registry(tmp_path, database) as site, following(site, cache) as served:
        await promote(site, FIRST, tmp_path)
        await served.until(lambda: served.production == version(FIRST))
    [graph] = cache.rglob(MODEL_FILE)
    graph.write_bytes(graph.read_bytes()[:-3] + b"bad")
    async with following(site, cache) as served:
        assert served.production is None
        [(action, name, reason)] = served.news.told
        assert (action, name) == ("refused", version(FIRST))
        assert "is not for this model.onnx" in reason
        async with registry(tmp_path, database, port=site.port):
            await served.until(lambda: served.production == version(FIRST))


async def test_a_bad_model_leaves_the_old_one_serving(database: DatabaseSettings, tmp_path: Path) -> None:
    bad = without_numbers()
    async with registry(tmp_path, database) as site, following(site, tmp_path / "cache") as served:
        await promote(site, FIRST, tmp_path)
        await promote(site, bad, tmp_path)  # two people signed it, and it is bad all the same
        await served.until(lambda: len(served.news.told) > 1)
        assert served.production == version(FIRST)
        action, name, reason = served.news.told[-1]
        assert (action, name) == ("refused", version(bad))
        assert "no finite score of a normal window" in reason
        assert 'andon_models_refused_total{asset_class="pump",service="inference"} 1.0' in served.exposed
    async with following(site, tmp_path / "cache") as served:
        assert served.production == version(FIRST), "nor does it serve after a restart"


async def test_bytes_that_were_damaged_in_the_registry_are_never_served(
    database: DatabaseSettings, tmp_path: Path
) -> None:
    cache = tmp_path / "cache"
    async with registry(tmp_path, database) as site:
        await promote(site, FIRST, tmp_path)
        for path in (site.folder / "blobs").rglob("*"):
            if path.is_file():
                path.write_bytes(path.read_bytes()[:-1] + b"!")
        async with following(site, cache) as served:
            await served.until(lambda: bool(served.news.told))
            assert served.production is None
            assert "SHA-256" in served.news.told[-1][2]
    assert not list(cache.rglob(MODEL_FILE))


async def test_an_old_approval_is_refused_though_everything_about_it_is_signed(
    database: DatabaseSettings, tmp_path: Path
) -> None:
    cache = tmp_path / "cache"
    async with registry(tmp_path, database) as site:
        first = await promote(site, FIRST, tmp_path)
        async with following(site, cache) as served:
            await promote(site, SECOND, tmp_path)
            await served.until(lambda: served.production == version(SECOND))
    served = Served()
    settings = ModelSettings(registry=site.client("inference"), trust=site.trust, cache=cache)
    follower = Follower(PLANT, settings, Trust.load(site.trust), TRIALS, served.prepare, served.news, served.metrics)
    await follower.remember()
    async with registry(tmp_path, database, port=site.port), connected(site.client("inference")) as client:
        await follower.take(NAME, [first.assignment], client)
    assert served.production == version(SECOND)
    assert "replays an old one" in served.news.told[-1][2]


async def test_a_damaged_memory_of_approvals_stops_the_start(database: DatabaseSettings, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    async with registry(tmp_path, database) as site, following(site, cache) as served:
        await promote(site, FIRST, tmp_path)
        await served.until(lambda: served.production == version(FIRST))
    (cache / f"{NAME}.known.json").write_text("{")
    with pytest.raises(ConfigError, match="is damaged"):
        async with following(site, cache):
            pass
