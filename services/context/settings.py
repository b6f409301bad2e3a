"""Settings of the context service."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from andon.quality.arrivals import FUTURE_TOLERANCE, MAX_AGE
from andon.quality.score import HALF_LIFE
from andon.units import Duration


class ContextSettings(BaseModel):
    """Which event times are believed, such as ``ANDON_CONTEXT__FUTURE_TOLERANCE=1min``."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    input: Literal["raw", "backfill"] = "raw"
    """The stage to read. History has a stage and a context service of its own, so that it never delays live data."""
    future_tolerance: Duration = FUTURE_TOLERANCE
    """A frame whose event time is further ahead of the clock goes to the dead letters: its source's clock is wrong."""
    max_age: Duration = MAX_AGE
    """So does a live frame that is older than this; frames of origin backfill may be of any age."""
    patience: Duration = Field(default=10_000_000, gt=0)
    """How long to wait at the start for what is known of orders, shifts and the like, before going on without it."""
    correct: bool = True
    """Send frames again whose context was corrected."""
    horizon: Duration = Field(default=86_400_000_000, gt=0)
    """How far back in event time corrections reach."""
    settle: Duration = 5_000_000
    """After this time, a correction looks once more for frames that were sent before all workers had heard of it."""
    remember: Duration = Field(default=31 * 86_400_000_000, gt=0)
    """Facts that ended longer ago are forgotten; history that is older is joined without them."""
    quality_half_life: Duration = Field(default=HALF_LIFE, ge=1_000_000)
    """Time in which a sample's weight in the quality score halves. The score looks back over five of it, which are read
    again after a restart."""
