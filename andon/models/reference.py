"""The reference of a model: windows of the normal period it learned from, which drift is measured against.

It is the third file of a bundle, `reference.parquet`: one row a window, in contiguous stretches, because drift
detection needs to know how windows follow each other, which no profile tells.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray
from polars.exceptions import PolarsError

from andon.errors import BundleError

#: Windows that a reference holds at most; with 50 features they take about 4 MB.
MAX_ROWS = 20_000
_KEYS = {"asset": pl.String, "time": pl.Int64, "regime": pl.String, "score": pl.Float32}


@dataclass(frozen=True)
class Reference:
    """Windows of normal operation.

    Attributes:
        frame: asset, time (the window's end, microseconds), regime (see `andon.features.regime`; never null), score (of
            the model, null where it has none) and a Float32 column a feature (null where it could not be computed), by
            asset and time; no window is there twice.
    """

    frame: pl.DataFrame

    @property
    def features(self) -> tuple[str, ...]:
        """Names of the features, in the model's order."""
        return tuple(name for name in self.frame.columns if name not in _KEYS)

    @property
    def keys(self) -> pl.DataFrame:
        """Columns asset, time, regime and score (Float64)."""
        return self.frame.select(*_KEYS).with_columns(pl.col("score").cast(pl.Float64))

    @property
    def values(self) -> NDArray[np.float64]:
        """The features, ``[n, d]``, NaN where one could not be computed."""
        return self.frame.select(pl.col(self.features).cast(pl.Float64)).to_numpy(order="c")

    @classmethod
    def of(cls, windows: pl.DataFrame, features: Sequence[str], *, rows: int = MAX_ROWS) -> Reference:
        """Return the newest windows, as many of each asset as of the others as far as it has them.

        Args:
            windows: asset, time, regime, score and the features, numeric.
            features: names of the features, in the model's order.
            rows: most windows to keep.
        """
        quota = _fair_share([int(count) for count in windows["asset"].value_counts()["count"]], rows)
        kept = windows.sort("asset", "time").filter(pl.int_range(pl.len(), 0, -1).over("asset") <= quota)
        return cls(kept.select(pl.col(name).cast(dtype) for name, dtype in _schema(features).items()))

    @classmethod
    def parse(cls, content: bytes, features: Sequence[str]) -> Reference:
        """Read the bytes of `reference.parquet`.

        Args:
            content: the file.
            features: names of the model's features, in its order.

        Raises:
            BundleError: it is no such file, or not of these features; says what is wrong.
        """
        try:
            frame = pl.read_parquet(io.BytesIO(content))
        except PolarsError as error:
            raise BundleError(f"is no Parquet file: {str(error).splitlines()[0]}") from None
        _check(frame, _schema(features))
        return cls(frame)

    def render(self) -> bytes:
        """Return the bytes of `reference.parquet`; the same windows give the same bytes."""
        buffer = io.BytesIO()
        self.frame.write_parquet(buffer, compression="zstd", statistics=False)
        return buffer.getvalue()


def _schema(features: Sequence[str]) -> dict[str, pl.DataType | type[pl.DataType]]:
    return {**_KEYS, **dict.fromkeys(features, pl.Float32)}


def _fair_share(counts: list[int], rows: int) -> int:
    """Return how many windows each asset may keep so that all together keep at most *rows*, and no fewer than can be.

    What an asset with few windows leaves goes to the others.
    """
    counts = sorted(counts)
    for done, count in enumerate(counts):
        share = rows // (len(counts) - done)
        if count > share:
            return share
        rows -= count
    return max(counts, default=0)


def _check(frame: pl.DataFrame, schema: dict[str, pl.DataType | type[pl.DataType]]) -> None:
    if dict(frame.schema) != schema:
        wrong = sorted(set(frame.schema.items()) ^ set(schema.items()), key=str)
        raise BundleError(
            f"does not hold the columns {', '.join(list(schema)[:4])} and the model's features"
            + (f"; look at {wrong[0][0]!r}" if wrong else " in their order")
        )
    if frame.select(pl.any_horizontal(pl.col("asset", "time", "regime").is_null()).any()).item():
        raise BundleError("has windows without asset, time or regime")
    order = frame.select("asset", "time")
    if order.is_duplicated().any() or not order.equals(order.sort("asset", "time")):
        raise BundleError("has windows that are there twice, or not by asset and time")
