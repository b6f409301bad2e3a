"""Run the alert service: ``python -m services.alert``."""

from __future__ import annotations

from andon.plant import Plant
from andon.service import run_stage
from andon.stream import StageSpec
from andon.telemetry import Metrics
from services.alert.processor import alert_stage
from services.alert.settings import AlertSettings


def _build(plant: Plant, settings: AlertSettings, _: Metrics) -> StageSpec:
    return alert_stage(plant, settings)


if __name__ == "__main__":
    run_stage("alert", AlertSettings, _build)
