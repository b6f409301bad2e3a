"""Rows of a recording as frames of the plant's assets: tables in, tables out."""

from __future__ import annotations

from collections.abc import Mapping as Mapped
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from andon.errors import RecordingError
from andon.plant import AssetClass, Plant, TagKind
from andon.recordings.columns import event_time, tag_values
from andon.recordings.findings import Finding, Findings, Problem
from andon.recordings.mapping import AssetColumns, Mapping

#: Columns added to a file's own; no exporter is known to use such names.
TIME, ASSET = "@time", "@asset"


@dataclass(frozen=True, slots=True)
class RecordedFile:
    """A file of a recording.

    Attributes:
        path: where it is.
        pattern: strptime pattern of its times, where they are texts.
        begins: time of its first row, after the shift, microseconds UTC.
        shift: added to its times, so that files recorded one after another replay side by side.
    """

    path: Path
    pattern: str = ""
    begins: int = 0
    shift: int = 0


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some rows of a recording.

    Attributes:
        frames: asset class to rows of asset, time and values (a struct of all tags of the class).
        findings: what was wrong with them.
    """

    frames: Mapped[str, pl.DataFrame]
    findings: Findings


def with_times(file: RecordedFile, mapping: Mapping, table: pl.DataFrame, first_row: int) -> pl.DataFrame:
    """Return the table with the column `TIME`, microseconds UTC, null where a row's time cannot be read.

    Args:
        file: where the table comes from.
        mapping: how its times are written.
        table: rows as read from the file.
        first_row: number of the table's first row in the file.
    """
    column = mapping.time.column
    dtype = None if column is None else table.schema[column]
    time = event_time(mapping.time, dtype, file.pattern, first_row, mapping.csv.decimal)
    return table.with_columns((time + file.shift).alias(TIME))


def with_assets(file: RecordedFile, entry: AssetColumns, table: pl.DataFrame) -> pl.DataFrame:
    """Return the table with the column `ASSET`, null where a column that names the asset is empty."""
    return table.with_columns(entry.path(file.path).alias(ASSET))


def to_frames(file: RecordedFile, mapping: Mapping, plant: Plant, table: pl.DataFrame) -> Chunk:
    """Return the frames of a table that has its `TIME`.

    Raises:
        RecordingError: an asset is not in the plant model, or a tag not in the asset's class.
    """
    findings = Findings()
    timed = _without_null(table, TIME, file, Problem.NO_TIME, findings)
    parts: dict[str, list[pl.DataFrame]] = {}
    for entry in mapping.assets:
        owned = _without_null(with_assets(file, entry, timed), ASSET, file, Problem.NO_ASSET, findings)
        for name, rows in _by_class(file, plant, owned).items():
            frames, found = _class_frames(file, mapping, entry, name, plant.classes[name], rows)
            parts.setdefault(name, []).append(frames)
            findings += found
    return Chunk({name: pl.concat(tables) for name, tables in parts.items()}, findings)


def _without_null(
    table: pl.DataFrame, column: str, file: RecordedFile, problem: Problem, findings: Findings
) -> pl.DataFrame:
    missing = table[column].null_count()
    if missing == 0:
        return table
    findings[Finding(file.path.name, problem)] += missing
    return table.drop_nulls(column)


def _by_class(file: RecordedFile, plant: Plant, rows: pl.DataFrame) -> dict[str, pl.DataFrame]:
    members: dict[str, list[str]] = {}
    for asset in rows[ASSET].unique():
        name = plant.class_of(asset)
        if name is None:
            raise RecordingError(
                f"{file.path}: asset {asset!r} is not in the plant model: add it to the plant file, "
                f"or correct `assets` in the mapping"
            )
        members.setdefault(name, []).append(asset)
    if len(members) == 1:
        return dict.fromkeys(members, rows)
    return {name: rows.filter(pl.col(ASSET).is_in(assets)) for name, assets in members.items()}


def _class_frames(
    file: RecordedFile, mapping: Mapping, entry: AssetColumns, name: str, asset_class: AssetClass, rows: pl.DataFrame
) -> tuple[pl.DataFrame, Findings]:
    _check_tags(file, entry, name, asset_class, rows.schema)
    values, problems = tag_values(rows, entry.columns, asset_class.tags, mapping.csv.decimal)
    found = Findings({Finding(f"{file.path.name}, column {column!r}", problem): n for column, problem, n in problems})
    frames = rows.select(pl.col(ASSET).alias("asset"), pl.col(TIME).alias("time"), values.to_struct("values"))
    return frames, found


def _check_tags(file: RecordedFile, entry: AssetColumns, name: str, asset_class: AssetClass, schema: pl.Schema) -> None:
    for column, tag_name in entry.columns.items():
        tag = asset_class.tags.get(tag_name)
        if tag is None:
            raise RecordingError(
                f"{file.path}: column {column!r} gives tag {tag_name!r}, which class {name!r} does not have "
                f"(it has {', '.join(asset_class.tags)}): correct `assets` in the mapping, or add the tag to the class"
            )
        waveform = tag.kind is TagKind.WAVEFORM
        if waveform and tag.rate_hz is None:
            raise RecordingError(f"{file.path}: tag {tag_name!r} is a waveform: give its `rate_hz` in the plant file")
        if waveform != schema[column].is_nested():
            raise RecordingError(
                f"{file.path}: column {column!r} is {schema[column]}, but tag {tag_name!r} of kind {tag.kind}: "
                f"waveforms, and only they, come from lists in Parquet; correct `assets` in the mapping"
            )
