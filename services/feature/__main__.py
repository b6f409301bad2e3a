"""Run the feature service: ``python -m services.feature``."""

from __future__ import annotations

from andon.plant import Plant
from andon.service import run_stage
from andon.settings import Settings
from andon.stream import StageSpec
from andon.telemetry import Metrics
from services.feature.processor import feature_stage


def _build(plant: Plant, _: Settings, __: Metrics) -> StageSpec:
    return feature_stage(plant)


if __name__ == "__main__":
    run_stage("feature", Settings, _build)
