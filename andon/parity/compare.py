"""Vectors as they were sent against vectors as they are computed again. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from andon.features.segments import Floats
from andon.parity.recompute import NUMBER

_COUNTS = ("samples", "expected", "good_ratio")
#: Differences that are kept to be shown.
_SHOWN = 10


@dataclass(frozen=True, slots=True)
class Difference:
    """One value that is not what it was.

    Attributes:
        vector: id of the vector.
        name: of the feature, or ``samples``, ``expected`` or ``good_ratio``.
        sent: the value as it was sent; NaN for null.
        again: as it is computed again; NaN for null.
    """

    vector: str
    name: str
    sent: float
    again: float


@dataclass(frozen=True, slots=True)
class Parity:
    """What comparing vectors came to; two add up.

    Attributes:
        checked: vectors that were compared.
        mismatches: those of which a value differs by more than is allowed.
        largest: largest relative error of all values, infinite where one of the two is null.
        gone: vectors that could not be compared because the topic no longer has their frames.
        differences: a few of what differs.
    """

    checked: int = 0
    mismatches: int = 0
    largest: float = 0.0
    gone: int = 0
    differences: tuple[Difference, ...] = ()

    def __add__(self, other: Parity) -> Parity:
        return Parity(
            self.checked + other.checked,
            self.mismatches + other.mismatches,
            max(self.largest, other.largest),
            self.gone + other.gone,
            (*self.differences, *other.differences)[:_SHOWN],
        )


def compare(sent: pl.DataFrame, again: pl.DataFrame, tolerance: float = 0.0) -> Parity:
    """Compare vectors.

    Args:
        sent: `id`, `samples`, `expected`, `good_ratio` and `features`, as they were sent.
        again: those and `NUMBER`, the row of *sent* that each is for, as computed again. One that is absent is taken
            for a vector of nothing.
        tolerance: largest relative error that is no mismatch.
    """
    if sent.is_empty():
        return Parity()
    names, was = _matrix(sent)
    found, values = _matrix(again)
    now = np.full_like(was, np.nan)
    now[again[NUMBER].to_numpy()] = values[:, [found.index(name) for name in names]]
    error = _relative(was, now)
    differs = error > tolerance
    places = np.argwhere(differs)[:_SHOWN].tolist()
    ids: list[str] = sent["id"].to_list() if places else []
    return Parity(
        checked=sent.height,
        mismatches=int(differs.any(axis=1).sum()),
        largest=float(error.max()),
        differences=tuple(Difference(ids[row], names[at], was[row, at], now[row, at]) for row, at in places),
    )


def _matrix(vectors: pl.DataFrame) -> tuple[list[str], Floats]:
    """Return names and values [vectors, names], NaN for null, of all that is compared."""
    columns = vectors.select(*_COUNTS, *vectors["features"].struct.unnest())
    return columns.columns, columns.cast(pl.Float64).to_numpy()


def _relative(was: Floats, now: Floats) -> Floats:
    """Return |now - was| / max(|now|, |was|); 0 where both are equal or NaN, infinite where one of them is NaN."""
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        error = np.abs(now - was) / np.maximum(np.abs(now), np.abs(was))
    same = (was == now) | (np.isnan(was) & np.isnan(now))
    found: Floats = np.where(same, 0.0, np.where(np.isnan(was) | np.isnan(now), np.inf, error))
    return found
