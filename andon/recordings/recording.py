"""A recording: files that fit their mapping and the plant model, as streams of frames and as ground truth."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property, partial
from itertools import islice
from pathlib import Path

import polars as pl

from andon.errors import RecordingError
from andon.plant import Plant
from andon.recordings.columns import iso_pattern
from andon.recordings.files import find_files, read_chunks
from andon.recordings.frames import ASSET, TIME, Chunk, RecordedFile, to_frames, with_assets, with_times
from andon.recordings.mapping import EPOCHS, STEPS, Mapping
from andon.recordings.merge import Stream

#: Bytes of text held for all files together; a file's share is kept between the two bounds below.
_ALL_BLOCKS = 8 * 2**20
_LARGEST_BLOCK = 2**20
_SMALLEST_BLOCK = 2**16


@dataclass(frozen=True)
class Recording:
    """Files, mapping and plant model that fit each other. `open_recording` makes one.

    Attributes:
        mapping: how the files are written and what they hold.
        plant: the plant model with their assets.
        files: the files in natural order.
        skip_rows: rows of each file that are left out at its start.
        max_rows: rows of each file that are used after that; None means all.
    """

    mapping: Mapping
    plant: Plant
    files: tuple[RecordedFile, ...]
    skip_rows: int = 0
    max_rows: int | None = None

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The columns that frames are made of; labels are none of them."""
        time = (self.mapping.time.column,) if self.mapping.time.column is not None else ()
        assets = (name for entry in self.mapping.assets for name in (*entry.key_columns, *entry.columns))
        return tuple(dict.fromkeys((*time, *assets)))

    def streams(self) -> list[Stream]:
        """Return one stream of chunks for each file, to be merged by time."""
        block = min(_LARGEST_BLOCK, max(_SMALLEST_BLOCK, _ALL_BLOCKS // len(self.files)))
        return [Stream(file.path.name, file.begins, partial(self.chunks, file, block)) for file in self.files]

    def chunks(self, file: RecordedFile, block: int = _LARGEST_BLOCK) -> Iterator[Chunk]:
        """Yield the frames of one file, chunk by chunk.

        Raises:
            RecordingError: the file cannot be read, or names an asset that is not in the plant model.
        """
        for table in self._tables(file, self.columns, block):
            yield to_frames(file, self.mapping, self.plant, table)

    def count_rows(self, file: RecordedFile) -> int:
        """Return how many rows of a file are used.

        Raises:
            RecordingError: the file cannot be read.
        """
        return sum(table.height for table in self._tables(file, self.columns, _LARGEST_BLOCK))

    def labels(self) -> pl.DataFrame:
        """Return the ground truth of all files: asset, time and the label columns, by asset and time.

        A label column of numbers is Float64, any other text stays one. Labels are read here only: no frame
        carries them.

        Raises:
            RecordingError: the mapping names no label column, or a file does not have it.
        """
        names = self.mapping.labels
        if not names:
            raise RecordingError("the mapping names no `labels`: add the columns of ground truth to it")
        rows = pl.concat(
            [
                with_assets(file, entry, table).select(pl.col(ASSET).alias("asset"), pl.col(TIME).alias("time"), *names)
                for file in self.files
                for table in self._tables(file, tuple(dict.fromkeys((*self.columns, *names))), _LARGEST_BLOCK)
                for entry in self.mapping.assets
            ],
            how="vertical_relaxed",
        )
        known = rows.drop_nulls(["asset", "time"]).sort("asset", "time", maintain_order=True)
        return known.with_columns(_as_numbers(known[name]) for name in names)

    def _tables(self, file: RecordedFile, columns: tuple[str, ...], block: int) -> Iterator[pl.DataFrame]:
        """Yield the wanted rows of a file with their times; as one table if they are to be sorted."""
        tables = self._wanted(file, read_chunks(file.path, self.mapping, columns, block))
        if not self.mapping.sort:
            yield from tables
        elif parts := list(tables):
            yield pl.concat(parts)

    def _wanted(self, file: RecordedFile, tables: Iterator[pl.DataFrame]) -> Iterator[pl.DataFrame]:
        row = 0
        end = None if self.max_rows is None else self.skip_rows + self.max_rows
        for table in tables:
            first = max(self.skip_rows - row, 0)
            wanted = table[first : None if end is None else end - row]
            if wanted.height:
                yield with_times(file, self.mapping, wanted, row + first)
            row += table.height
            if end is not None and row >= end:
                return


def open_recording(
    folder: Path, mapping: Mapping, plant: Plant, *, skip_rows: int = 0, max_rows: int | None = None
) -> Recording:
    """Find a recording's files, and check the beginning of each against the mapping and the plant model.

    Args:
        folder: where the files are.
        mapping: how they are written and what they hold.
        plant: the plant model with their assets.
        skip_rows: rows of each file to leave out at its start.
        max_rows: rows of each file to use after that; None means all.

    Raises:
        RecordingError: says which file and column is wrong, and what to do.
    """
    found = tuple(RecordedFile(path) for path in find_files(folder, mapping))
    draft = Recording(mapping, plant, found, skip_rows, max_rows)
    return replace(draft, files=tuple(_inspect(draft, file) for file in found))


def _inspect(recording: Recording, file: RecordedFile) -> RecordedFile:
    """Check the beginning of a file, and find how its times are written and when it begins."""
    mapping = recording.mapping
    table = _beginning(recording, file)
    file = replace(file, pattern=_time_pattern(file, mapping, table))
    try:
        timed = with_times(file, mapping, table, 0)
        to_frames(file, mapping, recording.plant, timed)
    except pl.exceptions.PolarsError as error:
        reason = str(error).split("\n", 1)[0]
        raise RecordingError(
            f"{file.path}: types of its columns do not fit ({reason}): correct `columns` and `time` in the mapping"
        ) from error
    if timed[TIME][0] is None:
        raise _unreadable_time(file, mapping, table)
    begins = int(timed[TIME].drop_nulls().to_numpy().min())
    aligned = mapping.time.column is not None and mapping.time.format != STEPS and mapping.time.origin is not None
    shift = (mapping.time.origin or 0) - begins if aligned else 0
    return replace(file, begins=begins + shift, shift=shift)


def _beginning(recording: Recording, file: RecordedFile) -> pl.DataFrame:
    tables = read_chunks(file.path, recording.mapping, recording.columns, _SMALLEST_BLOCK)
    parts = list(islice(tables, None if recording.mapping.sort else 1))
    if not any(part.height for part in parts):
        raise RecordingError(f"{file.path} holds no rows: take it out of the recording, or narrow `files`")
    return pl.concat(parts)


def _time_pattern(file: RecordedFile, mapping: Mapping, table: pl.DataFrame) -> str:
    """Return the strptime pattern of times that are texts; empty where they are none."""
    column, style = mapping.time.column, mapping.time.format
    if column is None or style == STEPS or style in EPOCHS:
        return ""
    if table.schema[column].is_temporal():
        return ""
    if table.schema[column] != pl.String:
        raise RecordingError(
            f"{file.path}: time column {column!r} holds {table.schema[column]}: "
            f"set `time.format` of the mapping to {', '.join(EPOCHS)} or {STEPS}"
        )
    if style != "iso":
        return style
    try:
        return iso_pattern(table[column][0] or "")
    except ValueError:
        raise _unreadable_time(file, mapping, table) from None


def _unreadable_time(file: RecordedFile, mapping: Mapping, table: pl.DataFrame) -> RecordingError:
    text = None if mapping.time.column is None else table[mapping.time.column][0]
    return RecordingError(
        f"{file.path}: {text!r}, the first row's {mapping.time.column!r}, is no time of format "
        f"{mapping.time.format!r}: correct `time` in the mapping, or skip the line (`csv.skip_lines_after_header`)"
    )


def _as_numbers(column: pl.Series) -> pl.Series:
    if column.dtype != pl.String:
        return column
    numbers = column.str.strip_chars().cast(pl.Float64, strict=False)
    return numbers if numbers.null_count() == column.null_count() else column
