"""From a recording of normal operation to model bundles."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl

from andon.clock import Clock, wall_clock
from andon.errors import TrainingError
from andon.features.compute import windows
from andon.features.inputs import judged_inputs
from andon.features.regime import regimes
from andon.models import Bundle, save_bundle
from andon.plant import AssetClass, Plant, UseCase
from andon.quality import Arrivals, Inspected, Inspector
from andon.recordings import Findings, Recording, open_recording
from andon.recordings import Mapping as RecordingMapping
from services.trainer.families import DEFAULT_EFFORT, Effort
from services.trainer.order import DEFAULT_CRITERIA, DEFAULT_FALSE_ALARM_RATE, Order
from services.trainer.train import train_class


@dataclass(frozen=True, slots=True)
class Dataset:
    """What a recording holds.

    Attributes:
        frames: asset class to its frames: asset, time and values (a struct of the class's tags), as recorded.
        findings: what was wrong with the recording, counted.
    """

    frames: Mapping[str, pl.DataFrame]
    findings: Findings


@dataclass(frozen=True, slots=True)
class Training:
    """What came of a recording.

    Attributes:
        bundles: path to each bundle that was written.
        refused: asset class to the reason why no model of it was trained.
        findings: what was wrong with the recording, counted.
    """

    bundles: Mapping[Path, Bundle]
    refused: Mapping[str, str]
    findings: Findings


def train_recording(
    plant: Plant,
    folder: Path,
    mapping: RecordingMapping,
    bundles: Path,
    *,
    skip_rows: int = 0,
    max_rows: int | None = None,
    until: int | None = None,
    false_alarm_rate: float = DEFAULT_FALSE_ALARM_RATE,
    false_alarms_per_week: float | None = None,
    effort: Effort = DEFAULT_EFFORT,
    checkpoints: Path | None = None,
    clock: Clock = wall_clock,
) -> Training:
    """Train a model of every asset class in a recording of normal operation, and save them.

    A class that no model can be trained of keeps none of the others from theirs.

    Args:
        plant: the plant model.
        folder: the recording.
        mapping: how to read it.
        bundles: folder of bundles to write to.
        skip_rows: rows of each file to leave out at its start.
        max_rows: rows of each file to use after that; None means all.
        until: frames at this time (microseconds UTC) and later are left out.
        false_alarm_rate: share of normal windows that may be flagged.
        false_alarms_per_week: alarms that a machine may raise in a week of normal operation; None keeps to the share.
        effort: how to fit families that are fitted step by step.
        checkpoints: folder with a file for each class that such a fit is taken up again from; None keeps none.
        clock: tells when the bundles were made.

    Raises:
        RecordingError: the recording cannot be read.
        TrainingError: no model could be trained of any class; gives the reason of each.
    """
    recording = open_recording(folder, mapping, plant, skip_rows=skip_rows, max_rows=max_rows)
    dataset = read_dataset(recording, until=until)
    saved: dict[Path, Bundle] = {}
    refused: dict[str, str] = {}
    for name, frames in dataset.frames.items():
        order = replace(
            order_for(plant, name, f"recording {folder.resolve().name}"),
            false_alarm_rate=false_alarm_rate,
            false_alarms_per_week=false_alarms_per_week,
            effort=effort if checkpoints is None else replace(effort, checkpoint=checkpoints / name),
        )
        try:
            trained = train_class(
                with_regimes(offline_vectors(frames, order.asset_class), frames, order.asset_class), order
            )
        except TrainingError as error:
            refused[name] = str(error)
        else:
            bundle = trained.seal(clock())
            saved[save_bundle(bundle, bundles)] = bundle
    if not saved:
        reasons = "\n".join(f"class {name}: {reason}" for name, reason in refused.items())
        raise TrainingError(reasons or f"recording {folder} holds no frame of the period asked for")
    return Training(saved, refused, dataset.findings)


def read_dataset(recording: Recording, *, until: int | None = None) -> Dataset:
    """Read all frames of a recording into memory.

    Args:
        recording: files that fit their mapping and the plant model.
        until: frames at this time (microseconds UTC) and later are left out; None keeps all.

    Raises:
        RecordingError: a file cannot be read, or names an asset that is not in the plant model.
    """
    parts: dict[str, list[pl.DataFrame]] = {}
    findings = Findings()
    for file in recording.files:
        for chunk in recording.chunks(file):
            findings += chunk.findings
            for name, rows in chunk.frames.items():
                wanted = rows if until is None else rows.filter(pl.col("time") < until)
                if wanted.height:
                    parts.setdefault(name, []).append(wanted)
    return Dataset({name: pl.concat(tables) for name, tables in parts.items()}, findings)


def offline_vectors(frames: pl.DataFrame, asset_class: AssetClass) -> pl.DataFrame:
    """Return the feature vectors of recorded frames, computed by the code that computes them online.

    They are those that the context and feature stages make of the recording's replay, to the last bit.

    Args:
        frames: as `good_samples` takes them.
        asset_class: gives units, quality rules and the feature definition.

    Returns:
        Columns asset, start, time, samples, expected, good_ratio and features, one row a window.
    """
    return windows(good_samples(frames, asset_class), asset_class.feature_definition, asset_class.scan)


def with_regimes(vectors: pl.DataFrame, frames: pl.DataFrame, asset_class: AssetClass) -> pl.DataFrame:
    """Return feature vectors with a column `regime`, as `andon.features.regime` names them.

    Args:
        vectors: as `offline_vectors` returns them.
        frames: asset, time and, if there is any, context.
        asset_class: gives the feature definition.
    """
    definition = asset_class.feature_definition
    if "context" not in frames.columns:
        return vectors.with_columns(regimes(vectors, definition))
    told = frames.sort("time", maintain_order=True).select("asset", pl.col("time").alias("last"), "context")
    # The last frame of each window, which its context is that of.
    found = vectors.with_row_index("row").with_columns(last=pl.col("time") - 1).sort("last")
    found = found.join_asof(told, on="last", by="asset", check_sortedness=False).sort("row")
    return vectors.with_columns(regimes(found, definition))


def good_samples(frames: pl.DataFrame, asset_class: AssetClass) -> pl.DataFrame:
    """Return the samples of recorded frames that the context stage would not mark.

    Args:
        frames: as `inspect_frames` takes them, and context if there is any.
        asset_class: gives units and quality rules.

    Returns:
        Rows by time: asset, time and a column for each input of the feature definition, as
        `andon.features.inputs` makes them.
    """
    frames = frames.sort("time", maintain_order=True)
    inspected = inspect_frames(frames, asset_class)
    context = frames["context"] if "context" in frames.columns else None
    inputs = judged_inputs(inspected.values, inspected.quality, context, asset_class.feature_definition)
    return frames.select("asset", "time", *inputs)


def inspect_frames(frames: pl.DataFrame, asset_class: AssetClass) -> Inspected:
    """Return recorded frames as the context stage judges them.

    Args:
        frames: asset, time, values (a struct of the class's tags, as recorded) and, if there are any, status (a struct
            of StatusCodes); by time. Frames of one asset and time stay in their order, of which the first counts.
        asset_class: gives units and quality rules.
    """
    status = frames["status"] if "status" in frames.columns else pl.Series([None]).new_from_index(0, frames.height)
    assets = frames["asset"].unique()
    return Inspector(asset_class, len(assets)).inspect(frames["values"], status, _arrivals(frames, assets))


def _arrivals(frames: pl.DataFrame, assets: pl.Series) -> Arrivals:
    """Return frames as a source would send them that never fails: each comes in when it is made."""
    asset = frames["asset"].cast(pl.Enum(assets)).to_physical().cast(pl.Int64).to_numpy()
    time = frames["time"].to_numpy()
    return Arrivals(asset, time, time, np.arange(len(time)), np.ones(len(time), np.bool_))


def order_for(plant: Plant, name: str, data: str) -> Order:
    """Return the order of a model of a class, as its use case asks for it.

    Args:
        plant: the plant model.
        name: of the class.
        data: the data, in words.
    """
    asset_class = plant.classes[name]
    case: UseCase | None = next((case for case in plant.use_cases if case.asset_class == name), None)
    return Order(
        name=name,
        class_name=name,
        asset_class=asset_class,
        plant=plant.version,
        purpose=f"{case.name} ({case.kpi})" if case else f"Tell when a {name} does not run as usual",
        owner=case.owner if case else "nobody: give the class a use case in the plant model",
        data=data,
        criteria=case.criteria if case else DEFAULT_CRITERIA,
    )
