"""Every machine of a reference whitened, and the machines that are alike together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from services.drift.calibration.model import POOL, Refusal
from services.drift.calibration.pooling import alike
from services.drift.calibration.refusals import FEWEST, refuse_machine, refuse_pool
from services.drift.calibration.scores import level
from services.drift.calibration.stretches import silence
from services.drift.calibration.whitening import Floats, Whitening, fit, residuals, standardised

#: By asset and regime.
ByMachine = dict[tuple[str, str], "Whitened"]


@dataclass(frozen=True, slots=True)
class Whitened:
    """A machine's reference in one regime."""

    whitening: Whitening
    scores: Floats
    """[rows, streams]: level scores."""
    silence: npt.NDArray[np.int64]
    """[streams]: the most windows in a row without a value."""

    @classmethod
    def of(cls, values: Floats, whitening: Whitening) -> Whitened:
        """Whiten [rows, streams]."""
        standard = standardised(values, whitening.mean, whitening.scale)
        return cls(whitening, level(residuals(standard, whitening.ar), whitening.noise), silence(values))

    @property
    def windows(self) -> list[int]:
        """Scores of each stream."""
        return [int(count) for count in np.isfinite(self.scores).sum(axis=0)]


def whiten(values: dict[tuple[str, str], Floats], step: int) -> tuple[ByMachine, list[Refusal]]:
    """Whiten every machine that has windows enough, and by regime all machines as one where they are alike.

    Args:
        values: by asset and regime, [rows, streams], as `stretches` makes them.
        step: time between a machine's windows, microseconds; for the words of refusals.

    Returns:
        The machines, with asset `POOL` for all of a regime; and those that are left out.
    """
    found: ByMachine = {}
    refused: list[Refusal] = []
    for (asset, regime), rows in values.items():
        if (windows := int(np.isfinite(rows).any(axis=1).sum())) >= FEWEST:
            found[asset, regime] = Whitened.of(rows, fit(rows))
        else:
            refused.append(refuse_machine(asset, regime, windows, step))
    for regime in sorted({regime for _, regime in values}):
        machines = [rows for (_, other), rows in values.items() if other == regime]
        if (pool := _pool(machines)) is not None:
            found[POOL, regime] = pool
        else:
            refused.append(refuse_pool(regime, len(machines), sum(map(len, machines))))
    return found, refused


def _pool(machines: list[Floats]) -> Whitened | None:
    """Whiten all machines as one; None if they are too few for that, or unlike."""
    if len(machines) < 2 or sum(map(len, machines)) < FEWEST:
        return None
    whitening = fit(np.concatenate([np.insert(rows, 0, np.nan, axis=0) for rows in machines]))
    each = [Whitened.of(rows, whitening) for rows in machines]
    if not alike([np.hstack([one.scores, one.scores**2]) for one in each]):
        return None
    gap = np.full((1, machines[0].shape[1]), np.nan)
    scores = np.concatenate([part for one in each for part in (one.scores, gap)])
    return Whitened(whitening, scores, np.max([one.silence for one in each], axis=0))
