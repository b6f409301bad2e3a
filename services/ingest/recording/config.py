"""The recording part of the sources file."""

from __future__ import annotations

import math
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from andon.secrets import FileBeside
from services.ingest.config import NamedSource


def check_speed(speed: object) -> object:
    """Return a speed as a number, or ``max``.

    Raises:
        ValueError: it is neither.
    """
    if speed == "max":
        return speed
    try:
        number = float(speed) if isinstance(speed, (int, float, str)) and not isinstance(speed, bool) else math.nan
    except ValueError:
        number = math.nan
    if not (math.isfinite(number) and number > 0):
        raise ValueError(f"speed {speed!r} is neither a number above 0, such as 1 or 10, nor 'max'")
    return number


class RecordingConfig(NamedSource):
    """A recording: what to replay, how fast, and under which times."""

    kind: Literal["recording"]
    folder: FileBeside
    """Folder that holds the recording's files."""
    mapping: FileBeside
    """The mapping file that describes them."""
    times: Literal["original", "now"] = "original"
    """`original`: as recorded, origin backfill. `now`: a frame's time is the moment it is due, origin live."""
    to: Literal["backfill", "raw"] | None = None
    """The stage. History goes to `backfill`, where it never delays live data, unless it is to be rehearsed as if it
    were live (`raw`). Times `now` go to `raw`."""
    speed: Annotated[float | Literal["max"], BeforeValidator(check_speed)] = 1.0
    """Recorded seconds per second, or `max`: as fast as possible."""
    rate: float | None = Field(default=None, gt=0)
    """Most frames per second, whatever the speed says."""
    order: Literal["oldest", "newest"] = "oldest"
    """Which comes first. `newest`: the newest file's last `stretch_rows` rows, then those before them, and so on;
    inside of a stretch the frames ascend. Of an asset, windows and alerts come of the first stretch only: what steps
    back is late for the windows of history."""
    stretch_rows: int = Field(default=100_000, ge=1)
    """Rows in a stretch, for `newest`."""
    resume: FileBeside | None = None
    """A file that remembers the row up to which everything is with Kafka, so that a restart goes on there. Not set: a
    restart begins again, and the same frames have the same ids."""
    loop: bool = False
    """Whether to begin again at the end."""
    skip_rows_per_file: int = Field(default=0, ge=0)
    """Rows at the start of each file that are not replayed, such as those a model was trained on."""
    max_rows_per_file: int | None = Field(default=None, ge=1)
    """Rows to replay of each file, after those skipped."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.times == "now" and self.speed == "max":
            raise ValueError("times 'now' needs a speed: at 'max' all frames would have the same time")
        if self.times == "now" and self.to == "backfill":
            raise ValueError("times 'now' are live, so they go to 'raw' (remove `to`)")
        if self.order == "newest" and self.speed != "max":
            raise ValueError("order 'newest' has no pace of its own: set speed 'max', and `rate` to limit it")
        if self.loop and self.times == "original":
            raise ValueError("loop needs times 'now': the same times would make the same event ids again")
        if self.resume is not None and self.times == "now":
            raise ValueError("`resume` is for original times: a moment that has passed does not come again")
        return self

    @property
    def stage(self) -> Literal["backfill", "raw"]:
        """Where the frames go."""
        return self.to or ("raw" if self.times == "now" else "backfill")
