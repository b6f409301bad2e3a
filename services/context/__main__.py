"""Run the context service: ``python -m services.context``."""

from __future__ import annotations

from andon.plant import Plant
from andon.service import run_stage
from andon.settings import Settings
from andon.stream import StageSpec
from andon.telemetry import Metrics
from services.context.processor import context_stage
from services.context.settings import ContextSettings


class ServiceSettings(Settings):
    """Settings of the context service."""

    context: ContextSettings = ContextSettings()


def _build(plant: Plant, settings: ServiceSettings, _: Metrics) -> StageSpec:
    return context_stage(plant, settings.context)


if __name__ == "__main__":
    run_stage("context", ServiceSettings, _build)
