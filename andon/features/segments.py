"""Windows as contiguous segments of an axis, each reduced on its own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

#: Segments are sorted as rows of matrices whose widths are multiples of this: few matrices, little padding.
_WIDTH = 8


@dataclass(frozen=True)
class Segments:
    """Consecutive slices that cover an axis; none is empty.

    Attributes:
        starts: index of each slice's first element, ascending from 0.
        lengths: elements of each slice.
    """

    starts: Ints
    lengths: Ints

    def sum(self, values: Floats) -> Floats:
        """Return each segment's sum along the last axis."""
        return np.add.reduceat(values, self.starts, axis=-1)

    def smallest(self, values: Floats) -> Floats:
        """Return each segment's smallest value along the last axis; NaN where all are NaN."""
        return np.fmin.reduceat(values, self.starts, axis=-1)

    def largest(self, values: Floats) -> Floats:
        """Return each segment's largest value along the last axis; NaN where all are NaN."""
        return np.fmax.reduceat(values, self.starts, axis=-1)

    def count(self, where: npt.NDArray[np.bool_]) -> Floats:
        """Return how many elements of each segment are true, along the last axis."""
        return self.sum(where.astype(np.float64))

    def mean(self, values: Floats) -> Floats:
        """Return each segment's mean along the last axis, of what is not NaN; NaN where all are.

        Rounding never takes it out of what it is the mean of, so a constant has no deviations.
        """
        good = ~np.isnan(values)
        mean = self.sum(np.where(good, values, 0.0)) / self.count(good)
        return np.clip(mean, self.smallest(values), self.largest(values))

    def spread(self, per_segment: Floats) -> Floats:
        """Return every segment's value once for each of its elements, along the last axis."""
        return np.repeat(per_segment, self.lengths, axis=-1)

    def matrices(self) -> list[tuple[Ints, Ints]]:
        """Return segments of similar length as matrices: (their numbers, index of every element).

        A matrix is padded with the index one behind the axis' last.
        """
        widths = -(-self.lengths // _WIDTH) * _WIDTH
        return [self._matrix(np.flatnonzero(widths == width), width) for width in np.unique(widths)]

    def _matrix(self, numbers: Ints, width: int) -> tuple[Ints, Ints]:
        column = np.arange(width)
        inside = column < self.lengths[numbers, None]
        return numbers, np.where(inside, self.starts[numbers, None] + column, self.lengths.sum())
