"""Where the frames of datasets come from: a recording, or the historian's lake; and what people told of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import polars as pl
from pydantic import ValidationError

from andon.contracts import PlantEvent
from andon.errors import ConfigError
from andon.lake import read_raw
from andon.plant import Plant
from andon.recordings import Mapping, describe, open_recording
from services.trainer.dataset import read_dataset
from services.trainer.datasets.build import Source
from services.trainer.datasets.frames import truth_of

_INTERVALS = {"asset": pl.String(), "start": pl.Int64(), "end": pl.Int64()}


def from_recording(
    plant: Plant, folder: Path, mapping: Mapping, events: Sequence[PlantEvent], label: str | None, until: int | None
) -> Iterator[tuple[str, Source]]:
    """Yield each class in a recording, with its frames; truth is a column of the mapping's `labels`.

    Raises:
        ConfigError: the mapping names no such label.
        RecordingError: the recording cannot be read.
    """
    if label is not None and label not in mapping.labels:
        raise ConfigError(f"the mapping names no label {label!r}: it names {', '.join(mapping.labels) or 'none'}")
    recording = open_recording(folder, mapping, plant)
    dataset = read_dataset(recording, until=until)
    column = label or next(iter(mapping.labels), None)
    truth = None
    if column is not None:
        truth = recording.labels().select("asset", "time", abnormal=pl.col(column).cast(pl.Float64) > 0)
    for name, frames in dataset.frames.items():
        source = f"recording {folder.resolve().name}"
        yield name, Source(source, frames, truth, events, tuple(describe(dataset.findings)))


def from_lake(
    plant: Plant, lake: Path, events: Sequence[PlantEvent], labels: Path | None, since: int | None, until: int | None
) -> Iterator[tuple[str, Source]]:
    """Yield each class of the plant model that the lake has frames of.

    Args:
        plant: the plant model.
        lake: its directory.
        events: of the plant.
        labels: CSV file of abnormal intervals: asset, start and end (exclusive), microseconds UTC; None knows of none.
        since: event time to begin at, microseconds UTC.
        until: event time to end at (exclusive).

    Raises:
        ConfigError: the lake or the labels cannot be read.
    """
    intervals = None if labels is None else read_intervals(labels)
    for name, asset_class in plant.classes.items():
        frames = read_raw(lake, name, asset_class, since=since, until=until)
        if frames.height:
            yield name, Source("lake", frames, None if intervals is None else truth_of(frames, intervals), events)


def read_events(path: Path) -> list[PlantEvent]:
    """Read events as they are on the `event` topic, one JSON document a line.

    Raises:
        ConfigError: the file cannot be read, or a line is no event; says which.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read: {error}") from error
    return [_event(path, number, line) for number, line in enumerate(lines, 1) if line.strip()]


def _event(path: Path, number: int, line: str) -> PlantEvent:
    try:
        return PlantEvent.model_validate_json(line)
    except ValidationError as error:
        raise ConfigError(f"{path}:{number}: is no event of the plant: {error.errors()[0]['msg']}") from None


def read_intervals(path: Path) -> pl.DataFrame:
    """Read abnormal intervals: a CSV file of asset, start and end (exclusive), microseconds UTC.

    Raises:
        ConfigError: the file cannot be read, or holds something else.
    """
    try:
        rows = pl.read_csv(path, schema_overrides=_INTERVALS).select(list(_INTERVALS))
    except (pl.exceptions.PolarsError, OSError) as error:
        reason = str(error).split("\n", 1)[0]
        raise ConfigError(f"{path}: {reason}; give the columns asset, start and end, in microseconds UTC") from error
    if rows.null_count().sum_horizontal().item() or (rows["end"] < rows["start"]).any():
        raise ConfigError(f"{path}: an interval is not whole, or ends before it starts: give asset, start and end")
    return rows
