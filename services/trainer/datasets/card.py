"""What a dataset is, told by figures: its card. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Literal

import numpy as np
import polars as pl
from pydantic import BaseModel, ConfigDict, FiniteFloat

from andon.contracts.base import AssetPath, Micros
from andon.models.manifest import Hash12, Sha256
from services.trainer.datasets.divide import TRAIN

#: Columns of a part's rows; features follow by name.
_ROW = ("asset", "start", "time", "samples", "expected", "good_ratio", "abnormal")


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class PartCard(_Part):
    """One part."""

    windows: int
    abnormal: int
    """Windows whose last sample was labelled abnormal."""
    first: Micros
    """Start of the first window."""
    last: Micros
    """End of the last window."""
    drift: dict[str, FiniteFloat]
    """Feature to the Kolmogorov-Smirnov distance (0 to 1) between its distribution in `train` and in the normal windows
    of this part; features without a value on a side are left out."""


class ParityCard(_Part):
    """Vectors computed again, each of its own frames alone, against those of the dataset."""

    checked: int
    mismatches: int
    """Vectors of which any value differs by a bit."""
    largest: float
    """Largest relative error."""


class BalanceCard(_Part):
    """How the part `labelled` was balanced: windows of the class that has more were left out, in blocks of time."""

    seed: int
    """Of the choice among blocks."""
    block: Micros
    """Length of a block, microseconds."""
    normal: int
    """Normal windows of train and calibration that it could have had."""
    abnormal: int
    """Abnormal windows of their time."""


class DatasetCard(_Part):
    """`card.json`."""

    format: Literal["andon.dataset/1"] = "andon.dataset/1"
    asset_class: str
    definition: Hash12
    """Hash of the feature definition."""
    plant: Hash12
    """Version of the plant model."""
    source: str
    """Where the frames come from, in words."""
    labelled: bool
    """Whether truth was given; without it all windows count as normal."""
    assets: tuple[AssetPath, ...]
    parts: dict[str, PartCard]
    left_out: dict[str, int]
    """Reason to windows that are in no part for it."""
    parity: ParityCard
    balance: BalanceCard | None = None
    """Of the part `labelled`; null where nobody asked for one."""
    findings: tuple[str, ...]
    """What was wrong with the source."""
    content: Sha256
    """SHA-256 of the definition's hash and of all parts' values."""


def content_hash(definition: str, parts: Mapping[str, pl.DataFrame]) -> str:
    """Return the SHA-256 of what a dataset holds, however it is written: definition, and values column by column."""
    digest = hashlib.sha256(definition.encode())
    for name, rows in parts.items():
        table = rows.select(_ROW).hstack(rows["features"].struct.unnest())
        digest.update(f"\0{name}\0{rows.height}\0{'|'.join(table.columns)}\0".encode())
        for texts in (table["asset"], *(rows[name] for name in ("regime",) if name in rows.columns)):
            digest.update("\0".join(texts).encode())
        for column in table.drop("asset"):
            digest.update(column.cast(pl.Float64 if column.dtype.is_float() else pl.Int64).to_numpy().tobytes())
    return digest.hexdigest()


def part_cards(parts: Mapping[str, pl.DataFrame]) -> dict[str, PartCard]:
    """Return the card of each part."""
    train = parts[TRAIN]["features"].struct.unnest()
    return {name: _card(rows, train) for name, rows in parts.items()}


def _card(rows: pl.DataFrame, train: pl.DataFrame) -> PartCard:
    first, last, abnormal = rows.select(pl.col("start").min(), pl.col("time").max(), pl.col("abnormal").sum()).row(0)
    normal = rows.filter(~pl.col("abnormal"))["features"].struct.unnest()
    distances = {name: _distance(train[name], normal[name]) for name in train.columns}
    return PartCard(
        windows=rows.height,
        abnormal=abnormal,
        first=first,
        last=last,
        drift={name: distance for name, distance in distances.items() if distance is not None},
    )


def _distance(one: pl.Series, other: pl.Series) -> float | None:
    """Return the largest difference of two empirical distribution functions; None if a side has no value."""
    left, right = (np.sort(values.drop_nulls().to_numpy()) for values in (one, other))
    if not len(left) or not len(right):
        return None
    values = np.concatenate([left, right])
    shares = (np.searchsorted(side, values, side="right") / len(side) for side in (left, right))
    return float(np.abs(np.subtract(*shares)).max())
