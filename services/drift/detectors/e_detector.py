"""E-detector: evidence that something has changed, with a guaranteed rate of false alarms."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from services.drift.detectors.array_detector import ArrayDetector, Slot, State
from services.drift.detectors.detector import Floats

#: Evidence grows no further than this.
MOST = 1e200


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
    other: give it the residuals of a whitening, or cumulants that were measured over blocks. State: 16 bytes a tilt,
    160 with ten.

    Args:
        tilts: ``[k]`` positive for upwards.
        cumulants: ``[k, d]`` what each bet is charged a row; infinite for streams that are not watched.
    """

    name: ClassVar[str] = "e_detector"

    def __init__(self, tilts: Floats, cumulants: Floats) -> None:
        if tilts.ndim != 1 or cumulants.ndim != 2 or len(tilts) != len(cumulants):
            raise ValueError(f"tilts [k] and cumulants [k, d] are wanted, not {tilts.shape} and {cumulants.shape}")
        bets = Slot(shape=(len(tilts),))
        super().__init__(cumulants.shape[1], {"evidence": bets, "age": bets})
        self.tilts, self.cumulants = tilts, cumulants

    def step(self, state: State, row: Floats) -> State:
        """Return the evidence after a row, and the same with each bet weighted by its age."""
        factor = np.exp(self.tilts[:, np.newaxis] * row - self.cumulants)
        evidence = factor * (state["evidence"] + 1)
        age = factor * (state["age"] + state["evidence"] + 1)
        if evidence.max() > MOST:
            kept = MOST / np.maximum(evidence, MOST)
            evidence, age = evidence * kept, age * kept
        return {"evidence": evidence, "age": age}

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
            return np.asarray(self._state["age"].sum(axis=0) / self._state["evidence"].sum(axis=0))


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
