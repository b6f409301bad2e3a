"""Settings of services that use models."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from andon.connection import FilePath, Group
from andon.units import Duration


class ServingSettings(Group):
    """Where a service finds its models, beside `andon.registry.settings.ModelSettings`."""

    bundles: FilePath = Path("bundles")
    """Folder with a folder of bundles for each asset class; used where no registry is named."""
    patience: Duration = 5_000_000
    """How long the start waits for the registry to tell of the models, before work begins with what is there."""
    trial_memory_mib: int = Field(default=512, ge=64)
    """MiB that a model may need beside its own size when it is tried out; one that needs more is refused."""
