"""What a demo runs on: a recording with a normal part to train on, a part to watch, and the ground truth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl
import yaml

from andon.errors import RecordingError
from andon.plant import Plant
from andon.plant.load import load_plant
from andon.recordings import Recording, load_mapping, open_recording
from sandbox.demo.evaluation import LabelledEvent
from sandbox.station.record import LABELS, MAPPING, write_recording
from sandbox.station.simulate import StationConfig, simulate

#: Rows at the start of each file of a labelled recording that are taken as normal.
TRAINING_ROWS = 400
_ANOMALY = "anomaly"


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of a recording.

    Attributes:
        folder: the recording.
        mapping: how to read it.
        skip_rows: rows of each file that come before the stretch.
        max_rows: rows of each file that the stretch has; None for all.
    """

    folder: Path
    mapping: Path
    skip_rows: int = 0
    max_rows: int | None = None

    def open(self, plant: Plant) -> Recording:
        """Open the recording.

        Raises:
            RecordingError: it cannot be read so.
        """
        return open_recording(
            self.folder, load_mapping(self.mapping), plant, skip_rows=self.skip_rows, max_rows=self.max_rows
        )


@dataclass(frozen=True, slots=True)
class Scenario:
    """Everything that a demo needs to know.

    Attributes:
        title: what it is, for the screen.
        plant_file: the plant model.
        training: the normal part.
        live: the part to watch.
        events: ground truth of the live part.
        spans: per asset, first and last event time of the live part, microseconds UTC.
        frames: frames in the live part.
        shift: what machines add to the times that the live part was recorded with; it is in `events` and `spans`.
    """

    title: str
    plant_file: Path
    training: Part
    live: Part
    events: tuple[LabelledEvent, ...]
    spans: Mapping[str, tuple[int, int]]
    frames: int
    shift: int = 0

    def moved(self, shift: int) -> Scenario:
        """Return the same at another time: *shift* microseconds later."""
        events = tuple(replace(each, start=each.start + shift, end=each.end + shift) for each in self.events)
        spans = {asset: (first + shift, last + shift) for asset, (first, last) in self.spans.items()}
        return replace(self, events=events, spans=spans, shift=self.shift + shift)

    @property
    def span(self) -> int:
        """Event time from the live part's first to its last frame, microseconds."""
        return max(last for _, last in self.spans.values()) - min(first for first, _ in self.spans.values())


def examples() -> Path:
    """Return the folder of examples: beside the packages in a checkout, inside this one when installed."""
    inside = Path(__file__).parents[1] / "examples"
    return inside if inside.is_dir() else Path(__file__).parents[2] / "examples"


def simulated(directory: Path, seed: int) -> Scenario:
    """Simulate the pump station and write its recordings below *directory*."""
    simulation = simulate(StationConfig(seed=seed))
    training, live = directory / "training", directory / "live"
    write_recording(simulation.training, training)
    write_recording(simulation.live, live)
    frames = simulation.live.frames
    return Scenario(
        title=f"simulated pump station, seed {seed}",
        plant_file=examples() / "pumps" / "plant.yaml",
        training=Part(training, training / MAPPING),
        live=Part(live, live / MAPPING),
        events=tuple(_events(pl.read_parquet(live / LABELS))),
        spans=_spans(frames),
        frames=frames.height,
    )


def recorded(folder: Path, mapping: Path | None, plant_file: Path | None, training_rows: int) -> Scenario:
    """Use a labelled recording: the first rows of each file train, the rest is watched.

    Args:
        folder: the recording.
        mapping: how to read it; the folder's own ``mapping.yaml``, or the example that fits, when None.
        plant_file: the plant model; the one beside the mapping when None.
        training_rows: rows of each file to train on.

    Raises:
        RecordingError: nothing fits the recording; says what was tried.
    """
    mapping = mapping or _fitting_mapping(folder)
    plant_file = plant_file or mapping.parent / "plant.yaml"
    plant = load_plant(plant_file)
    live = Part(folder, mapping, skip_rows=training_rows)
    labels = live.open(plant).labels()
    if _ANOMALY not in labels.columns:
        raise RecordingError(f"{mapping}: `labels` must name a column {_ANOMALY!r}, 1 where an event is active")
    return Scenario(
        title=f"recording {folder.name} with {mapping.parent.name}/{mapping.name}",
        plant_file=plant_file,
        training=Part(folder, mapping, max_rows=training_rows),
        live=live,
        events=tuple(_active_stretches(labels)),
        spans=_spans(labels),
        frames=labels.height,
    )


def with_topics_of_its_own(scenario: Scenario, directory: Path, prefix: str) -> Scenario:
    """Return the scenario on topics that begin with *prefix*, for a broker that keeps those of earlier runs."""
    model = yaml.safe_load(scenario.plant_file.read_text(encoding="utf-8"))
    plant_file = directory / "plant.yaml"
    directory.mkdir(parents=True, exist_ok=True)
    plant_file.write_text(yaml.safe_dump({**model, "prefix": prefix}, sort_keys=False), encoding="utf-8")
    return replace(scenario, plant_file=plant_file)


def _fitting_mapping(folder: Path) -> Path:
    own = folder / MAPPING
    if own.is_file():
        return own
    tried = []
    for mapping in sorted(examples().glob(f"*/{MAPPING}")):
        try:
            Part(folder, mapping).open(load_plant(mapping.parent / "plant.yaml"))
        except RecordingError as error:
            tried.append(f"  {mapping.parent.name}: {error}")
        else:
            return mapping
    raise RecordingError(
        f"{folder}: has no {MAPPING} and fits no example; write one (docs/recordings.md) and name it with --mapping. "
        "Tried:\n" + "\n".join(tried)
    )


def _spans(rows: pl.DataFrame) -> dict[str, tuple[int, int]]:
    spans = rows.group_by("asset").agg(pl.col("time").min().alias("first"), pl.col("time").max().alias("last"))
    return {asset: (first, last) for asset, first, last in spans.iter_rows()}


def _events(labels: pl.DataFrame) -> list[LabelledEvent]:
    wanted = labels.select("asset", "start", "end", "kind", "process")
    return [LabelledEvent(*row) for row in wanted.iter_rows()]


def _active_stretches(labels: pl.DataFrame) -> list[LabelledEvent]:
    """Return the runs of rows whose label is set, per asset; a run ends where its last row does."""
    active = pl.col(_ANOMALY).cast(pl.Float64) > 0
    runs = (
        labels.sort("asset", "time")
        .with_columns(active.alias("active"), active.rle_id().over("asset").alias("run"))
        .filter("active")
        .group_by("asset", "run", maintain_order=True)
        .agg(pl.col("time").min().alias("start"), pl.col("time").max().alias("end"))
    )
    return [LabelledEvent(asset, start, end, _ANOMALY, process=True) for asset, _, start, end in runs.iter_rows()]
