"""Which frames were accepted lately, so that one sent again is told from one that is late."""

from __future__ import annotations

from collections import deque

import numpy as np
import numpy.typing as npt
import polars as pl

#: Frames remembered per asset class and partition. A restarted context service repeats about a second of frames.
DEPTH = 200_000


class Accepted:
    """Remembers asset and time of the newest accepted frames.

    Remembering costs nothing but two columns that are there anyway; only the question costs, and it is asked
    only of frames that look late.
    """

    def __init__(self, depth: int = DEPTH) -> None:
        self._depth = depth
        self._height = 0
        self._frames: deque[pl.DataFrame] = deque()

    def add(self, frames: pl.DataFrame) -> None:
        """Remember accepted frames (columns asset, time); forget the oldest beyond the depth."""
        self._frames.append(frames.select("asset", "time"))
        self._height += frames.height
        while self._height - self._frames[0].height >= self._depth:
            self._height -= self._frames.popleft().height

    def among(self, frames: pl.DataFrame) -> npt.NDArray[np.bool_]:
        """Return for each frame whether one of the same asset and time was accepted."""
        if not self._frames:
            return np.zeros(frames.height, bool)
        known = pl.concat(self._frames).unique().with_columns(pl.lit(value=True).alias("known"))
        found = frames.select("asset", "time").join(known, on=["asset", "time"], how="left", maintain_order="left")
        repeated: npt.NDArray[np.bool_] = found["known"].fill_null(value=False).to_numpy()
        return repeated
