"""A batch of windows, in the forms that models and limits need; made once for all of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl
from numpy.typing import NDArray

from andon.contracts import Origin
from andon.models.scorer import Float32

Float64 = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Windows:
    """Feature vectors of one asset class (n windows, d features).

    Attributes:
        rows: columns of `andon.contracts.FeatureVector`, `offset` and `traceparent`.
    """

    rows: pl.DataFrame

    @property
    def height(self) -> int:
        """The number of windows."""
        return self.rows.height

    @cached_property
    def features(self) -> pl.DataFrame:
        """One Float64 column a feature, in the order of the feature definition; null where it could not be computed."""
        return self.rows["features"].struct.unnest()

    @cached_property
    def values(self) -> Float64:
        """``[n, d]`` the same, NaN where missing."""
        # Not cast by Polars: one numpy call costs a batch of a few windows a tenth of what a query does.
        return self.features.to_numpy(order="c")

    @cached_property
    def matrix(self) -> Float32:
        """``[n, d]`` the same as a graph takes it; what is beyond float32 is infinite."""
        with np.errstate(over="ignore"):
            return self.values.astype(np.float32)

    @cached_property
    def lag(self) -> NDArray[np.int64]:
        """``[n]`` how long before the newest of what it waited for came in a window ended, microseconds."""
        lag: NDArray[np.int64] = self.rows["ingest_time"].to_numpy() - self.rows["time"].to_numpy()
        return lag

    def are_late(self, most: int) -> Mask:
        """Return ``[n]`` which windows are not history and lag by more than *most* microseconds."""
        late: Mask = self.lag > most
        if late.any():  # so seldom that history is told from the rest only then
            late &= self.rows["origin"].ne_missing(Origin.BACKFILL.value).to_numpy()
        return late

    def filter(self, where: pl.Series) -> Windows:
        """Return the windows that a Boolean column marks."""
        return Windows(self.rows.filter(where))
