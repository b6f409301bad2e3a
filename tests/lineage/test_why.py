"""`andon why`: every link of the chain is found on a real broker, and the score comes out again from the raw frames."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from andon.contracts.headers import LINEAGE_HEADER
from andon.errors import ConfigError
from andon.lineage import Place, parse_id, parse_lineage
from andon.lineage.walk import Walk
from andon.plant.load import load_plant
from andon.serving.loading import load_bundles
from andon.settings import KafkaSettings
from tests.lineage.pumping import ASSET, frames, plant_file, run_chain, samples, trained, why
from tests.stream.bus import site_ready


async def test_an_alert_is_walked_back_to_its_raw_frames_and_its_score_is_computed_again(
    kafka: KafkaSettings, site: str, tmp_path: Path
) -> None:
    file = plant_file(tmp_path, site)
    plant = load_plant(file)
    bundles = trained(plant, tmp_path)
    (bundle,) = (bundles / "pump").iterdir()
    (alert, *_) = await run_chain(kafka, plant, load_bundles(bundles, plant.classes, None).bundles)
    name = orjson.loads(alert.value)["alert"]

    chain = await Walk(kafka, plant).back_from(name)
    assert chain.gaps == []
    assert chain.feature is not None
    start, end = chain.feature.event["start"], chain.feature.event["time"]
    times = [frame["time"] for frame in frames(samples(60, seed=2, raised=9), ASSET) if start <= frame["time"] < end]
    assert [link.event["time"] for link in chain.context] == times
    assert [link.event["id"] for link in chain.raw] == [f"{ASSET}@{time}:raw:1" for time in times]

    shown = await why(kafka, file, name, "--replay", "--bundle", str(bundle))
    assert shown.exit_code == 0, shown.output
    for expected in (name, "by model pump", "power_mean", "of 10 frames", "session press-7", "features agree"):
        assert expected in shown.output
    assert f"raw {len(times)} frames at {chain.raw[0].place.topic}" in shown.output
    for link in (chain.inference, chain.feature):
        assert link is not None
        assert (await why(kafka, file, link.event["id"])).exit_code == 0

    # A plant model in which power is kilowatts all along: the frames are no longer what the model saw.
    file.write_text(file.read_text().replace("source_unit: W", "source_unit: kW"))
    other = await why(kafka, file, name, "--replay")
    assert other.exit_code == 1
    assert "give the former file" in other.output


@pytest.mark.parametrize("name", ["pump", f"{ASSET}@x:alert", f"{ASSET}@1:raw:1", "@1:alert", ""])
def test_what_is_no_decision_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="is no id of a decision"):
        parse_id(name)


async def test_an_unknown_decision_says_where_it_was_sought(kafka: KafkaSettings, site: str, tmp_path: Path) -> None:
    plant = load_plant(plant_file(tmp_path, site))
    with pytest.raises(ConfigError, match="there is no topic"):
        await Walk(kafka, plant).back_from(f"{ASSET}@1:inference:1")
    await site_ready(kafka, plant)
    with pytest.raises(ConfigError, match="misspelt, or older than the topic keeps"):
        await Walk(kafka, plant).back_from(f"{ASSET}@1:inference:1")


def test_lineage_headers_are_read_as_they_are_written() -> None:
    assert parse_lineage("uns.v1.acme.north.raw/3@7-9") == Place("uns.v1.acme.north.raw", 3, 7, 9)
    assert parse_lineage(LINEAGE_HEADER) is None
    assert str(Place("t", 1, 5, 5)) == "t/1@5"
