"""Settings of the recording source."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from andon.units import Duration


def _check_speed(speed: object) -> object:
    if speed == "max":
        return speed
    try:
        number = float(speed) if isinstance(speed, (int, float, str)) and not isinstance(speed, bool) else math.nan
    except ValueError:
        number = math.nan
    if not (math.isfinite(number) and number > 0):
        raise ValueError(f"speed {speed!r} is neither a number above 0, such as 1 or 10, nor 'max'")
    return number


class IngestSettings(BaseModel):
    """What to replay, how fast, and under which times."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    recording: Path
    """Folder that holds the recording's files."""
    mapping: Path
    """The mapping file that describes them."""
    speed: Annotated[float | Literal["max"], BeforeValidator(_check_speed)] = 1.0
    """Recorded seconds per second, or `max`: as fast as possible."""
    times: Literal["original", "now"] = "original"
    """`original`: as recorded, origin backfill. `now`: a frame's time is the moment it is due, origin live."""
    loop: bool = False
    """Whether to begin again at the end."""
    skip_rows_per_file: int = Field(default=0, ge=0)
    """Rows at the start of each file that are not replayed, such as those a model was trained on."""
    max_rows_per_file: int | None = Field(default=None, ge=1)
    """Rows to replay of each file, after those skipped."""
    linger: Duration = 0
    """How long to stay after the last frame, so that the last figures can still be scraped."""
    session: str = Field(default="recording", min_length=1)
    """Begins the session's name; the moment of the start and the asset follow."""

    @model_validator(mode="after")
    def _times_fit(self) -> Self:
        if self.times == "now" and self.speed == "max":
            raise ValueError("times 'now' needs a speed: at 'max' all frames would have the same time")
        if self.loop and self.times == "original":
            raise ValueError("loop needs times 'now': the same times would make the same event ids again")
        return self
