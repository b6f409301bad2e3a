"""From raw frames of a class to its dataset. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from andon.contracts import Origin, PlantEvent
from andon.errors import TrainingError
from andon.features.compute import windows
from andon.features.inputs import input_columns
from andon.parity.compare import compare
from andon.parity.recompute import recompute
from andon.plant import AssetClass, Plant
from services.trainer.dataset import with_regimes
from services.trainer.datasets.balance import balance_windows
from services.trainer.datasets.card import DatasetCard, ParityCard, content_hash, part_cards
from services.trainer.datasets.divide import LABELLED, TEST, divide, mark_windows
from services.trainer.datasets.frames import context_frames
from services.trainer.leakage import refuse_leakage

#: Vectors that are computed again, evenly spread over all: so many, up to twice.
_CHECKED = 1_000


@dataclass(frozen=True, slots=True)
class VectorDataset:
    """A dataset.

    Attributes:
        card: what it is.
        parts: part to its windows, by asset and time: the columns of `andon.features.compute.windows`,
            `regime` and `abnormal`.
    """

    card: DatasetCard
    parts: Mapping[str, pl.DataFrame]


@dataclass(frozen=True, slots=True)
class Source:
    """Raw frames of one class, and what was told of them.

    Attributes:
        name: where they come from, in words.
        frames: asset, time, values as recorded and, if there are any, status.
        truth: asset, time and `abnormal` of frames; None where nobody labelled any.
        events: of the plant.
        findings: what was wrong with them.
    """

    name: str
    frames: pl.DataFrame
    truth: pl.DataFrame | None = None
    events: Sequence[PlantEvent] = ()
    findings: tuple[str, ...] = ()


def build_dataset(plant: Plant, name: str, source: Source, *, balance: int | None = None) -> VectorDataset:
    """Make the dataset of an asset class; the same input gives the same content hash.

    Args:
        plant: the plant model.
        name: of the class.
        source: its frames, and what was told of them.
        balance: seed with which windows are chosen for a balanced part `labelled`; None makes no such part.

    Raises:
        TrainingError: the class has nothing to learn from, features know the answer, a part would be empty, or there is
            nothing to balance.
    """
    asset_class = plant.classes[name]
    definition = asset_class.feature_definition
    refuse_leakage(definition.inputs)
    if not definition.tags:
        raise TrainingError("the class has no number or integer tag: add the tags to learn from to the plant model")
    frames = context_frames(source.frames, plant, name, source.events)
    vectors = windows(frames.select("asset", "time", *input_columns(definition)), definition, asset_class.scan)
    vectors = with_regimes(vectors, frames, asset_class)
    marked = mark_windows(vectors, frames, source.truth, asset_class.model.min_good_ratio)
    parts, left_out = divide(marked, definition)
    balanced = None
    if balance is not None:
        parts[LABELLED], balanced = balance_windows(marked, parts[TEST], definition, balance)
    card = DatasetCard(
        asset_class=name,
        definition=definition.hash,
        plant=plant.version,
        source=source.name,
        labelled=source.truth is not None,
        assets=tuple(vectors["asset"].unique().sort()),
        parts=part_cards(parts),
        left_out=left_out,
        parity=check_parity(vectors, frames, asset_class),
        balance=balanced,
        findings=source.findings,
        content=content_hash(definition.hash, parts),
    )
    return VectorDataset(card, parts)


def check_parity(vectors: pl.DataFrame, frames: pl.DataFrame, asset_class: AssetClass) -> ParityCard:
    """Compute vectors again as the parity service does, each of the frames in its window alone, and compare.

    Args:
        vectors: as `andon.features.compute.windows` returns them.
        frames: the context frames that they were made of.
        asset_class: gives the definition.
    """
    chosen = vectors.gather_every(max(1, vectors.height // _CHECKED)).with_row_index("id")
    # Frames have no offsets here: all of them may belong to each window.
    wanted = chosen.with_columns(revision=pl.lit(0), first_offset=pl.lit(0), last_offset=pl.lit(frames.height))
    sent = frames.with_row_index("offset").with_columns(
        pl.col("offset").cast(pl.Int64), origin=pl.lit(Origin.LIVE.value)
    )
    found = compare(chosen.with_columns(pl.col("id").cast(pl.String)), recompute(wanted, sent, asset_class))
    return ParityCard(checked=found.checked, mismatches=found.mismatches, largest=found.largest)
