"""What the machines of a class are watched with: a calibration made of the model's reference, or why there is none."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from andon.clock import isoformat
from andon.contracts import ModelRef
from andon.errors import BundleError, DriftError
from andon.features.feature import Feature
from andon.features.regime import fields_of, regimes
from andon.models import Bundle, Reference, Scorer
from andon.plant import AssetClass
from services.drift.abstention import Abstention
from services.drift.calibration import Calibration, calibrate
from services.drift.normal import Normals

#: Threads that score a batch: the graphs are small, and inference is where speed counts.
_THREADS = 1


@dataclass(frozen=True, slots=True)
class Abstaining:
    """Nothing can be said of a class.

    Attributes:
        model: the model that it is because of; None without one.
        reason: '<code>: <text>'.
    """

    model: ModelRef | None
    reason: str


@dataclass(frozen=True)
class Watch:
    """What is normal for a class, and how to see it in feature vectors; fixed for as long as its model serves.

    Attributes:
        model: whose reference it is.
        period: from when to when the reference is, in words.
        features: those that are watched, in the model's order.
        calibration: when a change counts, by the false-alarm contract.
        normals: what the cause of a change is told from.
    """

    model: ModelRef
    period: str
    features: tuple[Feature, ...]
    calibration: Calibration
    normals: Normals
    _scorer: Scorer
    _bundle: Bundle
    _fields: tuple[str, ...]

    @classmethod
    def of(cls, bundle: Bundle, asset_class: AssetClass) -> Watch | Abstaining:
        """Calibrate; takes seconds, so it is for a thread.

        Args:
            bundle: a verified model.
            asset_class: gives the contract and the feature definition.
        """
        definition, manifest = asset_class.feature_definition, bundle.manifest
        if manifest.feature_hash != definition.hash:
            detail = f"the model takes vectors of definition {manifest.feature_hash}, the plant model has "
            return Abstaining(bundle.ref, f"{Abstention.FEATURE_HASH}: {detail}{definition.hash}")
        if bundle.reference is None:
            return Abstaining(
                bundle.ref, f"{Abstention.NO_REFERENCE}: the bundle is of before references; train the model again"
            )
        try:
            reference = Reference.parse(bundle.reference, manifest.features)
            calibration = _calibrated(reference, asset_class)
        except BundleError as error:
            return Abstaining(bundle.ref, f"{Abstention.NO_REFERENCE}: reference.parquet {error}")
        except DriftError as error:
            return Abstaining(bundle.ref, f"{Abstention.REFERENCE_TOO_SHORT}: {' '.join(str(error).split())}")
        first, last = reference.frame.select(pl.col("time").min().alias("first"), pl.col("time").max()).row(0)
        return cls(
            model=bundle.ref,
            period=f"{isoformat(first)} to {isoformat(last)}",
            features=definition.features,
            calibration=calibration,
            normals=Normals(reference),
            _scorer=Scorer(bundle.onnx, features=len(manifest.features), threads=_THREADS),
            _bundle=bundle,
            _fields=fields_of(reference.frame["regime"]),
        )

    def vectors(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Return what the monitor takes, of columns of `andon.contracts.FeatureVector`.

        The score is computed here, by the graph that inference runs: it is the same to the last bit, and there with its
        features, however far the two services are from each other.
        """
        features = rows["features"].struct.unnest()
        with np.errstate(over="ignore"):
            score = self._scorer.score(features.to_numpy(order="c").astype(np.float32)).score
        regime = regimes(rows, self._bundle.manifest.feature_definition, self._fields)
        return features.with_columns(rows["asset"], rows["time"], regime, pl.Series("score", score.astype(np.float64)))


def watched_features(features: tuple[Feature, ...]) -> tuple[str, ...]:
    """Return the features that tell of the machine: not of its data, and not of what it was set to."""
    return tuple(
        feature.name
        for feature in features
        if feature.tags and not feature.about_data and not feature.statistic.startswith("regime_")
    )


def _calibrated(reference: Reference, asset_class: AssetClass) -> Calibration:
    definition = asset_class.feature_definition
    columns = ["asset", "time", "regime", "score", *watched_features(definition.features)]
    return calibrate(
        reference.frame.select(columns), asset_class.drift.false_alarms_per_30_days, definition.step
    )
