"""Raw records under one plant model: decoded, converted and marked by the code of the context service. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from andon.contracts import DeadLetterReason, Frame
from andon.plant import AssetClass, Plant
from andon.quality import Arrivals, Inspected, Inspector
from andon.quality.stretches import Ints
from andon.stream.codec import Decoder, Record


@dataclass(frozen=True, slots=True)
class Judged:
    """Frames (n) of one asset class under one model.

    Attributes:
        asset_class: the class.
        offsets: (n) of the frames, ascending.
        inspected: their values and marks.
    """

    asset_class: AssetClass
    offsets: Ints
    inspected: Inspected


@dataclass(frozen=True, slots=True)
class Verdict:
    """Records under one model.

    Attributes:
        frames: class to its frames.
        refused: offset to the reason why a record is no frame under this model.
    """

    frames: Mapping[str, Judged]
    refused: Mapping[int, DeadLetterReason]


class Judge:
    """Applies a plant model to the site's raw records, each partition's in order.

    Args:
        plant: the plant model.
    """

    def __init__(self, plant: Plant) -> None:
        self._classes = plant.classes
        self._decoder = Decoder(plant, Frame, without=("id",))
        self._assets = {
            name: pl.Enum([path for path, asset in plant.assets.items() if asset.asset_class == name])
            for name in plant.classes
        }
        # One serves all partitions: an asset's frames are in one of them.
        self._inspectors = {
            name: Inspector(asset_class, len(self._assets[name].categories))
            for name, asset_class in plant.classes.items()
        }

    def judge(self, records: Sequence[Record]) -> Verdict:
        """Return the next records of one partition as frames of their classes."""
        decoded = self._decoder.decode(records)
        frames = {name: self._inspect(name, rows) for name, rows in decoded.rows.items()}
        return Verdict(frames, {each.offset: each.reason for each in decoded.rejected})

    def _inspect(self, name: str, rows: pl.DataFrame) -> Judged:
        arrivals = Arrivals.of(rows, self._assets[name])
        inspected = self._inspectors[name].inspect(rows["values"], rows["status"], arrivals)
        return Judged(self._classes[name], arrivals.offset, inspected)
