"""Which model a machine has in a regime."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from services.drift.arrivals import regime_number
from services.drift.calibration import POOL, Calibration

#: In place of a model's row: the machine is not watched in this regime, or the reference has not seen it in it.
UNWATCHED, NEW_REGIME = -1, -2


class Models:
    """Finds models by rows of a fleet and numbers of regimes."""

    def __init__(self, calibration: Calibration) -> None:
        self._rows = {(asset, regime_number(name)): i for i, (asset, name) in enumerate(calibration.models)}
        self._refused = {(refusal.asset, regime_number(refusal.regime)) for refusal in calibration.refusals}
        self._seen = {asset for asset, _ in self._rows}
        self._found: dict[tuple[str, int], int] = {}

    def of(self, assets: list[str], regimes: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Return the row of each machine's model, its own or that of all, or why there is none."""
        found, keys = self._found, list(zip(assets, regimes.tolist(), strict=True))
        for key in set(keys) - found.keys():
            found[key] = self._find(*key)
        return np.array([found[key] for key in keys], dtype=np.int64)

    def watches(self, asset: str) -> bool:
        """Return whether there is a model for a machine, in any regime."""
        return asset in self._seen or POOL in self._seen

    def _find(self, asset: str, regime: int) -> int:
        row = self._rows.get((asset, regime), self._rows.get((POOL, regime)))
        if row is not None:
            return row
        is_new = self.watches(asset) and (asset, regime) not in self._refused
        return NEW_REGIME if is_new else UNWATCHED
