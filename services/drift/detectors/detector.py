"""The contract of every detector: streams side by side, fixed-size state, nothing but values in and values out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
#: Which streams: a mask, indices or a slice; whatever numpy takes as the index of the last axis.
Streams = NDArray[np.bool_] | NDArray[np.intp] | slice
#: What a snapshot holds: strings only, so that it is JSON as it is, and exact.
Snapshot = Mapping[str, str]
#: All streams.
ALL = slice(None)
#: Standardised values count as this far out at most: one wild value is an anomaly, not a drift, and sums stay finite.
FAR = 50.0


class Detector(ABC):
    """Watches d streams side by side, each by itself.

    A stream is one feature of one asset, or one asset's vector of features for detectors of the joint distribution.
    Detectors decide nothing: `statistic` grows when a stream is no longer like its reference, and the threshold is the
    caller's (see `services/drift/calibration`).

    Laws (tests/drift/test_detector_laws.py): rows in one batch, row by row or in any split give the same; a snapshot
    restored goes on as if nothing had been; a row without a value leaves a stream as it was; no stream knows of
    another; state does not grow.
    """

    name: ClassVar[str]
    """What the detector is called in reports and snapshots."""

    def __init__(self, streams: int) -> None:
        self.streams = streams

    @abstractmethod
    def update(self, values: Floats) -> None:
        """Take rows in time order.

        Args:
            values: ``[n, d]``, or ``[n, d, features]`` for a joint detector. NaN: no sample, the stream stays as it is;
                plus and minus infinity count as a value that is far out.

        Raises:
            ValueError: the values have another shape.
        """

    @property
    @abstractmethod
    def statistic(self) -> Floats:
        """``[d]`` How unlike its reference each stream is, 0 or more; NaN while that cannot be said."""

    @property
    @abstractmethod
    def bytes_per_stream(self) -> int:
        """Size of a stream's state in memory."""

    @abstractmethod
    def reset(self, streams: Streams = ALL) -> None:
        """Make streams forget what they saw, as if they were new."""

    @abstractmethod
    def snapshot(self, streams: Streams = ALL) -> Snapshot:
        """Return the state of streams, to be restored into as many streams of a detector with the same settings."""

    @abstractmethod
    def restore(self, snapshot: Snapshot, streams: Streams = ALL) -> None:
        """Go on from a snapshot, in the order of *streams*.

        Raises:
            ValueError: it is of another detector, of other settings or of another number of streams; nothing is
            changed.
        """


def require_within(name: str, value: float, low: float, high: float = np.inf) -> None:
    """Refuse a setting that does not lie above *low* and below *high*.

    Raises:
        ValueError: says which setting, and between what it must lie.
    """
    if not low < value < high:
        raise ValueError(
            f"{name} must lie above {low:g}{f' and below {high:g}' if high < np.inf else ''}, not at {value}"
        )
