"""Settings of the inference service."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from andon.settings import Settings


class ScoringSettings(BaseModel):
    """Where the models are and how they are run."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    bundles: Path = Path("bundles")
    """Folder with a folder of bundles for each asset class; see `andon.models.save_bundle`."""
    threads: int | None = Field(default=None, ge=1)
    """Threads that score one batch; null means as many as the container may use."""
    top_contributions: int = Field(default=5, ge=1, le=100)
    """Most features to name as reasons for a score."""


class InferenceSettings(Settings):
    """Settings of the inference service, such as ``ANDON_INFERENCE__THREADS=2``."""

    inference: ScoringSettings = ScoringSettings()
