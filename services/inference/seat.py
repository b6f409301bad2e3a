"""A place in the line-up of an asset class: a model, or what stands in for it, and how its verdicts are written."""

from __future__ import annotations

import polars as pl

from andon.contracts import Origin
from andon.contracts.ids import event_ids
from andon.models import Bundle
from andon.plant import AssetClass
from andon.stream.stage import FIRST_OFFSET, LAST_OFFSET, OFFSET, TRACEPARENT
from andon.uns import Stage
from services.inference.abstention import Abstention
from services.inference.served import Model, NoModel, ServedModel
from services.inference.windows import Windows

#: Stands for the model's version in ids of inferences that no model had a part in.
NO_VERSION = "none"

_MODEL = pl.Struct({"name": pl.String, "version": pl.String, "digest": pl.String, "verified": pl.String})


class Seat:
    """One model of an asset class.

    Args:
        name: the class's name in the plant model.
        bundle: what the verdicts name; None when no model has a part in them.
        model: gives the verdicts.
    """

    def __init__(self, name: str, bundle: Bundle | None, model: Model) -> None:
        self._model = model
        self._about = (
            event_ids(Stage.INFERENCE, bundle.manifest.version if bundle else NO_VERSION),
            *("asset", "time", "ingest_time"),
            pl.col("origin").fill_null(Origin.LIVE.value),
            pl.col("revision").fill_null(0),
            pl.lit(name).alias("asset_class"),
            *("definition", "start"),
            pl.lit(bundle.ref.model_dump() if bundle else None, dtype=_MODEL).alias("model"),
        )
        self._origins = ("context", pl.col(OFFSET).alias(FIRST_OFFSET), pl.col(OFFSET).alias(LAST_OFFSET), TRACEPARENT)

    def judge(self, windows: Windows, role: pl.Expr, violations: pl.Series) -> pl.DataFrame:
        """Return the columns of `andon.contracts.Inference` and of its lineage, one row a window.

        Args:
            windows: the windows.
            role: of each verdict, or of all.
            violations: the column `limit_violations`.
        """
        said = self._model.judge(windows)
        return windows.rows.select(
            *self._about,
            role.alias("role"),
            said.decision,
            said.reason,
            said.score,
            said.threshold,
            said.contributions,
            violations,
            *self._origins,
        )


def seat_of(name: str, asset_class: AssetClass, bundle: Bundle, *, threads: int, top: int) -> Seat:
    """Return the seat of a model, which abstains where it learned from another definition than the plant model's."""
    learned, defined = bundle.manifest.feature_hash, asset_class.feature_definition.hash
    if learned == defined:
        return Seat(name, bundle, ServedModel(bundle, asset_class, threads=threads, top=top))
    # Vectors are decoded by the plant model's definition, so the model's features may lack.
    detail = f"the model takes vectors of definition {learned}, the plant model has {defined}"
    return Seat(name, bundle, NoModel(Abstention.FEATURE_HASH, detail, bundle.manifest.threshold))


def empty_seat(name: str, limits: str) -> Seat:
    """Return the seat that no model takes; *limits* says what keeps watch instead."""
    return Seat(name, None, NoModel(Abstention.NO_MODEL, f"there is no trusted model for class {name}; {limits}"))
