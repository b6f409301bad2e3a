"""The source killed while it replays: it begins again or goes on, and what it sends twice has one effect."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import orjson
import polars as pl
import yaml

from andon.settings import KafkaSettings
from andon.stream.topics import ensure_topics
from andon.uns import Stage
from sandbox.chain import sources_file
from tests.faults.processes import ASSETS, distinct, pump_frame, pumping_site, undisturbed


def write_recording(folder: Path, frames: list[dict[str, Any]], **options: Any) -> dict[str, str]:
    """Write frames as a recording and return the settings that replay it in about five seconds."""
    folder.mkdir()
    rows = pl.DataFrame(frames).select("asset", "time", pl.col("values").struct.unnest())
    rows.write_parquet(folder / "frames.parquet")
    columns = {"asset": "{asset}", "columns": {"flow": "flow", "power": "power"}}
    time = {"column": "time", "format": "epoch_us"}
    mapping = {"files": "frames.parquet", "format": "parquet", "time": time, "assets": [columns]}
    (folder / "mapping.yaml").write_text(yaml.safe_dump(mapping))
    named = {"name": "pumps", "kind": "recording", "folder": str(folder), "mapping": str(folder / "mapping.yaml")}
    return sources_file(folder, {**named, "to": "raw", "speed": 20, **options})


async def test_a_killed_source_begins_again_and_every_frame_counts_once(
    kafka: KafkaSettings, site: str, tmp_path: Path
) -> None:
    frames = [pump_frame(asset, index) for index in range(1_000) for asset in ASSETS]
    async with pumping_site(kafka, site, tmp_path) as plant_site:
        plant_site.extra = write_recording(tmp_path / "recording", frames)
        await ensure_topics(kafka, plant_site.plant)
        await (await plant_site.start("context")).ready()
        source = await plant_site.start("ingest")
        async with asyncio.timeout(60):
            while len(await plant_site.read(Stage.CONTEXT)) < len(frames) // 4:
                await asyncio.sleep(0.05)
        await source.kill()
        source = await plant_site.start("ingest")
        assert await asyncio.wait_for(source.process.wait(), 60) == 0
        expected = undisturbed(plant_site.plant, frames)[Stage.CONTEXT]
        found = await plant_site.until_ids(Stage.CONTEXT, set(expected))
        records = await plant_site.read(Stage.CONTEXT)
        assert len(records) == len(distinct(records)) == len(frames)
        assert len(await plant_site.read(Stage.RAW)) > len(frames)
        letters = [orjson.loads(record.value) for record in await plant_site.read(Stage.DEADLETTER)]
        assert [(letter["service"], letter["reason"], letter["detail"]) for letter in letters] == []
    for name, event in found.items():
        assert (event["values"], event["quality"]) == (expected[name]["values"], expected[name]["quality"])


#: Frames that go out at once at the rate below.
BATCH = 30


async def test_a_killed_replay_goes_on_where_it_was_and_history_passes_by_live_data(
    kafka: KafkaSettings, site: str, tmp_path: Path
) -> None:
    frames = [pump_frame(asset, index) for index in range(600) for asset in ASSETS]
    async with pumping_site(kafka, site, tmp_path) as plant_site:
        history = {"to": "backfill", "speed": "max", "rate": BATCH * 50, "resume": str(tmp_path / "position.json")}
        source_file = write_recording(tmp_path / "recording", frames, **history)
        plant_site.extra = {**source_file, "ANDON_CONTEXT__INPUT": "backfill"}
        await ensure_topics(kafka, plant_site.plant)
        await (await plant_site.start("context")).ready()
        source = await plant_site.start("ingest")
        async with asyncio.timeout(60):
            while len(await plant_site.read(Stage.CONTEXT)) < len(frames) // 4:
                await asyncio.sleep(0.05)
        await source.kill()
        for _ in range(2):  # the second time there is nothing left to do
            source = await plant_site.start("ingest")
            assert await asyncio.wait_for(source.process.wait(), 60) == 0
        expected = undisturbed(plant_site.plant, frames)[Stage.CONTEXT]
        await plant_site.until_ids(Stage.CONTEXT, set(expected))
        assert len(await plant_site.read(Stage.CONTEXT)) == len(frames)
        sent = [orjson.loads(record.value) for record in await plant_site.read(Stage.BACKFILL)]
        assert await plant_site.read(Stage.RAW) == []
    # eight assets at an instant go together
    assert len(frames) <= len(sent) <= len(frames) + BATCH + len(ASSETS)
    assert len({frame["session"] for frame in sent}) == len(ASSETS)
    numbered = {(frame["asset"], frame["sequence"]): frame["time"] for frame in sent}
    assert numbered == {(frame["asset"], frame["sequence"]): frame["time"] for frame in frames}
