"""Recordings of real and simulated plants that others published: each is described by a mapping alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import yaml

from andon.plant import Plant
from andon.recordings.findings import Findings, Problem
from andon.recordings.mapping import Mapping, load_mapping
from andon.recordings.merge import merge
from andon.recordings.recording import Recording, open_recording

from .recordings import SECOND, real_data

SKAB = Path(__file__).parents[2] / "examples" / "skab"


def plant(assets: list[str], tags: list[str]) -> Plant:
    return Plant.model_validate(
        {
            "enterprise": "acme",
            "site": "north",
            "classes": {"machine": {"tags": {tag: {} for tag in tags}}},
            "assets": {asset: {"class": "machine"} for asset in assets},
        }
    )


def frames_of(recording: Recording) -> tuple[pl.DataFrame, Findings]:
    (name,) = recording.plant.classes
    chunks = list(merge(recording.streams()))
    frames = pl.concat([chunk.frames[name] for chunk in chunks])
    assert frames["time"].is_sorted()
    return frames, sum((chunk.findings for chunk in chunks), Findings())


def skab(**options: Any) -> Recording:
    model = Plant.model_validate(yaml.safe_load((SKAB / "plant.yaml").read_text(encoding="utf-8")))
    return open_recording(real_data("skab") / "valve1", load_mapping(SKAB / "mapping.yaml"), model, **options)


def test_the_example_fits_its_plant() -> None:
    model = Plant.model_validate(yaml.safe_load((SKAB / "plant.yaml").read_text(encoding="utf-8")))
    (entry,) = load_mapping(SKAB / "mapping.yaml").assets
    assert set(entry.columns.values()) == set(model.classes["valve-rig"].tags)
    assert [entry.asset.format(stem=i) for i in range(16)] == list(model.assets)


def test_skab_replays_as_a_fleet() -> None:
    frames, findings = frames_of(skab())
    assert frames.height == 18_160
    assert frames["asset"].n_unique() == 16
    assert not findings
    assert frames["time"].max() - frames["time"].min() < 1_300 * SECOND  # type: ignore[operator]
    assert frames["values"].struct.unnest().null_count().row(0) == (0,) * 8


def test_skab_labels_meet_their_frames() -> None:
    recording = skab(skip_rows=400)
    frames, labels = frames_of(recording)[0], recording.labels()
    assert frames.height == labels.height == 18_160 - 16 * 400
    assert frames.join(labels, on=["asset", "time"], how="inner").height == labels.height
    assert labels["anomaly"].unique().sort().to_list() == [0.0, 1.0]


def tennessee(files: str, **csv: Any) -> Recording:
    header = [f"x{i}" for i in range(1, 53)]
    mapping = {
        "files": files,
        "csv": {"separator": "whitespace", "header": header, **csv},
        "time": {"start": "2024-01-01T00:00:00Z", "step": "3min"},
        "assets": [{"asset": "reactor/{stem}", "columns": {column: column for column in header}}],
    }
    names = [f"d{i:02}{te}" for i in range(22) for te in ("", "_te")]
    model = plant([f"reactor/{name}" for name in names], header)
    return open_recording(real_data("tep"), Mapping.model_validate(mapping), model)


def test_tennessee_eastman_is_whitespace_without_header_or_time() -> None:
    frames, findings = frames_of(tennessee("d0[1-3]_te.dat.xz"))
    assert frames.height == 3 * 960
    assert frames.filter(asset="reactor/d01_te")["time"].diff().unique().drop_nulls().to_list() == [180 * SECOND]
    assert not findings


def test_tennessee_eastman_without_faults_is_transposed() -> None:
    frames, findings = frames_of(tennessee("d00.dat.xz", transposed=True))
    first = frames["values"].struct.unnest()
    assert first.shape == (500, 52)
    assert (first["x1"][0], first["x2"][0], first["x1"][1]) == (0.24987, 3642.6, 0.25118)
    assert not findings


def test_turbofans_are_one_file_of_many_assets_in_cycles() -> None:
    names = [f"s{i}" for i in range(1, 22)]
    mapping = {
        "files": "train_FD001.txt.gz",
        "csv": {"separator": "whitespace", "header": ["unit", "cycle", "o1", "o2", "o3", *names]},
        "time": {"column": "cycle", "format": "steps", "start": "2024-01-01T00:00:00Z", "step": "1h"},
        "assets": [{"asset": "fleet/engine-{unit}", "columns": {name: name for name in names}}],
        "sort": True,
    }
    model = plant([f"fleet/engine-{i}" for i in range(1, 101)], names)
    frames, findings = frames_of(open_recording(real_data("cmapss"), Mapping.model_validate(mapping), model))
    assert frames.height == 20_631
    assert frames["asset"][:100].n_unique() == 100
    assert not findings


def test_a_demonstrator_with_epoch_seconds() -> None:
    mapping = {
        "files": "Genesis_AnomalyLabels.csv.gz",
        "time": {"column": "Timestamp", "format": "epoch_s"},
        "assets": [{"asset": "cell/picker", "columns": {"MotorData.ActCurrent": "a", "MotorData.ActSpeed": "v"}}],
        "labels": ["Label"],
    }
    recording = open_recording(
        real_data("genesis"), Mapping.model_validate(mapping), plant(["cell/picker"], ["a", "v"])
    )
    frames, findings = frames_of(recording)
    assert frames["time"][0] == 1_461_148_512_938_000
    assert frames.height == recording.labels().height
    assert {finding.problem for finding in findings} <= {Problem.REPEATED}
