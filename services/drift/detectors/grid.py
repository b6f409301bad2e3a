"""How values spread over the bins of a fixed grid: the sketch that the tests of whole distributions share.

A grid that is fixed by the reference makes a sketch of plain counts: of a fixed size, exactly mergeable, and updated
for all streams in a few array operations. A t-digest or KLL sketch would have the same accuracy where no reference is
known beforehand, for a Python object and a call a stream; here the reference is always known.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from services.drift.detectors.array_detector import ArrayDetector, Slot, State
from services.drift.detectors.detector import Floats

#: Bins of a grid, unless told; ten is the credit industry's habit with PSI.
BINS = 10


@dataclass(frozen=True, slots=True)
class Grid:
    """Bins of each stream, and how the reference spreads over them.

    Attributes:
        edges: ``[bins - 1, d]`` ascending; the number of edges at or below a value is its bin.
        expected: ``[bins, d]`` shares of the reference; each stream's sum is 1.
    """

    edges: Floats
    expected: Floats

    def bins_of(self, values: Floats) -> np.ndarray[tuple[int, ...], np.dtype[np.intp]]:
        """Return the bin ``[d]`` of a row of values."""
        return np.asarray((values >= self.edges).sum(axis=0))


def quantile_grid(reference: Floats, bins: int = BINS) -> Grid:
    """Return the grid whose bins hold equal shares of the reference, where its values are continuous.

    A value that takes several quantiles (a state, a counter, a sensor at rest) gets a bin of its own, so that leaving
    it upwards shows like leaving it downwards.

    Args:
        reference: ``[m, d]`` not finite where there is no value.
        bins: how many; at least 2.

    Raises:
        ValueError: a stream has no value at all.
    """
    levels = np.arange(1, bins) / bins
    edges = np.column_stack([np.quantile(column, levels) for column in _columns(reference)])
    return _grid(reference, _apart(edges))


def even_grid(reference: Floats, bins: int = 64, reach: float = 4.0) -> Grid:
    """Return a grid of even bins, from *reach* standard deviations below the reference's mean to as many above.

    Raises:
        ValueError: a stream has no value at all.
    """
    columns = _columns(reference)
    mean = np.array([column.mean() for column in columns])
    spread = np.array([column.std() for column in columns])
    # A stream at rest is measured in the smallest steps that float32, in which features travel to models, can tell.
    unit = np.maximum(spread, np.maximum(np.abs(mean), 1.0) * np.finfo(np.float32).eps)
    return _grid(reference, mean + unit * np.linspace(-reach, reach, bins - 1)[:, np.newaxis])


class GridDetector(ArrayDetector):
    """A detector that compares the shares of recent values in a grid's bins with the reference's.

    Each value counts for half as much after *half_life* more of them; infinite: nothing is forgotten. The statistic is
    NaN until *least* values weigh in: shares of a few values are always unlike. Values as they are may be given, or
    residuals; both as the reference's were.
    """

    far: ClassVar[float] = np.inf
    """A value is only ever compared with the edges, so that none is too large."""

    def __init__(self, grid: Grid, half_life: float = 500.0, least: float = 100.0) -> None:
        super().__init__(grid.edges.shape[1], {"counts": Slot(shape=(len(grid.expected),))})
        if not (half_life > 0 and least < half_life / np.log(2)):
            raise ValueError(
                f"with a half-life of {half_life} values weigh less than {half_life / np.log(2):.0f}, never {least}: "
                "choose a longer half_life, or a smaller least"
            )
        self.grid, self.least = grid, least
        self.keep = float(np.exp2(-1 / half_life))

    def step(self, state: State, row: Floats) -> State:
        """Return the counts after a row."""
        counts = state["counts"] * self.keep
        counts[self.grid.bins_of(row), np.arange(self.streams)] += 1
        return {"counts": counts}

    def merge(self, other: Self) -> None:
        """Add what another detector of the same grid saw, at the same time: of another part of a stream's values."""
        if not (np.array_equal(self.grid.edges, other.grid.edges) and self.keep == other.keep):
            raise ValueError(f"{self.name} sketches of different grids or half-lives cannot be merged")
        self._state = {"counts": self._state["counts"] + other._state["counts"]}

    @property
    def statistic(self) -> Floats:
        """``[d]`` How unlike the reference's shares the recent ones are; NaN before there are enough values."""
        weight = self._state["counts"].sum(axis=0)
        is_enough = weight >= self.least
        shares = np.where(is_enough, self._state["counts"], self.grid.expected) / np.where(is_enough, weight, 1.0)
        return np.where(is_enough, self.distance(shares, weight), np.nan)

    @abstractmethod
    def distance(self, shares: Floats, weight: Floats) -> Floats:
        """Return the distance ``[d]`` of shares ``[bins, d]``, of values that weigh *weight* ``[d]``."""


def _columns(reference: Floats) -> list[Floats]:
    columns = [column[np.isfinite(column)] for column in reference.T]
    if empty := [index for index, column in enumerate(columns) if not len(column)]:
        raise ValueError(f"streams {empty} have no value in the reference: leave them out")
    return columns


def _apart(edges: Floats) -> Floats:
    """Return edges of which the last of equal ones is the next number above, so that the value has its own bin."""
    is_last_of_equal = np.zeros(edges.shape, dtype=np.bool_)
    is_last_of_equal[1:] = edges[1:] == edges[:-1]
    is_last_of_equal[:-1] &= edges[:-1] != edges[1:]
    return np.where(is_last_of_equal, np.nextafter(edges, np.inf), edges)


def _grid(reference: Floats, edges: Floats) -> Grid:
    bins = len(edges) + 1
    found = [
        np.bincount(np.searchsorted(edges_of, column, side="right"), minlength=bins) / len(column)
        for edges_of, column in zip(edges.T, _columns(reference), strict=True)
    ]
    return Grid(edges, np.column_stack(found))
