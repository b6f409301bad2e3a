"""E-detector: evidence that something has changed, with a guaranteed rate of false alarms."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from services.drift.detectors.array_detector import ArrayDetector, Slot, State
from services.drift.detectors.detector import Floats, require_within
from services.drift.evidence import grow

#: Evidence grows no further than this, by no more than `FAR` times the steepest tilt at once: all stays finite.
MOST = 1e200
STEEPEST = 4.0


class EDetector(ArrayDetector):
    """Shiryaev-Roberts sums of bets on a change, mixed over its size.

    A bet of tilt t multiplies its evidence by ``L = exp(t * value - cumulant)`` a row. Where the cumulant is at least
    the logarithm of the mean of ``exp(t * value)``, L is 1 or less on average as long as nothing has changed, so ``M
    = L * (M + 1)``, which begins a new bet each row, has a mean of at most the number of rows, whatever the values'
    distribution: an alarm at M = c comes after c rows on average, or later. No law of the values and no table of
    control limits is needed. Several tilts, of both signs, are averaged, so that the size of the change need not be
    known.

    Literature: Shin, Ramdas and Rinaldo 2022, E-detectors: a nonparametric framework for sequential change detection;
    Shiryaev 1963 and Roberts 1966 for the sum. Good as the default: it holds its rate. Bad where values depend on each
    other: give it the residuals of a whitening, or cumulants that were measured over blocks. State: 16 bytes a tilt
    and eight more, 168 with ten.

    Args:
        tilts: ``[k]`` positive for upwards.
        cumulants: ``[k, d]`` what each bet is charged a row; infinite for streams that are not watched.
    """

    name: ClassVar[str] = "e_detector"

    def __init__(self, tilts: Floats, cumulants: Floats) -> None:
        if tilts.ndim != 1 or cumulants.ndim != 2 or len(tilts) != len(cumulants):
            raise ValueError(f"tilts [k] and cumulants [k, d] are wanted, not {tilts.shape} and {cumulants.shape}")
        require_within("the steepest tilt", float(np.abs(tilts).max()), 0, STEEPEST)
        bets = Slot(shape=(len(tilts),))
        super().__init__(cumulants.shape[1], {"evidence": bets, "origin": bets, "count": Slot()})
        self.tilts, self.cumulants = tilts, cumulants

    def step(self, state: State, row: Floats) -> State:
        """Return the evidence after a row, and its product with how many values there were when its bets began.

        To `grow`, the streams are charts of a single machine.
        """
        moments = np.stack([state["evidence"].T, state["origin"].T])[np.newaxis]
        origin = np.stack([np.ones(self.streams), state["count"]])[np.newaxis]
        (grown,) = grow(moments, origin, row[np.newaxis], self.tilts[np.newaxis], self.cumulants.T[np.newaxis])
        grown *= MOST / np.maximum(grown[0], MOST)
        return {"evidence": grown[0].T, "origin": grown[1].T, "count": state["count"] + 1}

    @property
    def evidence(self) -> Floats:
        """``[d]`` Evidence of a change, averaged over the bets: on average at most one a row since the reset."""
        return np.asarray(self._state["evidence"].mean(axis=0))

    @property
    def statistic(self) -> Floats:
        """``[d]`` Natural logarithm of one plus the evidence; above ``log(1 + c)`` every c rows, or less often."""
        return np.log1p(self.evidence)

    @property
    def age(self) -> Floats:
        """``[d]`` Values since the change, on average by evidence (Shiryaev's posterior mean); NaN without any."""
        with np.errstate(invalid="ignore"):
            origin = self._state["origin"].sum(axis=0) / self._state["evidence"].sum(axis=0)
        return np.asarray(self._state["count"] - origin)


def gaussian_cumulants(tilts: Floats, streams: int, uncertainty: float = 0.0) -> Floats:
    """Return cumulants ``[k, d]`` of values that are standard normal, or lighter in the tails (sub-Gaussian).

    Args:
        tilts: ``[k]``
        streams: d
        uncertainty: how far the reference's mean may be off, in standard deviations; the bets are charged for it.
    """
    each = tilts**2 / 2 + np.abs(tilts) * uncertainty
    return np.repeat(each[:, np.newaxis], streams, axis=1)


def bernoulli_cumulants(tilts: Floats, shares: Floats) -> Floats:
    """Return cumulants ``[k, d]`` of values that are 1 with a probability of *shares* ``[d]``, and 0 otherwise.

    They hold for all smaller shares too where the tilt is positive, and for all larger ones where it is negative.
    """
    return np.asarray(np.log1p(shares * np.expm1(tilts[:, np.newaxis])))
