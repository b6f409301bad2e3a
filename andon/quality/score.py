"""A rolling score of each asset's data: the share of its samples that are good, the newest counting most.

Samples are counted in cells of event time, one half-life long. A frame's score weighs those of its own cell with 1, of
the cell before with 1/2, and so on over `CELLS_BACK` cells; what is older does not count (it would weigh 1/32 or less).
So memory is bounded, and a restart that reads these cells again gives every frame the same score. Counts and weights
are integers: however frames are cut into batches, not a bit of the sum changes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from andon.clock import SECOND
from andon.contracts import Quality
from andon.plant import AssetClass
from andon.quality.arrivals import Arrivals
from andon.quality.marks import CODE, GOOD, Codes, Floats
from andon.quality.rules import CELLS_BACK, ClassRules
from andon.quality.stretches import NEVER, Ints, Mask, Stretches, changes
from andon.quality.trail import CELLS, Layout, Trail

#: Time in which the weight of a sample halves, unless the settings say otherwise.
HALF_LIFE = 60 * SECOND
_DIGITS = 4


class Scores:
    """The scores of the assets of one class in one partition.

    Args:
        asset_class: says which samples are expected. A tag that is sampled less often than once a scan is missing in
            most frames; that is not held against it.
        assets: how many assets the class has.
        half_life: time in which the weight of a sample halves, microseconds. An asset that is silent for longer than
            the score looks back starts afresh.
    """

    def __init__(self, asset_class: AssetClass, assets: int, half_life: int = HALF_LIFE) -> None:
        scans = SECOND / asset_class.scan
        self._slow = [name for name, tag in asset_class.tags.items() if tag.rate_hz and tag.rate_hz < scans]
        self._half_life = half_life
        # The marks in the first cell that counts depend in turn on what rules remember of the time before it.
        rules = ClassRules.of(asset_class)
        earlier = -(-rules.reach // half_life) if rules.tags else 0
        self._trail = Trail(half_life, CELLS * half_life, assets, CELLS_BACK + earlier)
        self._cell = np.full((assets, CELLS), NEVER, np.int64)
        self._counts = np.zeros((2, assets, CELLS), np.int64)

    def update(self, arrivals: Arrivals, codes: Mapping[str, Codes]) -> Floats:
        """Return the score of each frame's asset, the frame itself included; NaN for frames that are not in order.

        Args:
            arrivals: the next frames.
            codes: tag to all marks of their samples.
        """
        layout = self._trail.lay_out(arrivals)
        frames = np.flatnonzero(layout.in_order)
        cells = _Cells.of(layout, frames, self._half_life, self._samples(codes))
        good, expected = self._history(cells)[:, cells.number] + (cells.so_far << CELLS_BACK)
        self._remember(cells)
        self._trail.remember(layout, arrivals)
        shares = np.full(len(layout.in_order), np.nan)
        some = expected > 0
        shares[frames[some]] = np.round(good[some] / expected[some], _DIGITS)
        return layout.stretches.in_row_order(shares)

    def needed_from(self, clock: int) -> int | None:
        """Return the first offset that memory is made of; None if nothing is remembered. See `Trail.needed_from`."""
        return self._trail.needed_from(clock)

    def _samples(self, codes: Mapping[str, Codes]) -> tuple[Ints, Ints]:
        """Return how many samples of each row are good, and how many are expected."""
        rows = len(next(iter(codes.values())))
        good, expected = np.zeros(rows, np.int64), np.full(rows, len(codes))
        for tag in codes:
            good += codes[tag] == GOOD
        for tag in self._slow:
            expected -= codes[tag] == CODE[Quality.MISSING]
        return good, expected

    def _history(self, cells: _Cells) -> Ints:
        """Return for each cell the weighted counts before it: of former batches its own, and of the cells before."""
        weighted = np.zeros_like(cells.counts)
        index = np.arange(len(cells.cell))
        for age in range(CELLS):
            place = (cells.cell - age) % CELLS
            remembered = cells.resumed & (self._cell[cells.asset, place] == cells.cell - age)
            weighted += self._counts[:, cells.asset, place] * remembered << (CELLS_BACK - age)
            earlier = np.maximum(index - age, 0)  # each of the last cells is among as many places before
            between = cells.cell - cells.cell[earlier]
            near = (index >= age) & (cells.stretch[earlier] == cells.stretch) & (between > 0) & (between <= CELLS_BACK)
            weighted += cells.counts[:, earlier] * near << np.where(near, CELLS_BACK - between, 0)
        return weighted

    def _remember(self, cells: _Cells) -> None:
        """Keep the counts of each asset's last cells; forget those of assets that started afresh."""
        stretches = cells.stretches
        self._cell[stretches.assets[stretches.closing & ~stretches.resumed]] = NEVER
        kept = np.flatnonzero(stretches.closing[cells.stretch])
        asset, cell = cells.asset[kept], cells.cell[kept]
        place = cell % CELLS
        goes_on = self._cell[asset, place] == cell
        counts = cells.counts[:, kept] + self._counts[:, asset, place] * goes_on
        self._cell[asset, place] = cell  # of several that share a place, the last is kept
        self._counts[:, asset, place] = counts


@dataclass(frozen=True, slots=True)
class _Cells:
    """The cells of event time that a batch has frames of (g cells, m frames in order), by stretch and time.

    Attributes:
        stretches: the batch.
        stretch: (g) the cell's stretch.
        cell: (g) its number.
        counts: (2, g) its good and expected samples in this batch.
        number: (m) which cell a frame is in.
        so_far: (2, m) the cell's counts up to and with that frame.
    """

    stretches: Stretches
    stretch: Ints
    cell: Ints
    counts: Ints
    number: Ints
    so_far: Ints

    @classmethod
    def of(cls, layout: Layout, frames: Ints, length: int, samples: Sequence[Ints]) -> _Cells:
        """Cut a batch into cells.

        Args:
            layout: the batch.
            frames: (m) slots of the frames in order.
            length: of a cell, microseconds.
            samples: good and expected samples of each row.
        """
        stretches = layout.stretches
        stretch, cell = stretches.number[frames], layout.time[frames] // length
        begins = changes(stretch) | changes(cell)
        first, number = np.flatnonzero(begins), np.cumsum(begins) - 1
        counts = np.stack([stretches.of_rows(each, frames) for each in samples])
        sums = np.cumsum(counts, axis=1)
        so_far = sums - (sums - counts)[:, first][:, number]
        return cls(
            stretches,
            stretch[first],
            cell[first],
            so_far[:, np.flatnonzero(changes(number[::-1])[::-1])],
            number,
            so_far,
        )

    @property
    def asset(self) -> Ints:
        """(g) index of the asset."""
        return self.stretches.assets[self.stretch]

    @property
    def resumed(self) -> Mask:
        """(g) whether the cell's stretch goes on with what is remembered of the asset."""
        return self.stretches.resumed[self.stretch]
