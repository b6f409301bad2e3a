"""Datasets: what was so at the time, divided by time, normal where it must be, and the same whenever built."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from andon.contracts import Frame, PlantEvent
from andon.errors import ConfigError, TrainingError
from andon.features import FeatureDefinition
from andon.plant import Plant
from andon.plant.columns import event_schema
from services.historian.lake.files import Files
from services.historian.lake.lake import Lake, Pace
from services.trainer.datasets.build import Source, VectorDataset, build_dataset, check_parity
from services.trainer.datasets.cli import app
from services.trainer.datasets.divide import divide
from services.trainer.datasets.folder import load_dataset, save_dataset
from services.trainer.datasets.frames import context_frames, truth_of
from services.trainer.datasets.sources import read_events
from tests.trainer.pumps import plant_of_pumps

SECOND = 1_000_000
START = 1_704_067_200 * SECOND  # 2024-01-01T00:00:00Z
ROWS = 1_000
PLANT_FILE = plant_of_pumps("hall/a", "hall/b", tags={"flow": {"range": [0, 100]}, "pressure": {}})
PLANT = Plant.model_validate(PLANT_FILE)
PUMP = PLANT.classes["pump"]


def at(second: int) -> int:
    return START + second * SECOND


def frames(asset: str = "hall/a", seed: int = 0) -> pl.DataFrame:
    """Frames of 1,000 s; the flow sensor is out of range from 100 s to 150 s."""
    random = np.random.default_rng(seed)
    flow, pressure = random.normal(20, 1, ROWS), random.normal(3, 0.1, ROWS)
    flow[100:150] = 500
    rows = pl.DataFrame({"time": START + np.arange(ROWS) * SECOND, "flow": flow, "pressure": pressure})
    return rows.select(pl.lit(asset).alias("asset"), "time", pl.struct("flow", "pressure").alias("values"))


def service(first: int, last: int, revision: int = 0) -> PlantEvent:
    return PlantEvent(
        id="m1", time=at(first), end=at(last), asset="hall/a", kind="maintenance", name="seal", revision=revision
    )


def intervals(*spans: tuple[str, int, int]) -> pl.DataFrame:
    rows = [(asset, at(start), at(end)) for asset, start, end in spans]
    return pl.DataFrame(rows, schema={"asset": pl.String, "start": pl.Int64, "end": pl.Int64}, orient="row")


def built(**source: Any) -> VectorDataset:
    return build_dataset(PLANT, "pump", Source("test", **({"frames": frames()} | source)))


def test_learned_from_is_only_what_was_normal_and_judged_is_also_what_was_not() -> None:
    truth = truth_of(frames(), intervals(("hall/a", 300, 350), ("hall/a", 900, 950)))
    dataset = built(truth=truth, events=[service(400, 500)])
    learned = pl.concat([dataset.parts["train"], dataset.parts["calibration"]])
    for first, last in ((300, 350), (400, 500)):
        assert learned.filter(pl.col("start") < at(last), pl.col("time") > at(first)).is_empty()
    assert learned["good_ratio"].min() == 0.75  # windows that hold half of their flow out of range are gone
    assert not learned["abnormal"].any()
    test = dataset.parts["test"].filter("abnormal")
    assert (test["time"].min(), test["time"].max()) == (at(905), at(950))
    assert set(dataset.card.left_out) == {"abnormal", "bad_quality", "gap", "maintenance"}
    assert sum(dataset.card.left_out.values()) + sum(map(len, dataset.parts.values())) == 201


def test_a_frame_knows_what_was_valid_at_its_time_as_last_corrected() -> None:
    told = context_frames(frames(), PLANT, "pump", [service(400, 500), service(400, 450, revision=1)])
    served = told.filter(pl.col("context").struct.field("maintenance") == "seal")
    assert (served["time"].min(), served["time"].max(), served.height) == (at(400), at(449), 50)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 200)), min_size=60, max_size=120, unique=True),
    st.integers(1, 3),
)
def test_parts_follow_each_other_with_a_window_between_them(places: list[tuple[str, int]], panes: int) -> None:
    definition = FeatureDefinition(window=panes * SECOND, hop=SECOND, tags=("flow",))
    marked = pl.DataFrame(places, schema=["asset", "step"], orient="row").select(
        "asset",
        start=pl.col("step") * SECOND,
        time=pl.col("step") * SECOND + definition.window,
        reason=pl.lit(None, pl.String),
    )
    try:
        parts, left_out = divide(marked, definition)
    except TrainingError:
        return  # so few windows that gaps take a whole part
    assert sum(map(len, parts.values())) + left_out.get("gap", 0) == len(places)
    train, calibration, test = (
        dict(part.group_by("asset").agg("start", "time").rows_by_key("asset")) for part in parts.values()
    )
    for earlier, later in ((train, calibration), (calibration, test), (train, test)):
        for asset in earlier.keys() & later.keys():
            ((_, ends),), ((starts, _),) = earlier[asset], later[asset]
            assert min(starts) >= max(ends) + definition.window


def test_the_same_frames_make_the_same_dataset_in_whatever_order(tmp_path: Path) -> None:
    both = pl.concat([frames(), frames("hall/b", 1)])
    one, other = built(frames=both), built(frames=both.sample(fraction=1, shuffle=True, seed=3))
    assert one.card == other.card
    path = save_dataset(one, tmp_path)
    assert path.name == f"pump-{one.card.content[:12]}"
    assert load_dataset(path).card == one.card
    assert save_dataset(other, tmp_path) == path
    assert built(frames=frames()).card.content != one.card.content


def test_a_changed_dataset_is_refused(tmp_path: Path) -> None:
    path = save_dataset(built(), tmp_path)
    rows = pl.read_parquet(path / "train.parquet")
    rows.with_columns(pl.col("features").struct.with_fields(flow_mean=pl.lit(1.0))).write_parquet(
        path / "train.parquet"
    )
    with pytest.raises(TrainingError, match="a file was changed or damaged"):
        load_dataset(path)
    with pytest.raises(TrainingError, match="is no dataset"):
        load_dataset(tmp_path)


def test_drift_between_parts_is_on_the_card() -> None:
    late = pl.when(pl.col("time") >= at(810)).then(30.0).otherwise(pl.col("values").struct.field("flow"))
    moved = frames().with_columns(pl.col("values").struct.with_fields(flow=late))
    cards = built(frames=moved).card.parts
    assert cards["test"].drift["flow_mean"] == 1
    assert cards["calibration"].drift["flow_mean"] < 0.5
    assert cards["train"].drift["flow_mean"] == 0


def test_parity_is_computed_on_the_datasets_own_frames_and_sees_one_changed_bit() -> None:
    assert built().card.parity.mismatches == 0
    assert built().card.parity.checked == 201
    told = context_frames(frames(), PLANT, "pump", [])
    vectors = pl.concat([part.drop("abnormal") for part in built().parts.values()])
    mean = pl.col("features").struct.field("flow_mean")
    bent = pl.when(pl.col("time") == vectors["time"][3]).then(mean * (1 + 2**-52)).otherwise(mean)
    changed = vectors.with_columns(pl.col("features").struct.with_fields(flow_mean=bent))
    assert check_parity(changed, told, PUMP).mismatches == 1


@pytest.mark.parametrize(("first", "last"), [(300, 400), (50, 750)])
def test_a_labelled_part_has_as_many_windows_of_faults_as_normal_ones(first: int, last: int) -> None:
    truth = truth_of(frames(), intervals(("hall/a", first, last), ("hall/a", 900, 950)))
    source = Source("test", frames(), truth)
    dataset = build_dataset(PLANT, "pump", source, balance=1)
    labelled, card = dataset.parts["labelled"], dataset.card.balance
    assert card is not None
    assert labelled["abnormal"].sum() * 2 == labelled.height == 2 * min(card.normal, card.abnormal)
    assert labelled["time"].max() <= dataset.parts["test"]["start"].min()  # type: ignore[operator]
    assert labelled.filter("abnormal")["time"].is_between(at(first), at(last), closed="right").all()
    whole = labelled.filter(~pl.col("abnormal")) if card.normal <= card.abnormal else labelled.filter("abnormal")
    assert whole.height == min(card.normal, card.abnormal)  # of the class that has fewer none is left out
    chosen = labelled.filter(abnormal=card.abnormal > card.normal)["time"].sort()
    assert (chosen.diff().drop_nulls() == 5 * SECOND).mean() > 0.5  # type: ignore[operator]  # in blocks
    assert build_dataset(PLANT, "pump", source, balance=1).card == dataset.card
    assert build_dataset(PLANT, "pump", source, balance=2).card.content != dataset.card.content
    plain = built(truth=truth)
    assert {name: part.height for name, part in plain.parts.items()} == {
        name: part.height for name, part in dataset.parts.items() if name != "labelled"
    }


def test_windows_of_one_class_only_are_not_balanced() -> None:
    late = truth_of(frames(), intervals(("hall/a", 900, 950)))
    for source in (Source("test", frames()), Source("test", frames(), late)):
        with pytest.raises(TrainingError, match=r"windows before the test part are normal: .* leave out --balance"):
            build_dataset(PLANT, "pump", source, balance=0)


def test_a_period_without_enough_normal_windows_is_refused() -> None:
    with pytest.raises(TrainingError, match=r"no window is left for train and .*maintenance"):
        built(events=[service(0, 1_000)])


def write_lake(folder: Path) -> Path:
    schema = event_schema(Frame, PUMP, without=("id",))
    rows = [
        {
            "asset": row["asset"],
            "time": row["time"],
            "ingest_time": row["time"],
            "session": "s",
            "sequence": number,
            "values": row["values"],
            "status": {"flow": 0x80000000, "pressure": None} if 200 <= number < 230 else None,
        }
        for number, row in enumerate(frames().iter_rows(named=True))
    ]
    lake = Lake(Files(folder), Pace(grace=0, idle_s=0.0))
    made = pl.DataFrame(rows, schema=schema).with_columns(partition=pl.lit(3, pl.Int32))
    lake.append([("pump", made[:600])], 0.0)
    lake.append([("pump", made[500:])], 0.0)
    lake.close_all()
    return folder


def test_the_command_builds_from_the_lake_and_from_a_recording(tmp_path: Path) -> None:
    (tmp_path / "plant.yaml").write_text(yaml.safe_dump(PLANT_FILE))
    lake = write_lake(tmp_path / "lake")
    intervals(("hall/a", 900, 950)).write_csv(tmp_path / "labels.csv")
    (tmp_path / "events.jsonl").write_text(service(400, 500).model_dump_json() + "\n")
    given = [
        "build",
        "--plant",
        tmp_path / "plant.yaml",
        "--output",
        tmp_path / "sets",
        "--events",
        tmp_path / "events.jsonl",
    ]
    labelled = [*map(str, given), "--lake", str(lake), "--labels", str(tmp_path / "labels.csv")]
    refused = CliRunner().invoke(app, [*labelled, "--balance"])
    assert refused.exit_code == 2
    assert "leave out --balance" in refused.output
    done = CliRunner().invoke(app, labelled)
    assert done.exit_code == 0, done.output
    (path,) = (tmp_path / "sets").iterdir()
    dataset = load_dataset(path)
    assert dataset.card.left_out["maintenance"] > 15
    assert dataset.card.parts["test"].abnormal == 10
    assert dataset.card.left_out["bad_quality"] == 11 + 5  # the source's own status counts, too

    recording = tmp_path / "recording"
    recording.mkdir()
    frames().unnest("values").drop("asset").write_parquet(recording / "a.parquet")
    columns = {"flow": "flow", "pressure": "pressure"}
    described = {
        "files": "*.parquet",
        "format": "parquet",
        "time": {"column": "time", "format": "epoch_us"},
        "assets": [{"asset": "hall/a", "columns": columns}],
    }
    (recording / "mapping.yaml").write_text(yaml.safe_dump(described))
    done = CliRunner().invoke(app, [*map(str, given), "--recording", str(recording)])
    assert done.exit_code == 0, done.output
    assert len(list((tmp_path / "sets").iterdir())) == 2
    refused = CliRunner().invoke(app, [*map(str, given), "--recording", str(recording), "--lake", str(lake)])
    assert isinstance(refused.exception, ConfigError)
    refused = CliRunner().invoke(app, [*map(str, given), "--recording", str(recording), "--labels", "x.csv"])
    assert "--labels is not for this source" in str(refused.exception)


def test_what_is_no_event_is_named_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    file.write_text(service(1, 2).model_dump_json() + "\n" + json.dumps({"id": "x"}) + "\n")
    with pytest.raises(ConfigError, match=r"events.jsonl:2: is no event of the plant"):
        read_events(file)
