"""Settings of the inference service."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from andon.connection import FilePath, Group
from andon.registry.settings import ModelSettings
from andon.settings import Settings
from andon.units import Duration


class ScoringSettings(Group):
    """Where the models are and how they are run."""

    bundles: FilePath = Path("bundles")
    """Folder with a folder of bundles for each asset class; used where no registry is named."""
    patience: Duration = 5_000_000
    """How long the start waits for the registry to tell of the models, before windows are judged with what is there."""
    trial_memory_mib: int = Field(default=512, ge=64)
    """MiB that a model may need beside its own size when it is tried out; one that needs more is refused."""
    threads: int | None = Field(default=None, ge=1)
    """Threads that score one batch; null means as many as the container may use."""
    top_contributions: int = Field(default=5, ge=1, le=100)
    """Most features to name as reasons for a score."""


class InferenceSettings(Settings):
    """Settings of the inference service, such as ``ANDON_INFERENCE__THREADS=2``."""

    inference: ScoringSettings = ScoringSettings()
    models: ModelSettings = ModelSettings()
