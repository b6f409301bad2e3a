"""Settings of the inference service."""

from __future__ import annotations

from pydantic import Field

from andon.registry.settings import ModelSettings
from andon.serving.settings import ServingSettings
from andon.settings import Settings


class ScoringSettings(ServingSettings):
    """Where the models are and how they are run."""

    threads: int | None = Field(default=None, ge=1)
    """Threads that score one batch; null means as many as the container may use."""
    top_contributions: int = Field(default=5, ge=1, le=100)
    """Most features to name as reasons for a score."""


class InferenceSettings(Settings):
    """Settings of the inference service, such as ``ANDON_INFERENCE__THREADS=2``."""

    inference: ScoringSettings = ScoringSettings()
    models: ModelSettings = ModelSettings()
