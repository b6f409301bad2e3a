"""Run the inference service: ``python -m services.inference``."""

from __future__ import annotations

from andon.plant import Plant
from andon.service import run_stage
from andon.stream import StageSpec
from andon.telemetry import Metrics, get_logger
from services.inference.loading import Loaded, load_bundles
from services.inference.processor import inference_stage
from services.inference.settings import InferenceSettings

_log = get_logger(__name__)


def _build(plant: Plant, settings: InferenceSettings, metrics: Metrics) -> StageSpec:
    loaded = load_bundles(settings.inference.bundles, plant.classes)
    _tell(loaded, metrics)
    return inference_stage(plant, loaded.bundles, settings)


def _tell(loaded: Loaded, metrics: Metrics) -> None:
    for refused in loaded.refused:
        _log.error("model refused", path=str(refused.path), asset_class=refused.asset_class, reason=refused.reason)
        metrics.count("andon_models_refused_total", asset_class=refused.asset_class)
    for asset_class, bundle in loaded.bundles.items():
        model = {"model": bundle.ref.name, "version": bundle.ref.version, "digest": bundle.ref.digest}
        _log.info("model loaded", asset_class=asset_class, **model)
        metrics.set("andon_model_info", 1, asset_class=asset_class, **model)


if __name__ == "__main__":
    run_stage("inference", InferenceSettings, _build)
