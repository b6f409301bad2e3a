"""MMD: the maximum mean discrepancy, by random Fourier features."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from services.drift.detectors.array_detector import Slot, State
from services.drift.detectors.detector import Floats, require_within
from services.drift.detectors.joint_detector import JointDetector, whole_rows

#: Rows of the reference at most, between which the typical distance is measured.
_PAIRED = 500


@dataclass(frozen=True, slots=True)
class FourierFeatures:
    """A random map whose inner products are those of a Gaussian kernel, and where the reference's mean lies.

    Attributes:
        waves: ``[size, features]``
        phases: ``[size]``
        expected: ``[size]`` mean of the reference.
    """

    waves: Floats
    phases: Floats
    expected: Floats

    def of(self, vectors: Floats) -> Floats:
        """Return the features ``[size, n]`` of vectors ``[n, features]``."""
        return np.asarray(np.sqrt(2 / len(self.phases)) * np.cos(self.waves @ vectors.T + self.phases[:, np.newaxis]))


def fourier_features(reference: Floats, size: int = 128, seed: int = 0) -> FourierFeatures:
    """Return random features for a Gaussian kernel as wide as the reference's vectors are apart (the median).

    Args:
        reference: ``[m, features]`` standardised values.
        size: how many random features; the error of the discrepancy falls with the root of it.
        seed: the same one gives the same features, on any machine.

    Raises:
        ValueError: the reference has too few whole vectors, or nothing in it moves.
    """
    whole = whole_rows(reference)
    width = _median_distance(whole)
    # RandomState's numbers are promised never to change with numpy's version, those of Generator are not: a snapshot
    # must find the features that it was made with.
    random = np.random.RandomState(seed)
    waves = random.standard_normal((size, whole.shape[1])) / width
    phases = random.uniform(0, 2 * np.pi, size)
    bare = FourierFeatures(waves, phases, np.zeros(size))
    return FourierFeatures(waves, phases, np.asarray(bare.of(whole).mean(axis=1)))


def _median_distance(vectors: Floats) -> float:
    some = vectors[:: -(-len(vectors) // _PAIRED)]
    squares = ((some[:, np.newaxis] - some[np.newaxis]) ** 2).sum(axis=-1)
    median = float(np.sqrt(np.median(squares[np.triu_indices(len(some), 1)])))
    if median == 0:
        raise ValueError("no feature moves in the reference: there is no joint distribution to watch")
    return median


class Mmd(JointDetector):
    """Distance of the recent vectors' mean from the reference's, in the space of a kernel.

    The means are of random Fourier features, the recent one exponentially weighted: of a fixed size, however many
    vectors there were. Any difference of distributions shows, given time.

    Literature: Gretton, Borgwardt, Rasch, Schoelkopf and Smola 2012, A kernel two-sample test; Rahimi and Recht 2007,
    Random features for large-scale kernel machines; Keriven, Garreau and Poli 2020, NEWMA: a new method for scalable
    model-free online change-point detection. Good where relations are not linear, and nobody knows what may change;
    needs more vectors than `components` for a broken correlation, and the more features there are, the less it sees
    of a change in one. State: eight bytes a random feature and eight more, 1,032 with 128.
    """

    name: ClassVar[str] = "mmd"

    def __init__(self, streams: int, features: FourierFeatures, half_life: float = 200.0) -> None:
        slots = {"mean": Slot((len(features.phases),)), "forgotten": Slot(start=1.0), "count": Slot()}
        super().__init__(streams, features.waves.shape[1], slots)
        self.fourier, self.half_life = features, half_life
        require_within("half_life", half_life, 0)
        self.weight = float(-np.expm1(-np.log(2) / half_life))

    def step(self, state: State, row: Floats) -> State:
        """Return the mean ``[size, d]`` after a row ``[d, features]``, and the weight of the start in it."""
        keep = 1 - self.weight
        return {
            "mean": keep * state["mean"] + self.weight * self.fourier.of(row),
            "forgotten": keep * state["forgotten"],
            "count": state["count"] + 1,
        }

    @property
    def statistic(self) -> Floats:
        """``[d]`` The discrepancy, 0 to about 1.4; NaN before as many vectors as the half-life."""
        is_enough = self._state["count"] >= self.half_life
        mean = self._state["mean"] / np.where(is_enough, 1 - self._state["forgotten"], 1.0)
        distance = np.linalg.norm(mean - self.fourier.expected[:, np.newaxis], axis=0)
        return np.where(is_enough, distance, np.nan)
