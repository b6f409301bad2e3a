"""One asset class's windows: what its model says of them, and what its limits do."""

from __future__ import annotations

import polars as pl

from andon.contracts import Decision, Origin
from andon.contracts.ids import event_ids
from andon.models import Bundle
from andon.plant import AssetClass
from andon.stream.stage import FIRST_OFFSET, LAST_OFFSET, OFFSET, TRACEPARENT
from andon.uns import Stage
from services.inference.limits import LimitWatch
from services.inference.served import NoModel, ServedModel

#: Stands for the model's version in ids of inferences that no model had a part in.
NO_VERSION = "none"

_MODEL = pl.Struct({"name": pl.String, "version": pl.String, "digest": pl.String})


class Judge:
    """Gives the verdicts on one asset class: its model's if there is one, its limits' in every case."""

    def __init__(self, name: str, asset_class: AssetClass, bundle: Bundle | None, *, threads: int, top: int) -> None:
        """Prepare for one class.

        Args:
            name: the class's name in the plant model.
            asset_class: its definition.
            bundle: its model, or None. Without a model, or with one that learned from another feature definition
                than the plant model's, every verdict is to abstain (``no_model``, ``feature_hash``).
            threads: threads that score one batch.
            top: most features to name as reasons for a score.
        """
        self._name = pl.lit(name).alias("asset_class")
        self._limits = LimitWatch(asset_class)
        self._model = _model(name, asset_class, bundle, threads, top)
        self._version = bundle.manifest.version if bundle else NO_VERSION
        self._reference = pl.lit(bundle.ref.model_dump() if bundle else None, dtype=_MODEL).alias("model")
        self._threshold = pl.lit(bundle.manifest.threshold if bundle else None, dtype=pl.Float64)

    def judge(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Return the columns of `andon.contracts.Inference` and of its lineage, one row a feature vector.

        Args:
            rows: columns of `andon.contracts.FeatureVector`, `offset` and `traceparent`.
        """
        features = rows["features"].struct.unnest()
        return rows.hstack(self._model.judge(rows, features)).select(
            event_ids(Stage.INFERENCE, self._version),
            *("asset", "time", "ingest_time"),
            pl.col("origin").fill_null(Origin.LIVE.value),
            pl.col("revision").fill_null(0),
            self._name,
            *("definition", "start"),
            self._reference,
            pl.lit("production").alias("role"),
            _decision(self._threshold),
            *("reason", "score"),
            self._threshold.alias("threshold"),
            "contributions",
            self._limits.check(features),
            "context",
            pl.col(OFFSET).alias(FIRST_OFFSET),
            pl.col(OFFSET).alias(LAST_OFFSET),
            TRACEPARENT,
        )


def _model(name: str, asset_class: AssetClass, bundle: Bundle | None, threads: int, top: int) -> ServedModel | NoModel:
    if bundle is None:
        return NoModel(f"no_model: there is no sound bundle for class {name}")
    learned, defined = bundle.manifest.feature_hash, asset_class.feature_definition.hash
    if learned != defined:  # vectors are decoded by the plant model's definition, so the model's features may lack
        return NoModel(f"feature_hash: the model takes vectors of definition {learned}, the plant model has {defined}")
    return ServedModel(bundle, asset_class.model, threads=threads, top=top)


def _decision(threshold: pl.Expr) -> pl.Expr:
    return (
        pl.when(pl.col("score").is_null())
        .then(pl.lit(Decision.ABSTAIN))
        .when(pl.col("score") > threshold)
        .then(pl.lit(Decision.ANOMALY))
        .otherwise(pl.lit(Decision.NORMAL))
        .alias("decision")
    )
