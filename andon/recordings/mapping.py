"""The mapping file: how a recording's files, columns and times become frames of the plant's assets."""

from __future__ import annotations

import re
from datetime import datetime
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Annotated, Literal, Self

import polars as pl
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from andon.errors import RecordingError
from andon.plant.model import TagName
from andon.plant.source import read_file
from andon.units import Duration
from andon.uns import check_asset

#: Value of `csv.separator` that stands for any run of spaces and tabs.
WHITESPACE = "whitespace"
#: Microseconds in one unit of a counted time.
EPOCHS = {"epoch_s": 1_000_000, "epoch_ms": 1_000, "epoch_us": 1}
#: Value of `time.format` for a column that counts steps.
STEPS = "steps"

_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_FROM_FILE_NAME = ("stem", "folder")


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


def _check_separator(text: str) -> str:
    if text != WHITESPACE and (len(text.encode()) != 1 or text in '"\r\n'):
        raise ValueError(f"separator {text!r} is neither one ASCII character nor {WHITESPACE!r}")
    return text


def _check_zone(zone: str) -> str:
    try:  # Polars' own zone table is asked, for it is the one that will convert
        pl.Series([], dtype=pl.Datetime("us")).dt.replace_time_zone(zone)
    except pl.exceptions.ComputeError:
        raise ValueError(f"zone {zone!r} is not known: write an IANA name, such as UTC or Europe/Berlin") from None
    return zone


def _check_pattern(pattern: str) -> str:
    path = PurePosixPath(pattern)
    if not pattern or path.is_absolute() or ".." in path.parts:
        raise ValueError(f"files {pattern!r} must stay inside the recording's folder, such as '*.csv'")
    if any("**" in part and part != "**" for part in path.parts):
        raise ValueError(f"files {pattern!r}: '**' stands for whole folders only, such as '**/*.csv'")
    return pattern


class Csv(_Part):
    """How text files are written."""

    separator: Annotated[str, AfterValidator(_check_separator)] = ","
    """One ASCII character, or `whitespace` for runs of spaces and tabs."""
    header: tuple[str, ...] = ()
    """Names of the columns, where the files carry none."""
    transposed: bool = False
    """Whether a line is a signal, not an instant; such a file is read whole."""
    skip_lines: int = Field(default=0, ge=0)
    """Lines above the header (or above the data, where there is none)."""
    skip_lines_after_header: int = Field(default=0, ge=0)
    """Lines between header and data, such as a line of units."""
    decimal: Literal[".", ","] = "."
    encoding: Literal["utf-8", "cp1252", "latin-1"] = "utf-8"
    null_values: tuple[str, ...] = ()
    """Texts that stand for no value, beside the empty text."""


class Time(_Part):
    """Where a row's event time comes from."""

    column: str | None = None
    """Null: there is none; the rows follow each other from `start` at every `step`."""
    format: str = "iso"
    """`iso`, `epoch_s`, `epoch_ms`, `epoch_us`, `steps` (counts of `step` from `start`), or a strptime pattern."""
    zone: Annotated[str, AfterValidator(_check_zone)] = "UTC"
    """Zone of times that carry no offset."""
    start: datetime | None = None
    """With a column of times: every file is moved so that it begins here and all replay side by side."""
    step: Duration | None = Field(default=None, gt=0)

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        counted = self.column is None or self.format == STEPS
        if counted and (self.start is None or self.step is None):
            raise ValueError(f"time needs `start` and `step` without a column and for format {STEPS}")
        if not counted and self.step is not None:
            raise ValueError(f"`step` is for format {STEPS} and for rows without a time column")
        if self.format not in ("iso", STEPS, *EPOCHS) and "%" not in self.format:
            raise ValueError(f"format {self.format!r} is none of iso, {', '.join(EPOCHS)}, {STEPS}, nor a %-pattern")
        return self

    @cached_property
    def origin(self) -> int | None:
        """`start` in microseconds UTC; a start without offset is in `zone`."""
        if self.start is None:
            return None
        zone = None if self.start.tzinfo else self.zone
        moment = pl.Series([self.start])
        return int((moment.dt.replace_time_zone(zone) if zone else moment).dt.epoch("us")[0])


class AssetColumns(_Part):
    """The columns that belong to one asset."""

    asset: str
    """The asset's path; may hold {stem} and {folder} of the file's name, and {column} for a column's value."""
    columns: dict[str, TagName] = Field(min_length=1)
    """Column to tag of the asset's class."""

    @model_validator(mode="after")
    def _is_plausible(self) -> Self:
        check_asset(_PLACEHOLDER.sub("x", self.asset))
        tags = list(self.columns.values())
        for tag in tags:
            if tags.count(tag) > 1:
                raise ValueError(f"tag {tag!r} is given by more than one column")
        return self

    @cached_property
    def key_columns(self) -> tuple[str, ...]:
        """The columns that the asset's path is made of."""
        names = dict.fromkeys(_PLACEHOLDER.findall(self.asset))
        return tuple(name for name in names if name not in _FROM_FILE_NAME)

    def path(self, file: Path) -> pl.Expr:
        """Return the expression that makes the asset's path for each row of *file*; null where a column is."""
        template = self.asset.replace("{stem}", file.name.split(".")[0]).replace("{folder}", file.parent.name)
        # Splitting by a pattern with one group alternates between text and placeholder.
        parts = enumerate(_PLACEHOLDER.split(template))
        return pl.concat_str(
            pl.col(part).cast(pl.String).str.strip_chars() if index % 2 else pl.lit(part) for index, part in parts
        ).alias("asset")


class Mapping(_Part):
    """A mapping file. `load_mapping` makes one."""

    files: Annotated[str, AfterValidator(_check_pattern)]
    """Glob, relative to the recording's folder; `.gz` and `.xz` are unpacked on the way."""
    format: Literal["csv", "parquet"] = "csv"
    csv: Csv = Field(default_factory=Csv)
    time: Time
    assets: tuple[AssetColumns, ...] = Field(min_length=1)
    labels: tuple[str, ...] = ()
    """Columns of ground truth: kept out of the frames, for evaluation only."""
    sort: bool = False
    """Whether a file is not in time order; it is then read whole and sorted."""

    @model_validator(mode="after")
    def _labels_fit(self) -> Self:
        tagged = {column for entry in self.assets for column in entry.columns}
        for label in self.labels:
            if label in tagged:
                raise ValueError(f"labels names {label!r}, which is a tag: ground truth must not reach the frames")
            if label in ("asset", "time"):
                raise ValueError(f"labels names {label!r}: rename the column, labels come with an asset and a time")
        return self


def load_mapping(path: Path) -> Mapping:
    """Read a mapping file.

    Raises:
        RecordingError: the file cannot be read, is no YAML, or is not valid; every finding names its field.
    """
    source = read_file(path, RecordingError, "a recording needs a mapping file beside it, or named")
    try:
        return Mapping.model_validate(source.data)
    except ValidationError as error:
        findings = [f"  {_field(each['loc'])}: {each['msg']}" for each in error.errors()]
        raise RecordingError("\n".join([f"mapping {path} is not valid:", *findings])) from None


def _field(location: tuple[int | str, ...]) -> str:
    return ".".join(str(part) for part in location) or "file"
