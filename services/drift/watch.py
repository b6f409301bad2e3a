"""What the machines of a class are watched with: a calibration made of the model's reference, or why there is none."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from andon.clock import isoformat
from andon.contracts import ModelRef
from andon.contracts.frames import MachineState
from andon.errors import BundleError, DriftError
from andon.features.feature import Feature
from andon.features.regime import fields_of, regimes
from andon.models import Bundle, Reference, Scorer
from andon.plant import AssetClass
from services.drift.abstention import Abstention
from services.drift.calibration import Calibration, calibrate
from services.drift.normal import Floats, Normals
from services.drift.proof import Proof, prove, used
from services.drift.rehearsal import rehearse
from services.drift.relations import Relations

#: Threads that score a batch: the graphs are small, and inference is where speed counts.
_THREADS = 1
_RUNNING = MachineState.RUNNING.value


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
        proof: what of it kept its promise on windows of the reference that it was not made of.
        kept: false alarms of a rehearsal, of all detectors, as a share of those promised; None where it was too short.
        normals: what the cause of a change is told from.
    """

    model: ModelRef
    period: str
    features: tuple[Feature, ...]
    calibration: Calibration
    proof: Proof
    kept: float | None
    normals: Normals
    _relations: Relations
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
            relations = Relations.of(reference, definition.features)
            watched = Relations.foretold(reference, definition.features)
            promise = asset_class.drift.false_alarms_per_30_days, definition.step
            calibration, proof = calibrate(watched, *promise), prove(watched, definition.step)
            rehearsal = rehearse(watched, definition.step)
        except BundleError as error:
            return Abstaining(bundle.ref, f"{Abstention.NO_REFERENCE}: reference.parquet {error}")
        except DriftError as error:
            return Abstaining(bundle.ref, f"{Abstention.REFERENCE_TOO_SHORT}: {' '.join(str(error).split())}")
        first, last = reference.frame.select(pl.col("time").min().alias("first"), pl.col("time").max()).row(0)
        return cls(
            model=bundle.ref,
            period=f"{isoformat(first)} to {isoformat(last)}",
            features=definition.features,
            calibration=used(calibration, proof),
            proof=proof,
            kept=rehearsal.ratio if rehearsal else None,
            normals=Normals(reference),
            _relations=relations,
            _scorer=Scorer(bundle.onnx, features=len(manifest.features), threads=_THREADS),
            _bundle=bundle,
            _fields=fields_of(reference.frame["regime"]),
        )

    def scale(self, asset: str, regime: str) -> dict[str, float]:
        """Return the standard deviation of each stream of a machine in a regime; empty in one never seen."""
        model = self.calibration.model(asset, regime)
        found = zip(self.calibration.streams, model.whitening.scale.tolist(), strict=True) if model else ()
        return dict(found)

    def visible(self, rows: pl.DataFrame) -> pl.Series:
        """Return which windows tell of the machine at work in a regime that can be named.

        A machine that is stopped, set up or maintained differs from normal by design (`machine_state`, `maintenance`).
        """
        context = pl.col("context").struct
        running = context.field("machine_state").cast(pl.String).fill_null(_RUNNING) == _RUNNING
        known = [context.field(name).is_not_null() for name in self._fields]
        at_work = running & context.field("maintenance").is_null()
        return rows.select(pl.all_horizontal(at_work, *known)).to_series()

    def seen(self, rows: pl.DataFrame) -> tuple[pl.DataFrame, Floats]:
        """Return what the monitor takes of windows, and their features [n, d], NaN where there is no value.

        The score is computed here, by the graph that inference runs: it is the same to the last bit, and there with its
        features, however far the two services are from each other.

        Args:
            rows: columns of `andon.contracts.FeatureVector`.
        """
        features = rows["features"].struct.unnest().to_numpy(order="c")
        with np.errstate(over="ignore"):
            score = self._scorer.score(features.astype(np.float32)).score.astype(np.float64)
        regime = regimes(rows, self._bundle.manifest.feature_definition, self._fields)
        windows = rows.select("asset", "time").with_columns(regime, pl.Series("score", score))
        return self._relations.watched(windows, features), features
