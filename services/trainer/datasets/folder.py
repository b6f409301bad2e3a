"""A dataset as a folder: `card.json`, and `<part>.parquet` for each part."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import polars as pl
from pydantic import ValidationError

from andon.errors import TrainingError
from services.trainer.datasets.build import VectorDataset
from services.trainer.datasets.card import DatasetCard, content_hash

CARD_FILE = "card.json"


def save_dataset(dataset: VectorDataset, folder: Path) -> Path:
    """Write a dataset to ``<folder>/<asset class>-<content hash, 12 digits>`` and return that path.

    It appears whole or not at all; one that is there already is written anew, as its card may say something else.

    Raises:
        OSError: the folder cannot be written to.
    """
    target = folder / f"{dataset.card.asset_class}-{dataset.card.content[:12]}"
    partial = target.with_name(f".{target.name}.{os.getpid()}")
    partial.mkdir(parents=True)
    try:
        for name, rows in dataset.parts.items():
            rows.write_parquet(partial / f"{name}.parquet", compression="zstd")
        (partial / CARD_FILE).write_text(dataset.card.model_dump_json(indent=2) + "\n", encoding="utf-8")
        shutil.rmtree(target, ignore_errors=True)
        partial.rename(target)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return target


def load_dataset(path: Path) -> VectorDataset:
    """Read the dataset in a folder, and check that its parts are those that its card was written for.

    Raises:
        TrainingError: a file is missing, is no such file, or was changed.
    """
    try:
        card = DatasetCard.model_validate_json((path / CARD_FILE).read_bytes())
        parts = {name: pl.read_parquet(path / f"{name}.parquet") for name in card.parts}
        found = content_hash(card.definition, parts)
    except (OSError, ValidationError, pl.exceptions.PolarsError) as error:
        reason = str(error).split("\n", 1)[0]
        raise TrainingError(f"{path} is no dataset: {reason}; make it with `andon dataset build`") from error
    if found != card.content:
        raise TrainingError(
            f"{path}: its parts have the hash {found[:12]}, its card names {card.content[:12]}; a file was changed or "
            "damaged, build the dataset again"
        )
    return VectorDataset(card, parts)
