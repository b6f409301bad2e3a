"""What machines have been like lately: a mean that forgets of each feature, in standard deviations. Pure."""

from __future__ import annotations

from typing import Any

import numpy as np

from services.drift.normal import WEIGHT, Floats

#: Windows in a row without a value after which what was before says nothing of the present.
_LONG = 10


class Recent:
    """Forgetting means of machines side by side.

    Args:
        features: how many each machine has.
    """

    def __init__(self, features: int) -> None:
        self._features = features
        self._row: dict[str, int] = {}
        self._mean = np.zeros((0, features))
        self._seen = np.zeros((0, features), dtype=np.int64)
        self._absent = np.zeros((0, features), dtype=np.int64)

    def update(self, assets: list[str], standard: Floats) -> None:
        """Take one window each of some machines.

        Args:
            assets: their names, each once.
            standard: [assets, features] in standard deviations from normal; NaN where there is no value.
        """
        rows = np.array([self._of(asset) for asset in assets])
        present = np.isfinite(standard)
        step = np.where(present, standard - self._mean[rows], 0.0)
        # From 0, which is normal: what has been seen for a few windows only is not yet far from it.
        self._mean[rows] += WEIGHT * step
        self._seen[rows] += present
        self._absent[rows] = np.where(present, 0, self._absent[rows] + 1)

    def mean(self, asset: str) -> Floats:
        """Return how far a machine is from normal, [features]; NaN where it had no value yet, or none for long."""
        row = self._of(asset)
        there = (self._seen[row] > 0) & (self._absent[row] < _LONG)
        return np.where(there, self._mean[row], np.nan)

    def snapshot(self, asset: str) -> dict[str, Any]:
        """Return what is known of a machine, for JSON."""
        row = self._of(asset)
        kept = {"mean": self._mean, "seen": self._seen, "absent": self._absent}
        return {name: values[row].tolist() for name, values in kept.items()}

    def restore(self, asset: str, state: dict[str, Any]) -> None:
        """Take what `snapshot` returned."""
        row = self._of(asset)
        self._mean[row], self._seen[row], self._absent[row] = state["mean"], state["seen"], state["absent"]

    def _of(self, asset: str) -> int:
        row = self._row.get(asset)
        if row is None:
            row = self._row[asset] = len(self._row)
            if row >= len(self._mean):
                more = max(16, len(self._mean))
                self._mean = np.concatenate([self._mean, np.zeros((more, self._features))])
                none = np.zeros((more, self._features), dtype=np.int64)
                self._seen, self._absent = np.concatenate([self._seen, none]), np.concatenate([self._absent, none])
        return row
