"""The pattern of all features together: how their residuals go together in the reference."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from services.drift.calibration.scores import distance, precision
from services.drift.calibration.whitening import Floats


@dataclass(frozen=True, slots=True)
class Halves:
    """Inverse correlations of level scores in a regime, [features, features]: of all machines' rows, and by halves."""

    whole: Floats
    first: Floats
    second: Floats

    def distances(self, scores: Floats) -> Floats:
        """Return each row's distance by the half that it is not part of, [rows].

        A row is nearer to a pattern that was learned from it than the rows of tomorrow will be; with many features and
        a short reference that difference alone would be taken for drift.
        """
        middle = len(scores) // 2
        return np.concatenate([distance(scores[:middle], self.second), distance(scores[middle:], self.first)])


def precisions(scores: dict[tuple[str, str], Floats]) -> dict[str, Halves]:
    """Return the inverse correlations by regime.

    Args:
        scores: level scores of the features by machine and regime, [rows, features].
    """
    return {
        regime: _halves([each for (_, other), each in scores.items() if other == regime])
        for regime in sorted({regime for _, regime in scores})
    }


def _halves(machines: list[Floats]) -> Halves:
    first = np.concatenate([each[: len(each) // 2] for each in machines])
    second = np.concatenate([each[len(each) // 2 :] for each in machines])
    return Halves(precision(np.concatenate([first, second])), precision(first), precision(second))
