"""ADWIN: a window that grows while its halves are alike, and is cut where they are not."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from importlib.metadata import version
from typing import ClassVar

import numpy as np
from river.drift import ADWIN

from services.drift.detectors.detector import ALL, FAR, Detector, Floats, Snapshot, Streams, require_within

_VERSION = version("river")


class Adwin(Detector):
    """River's ADWIN, one a stream.

    The statistic counts how often the window was cut since the reset: "at least once" is a threshold of 0.5. The bound
    on its false alarms (*delta* a check) holds for independent values only: on a stationary AR(1) stream with a
    correlation of .9 it cuts 60 times in 10,000 values.

    Literature: Bifet and Gavalda 2007, Learning from time-changing data with adaptive windowing. Good where nobody
    knows a reference period, nor how fast things change. Offered, not a default: state grows with the logarithm of
    the window, to some two kilobytes a stream; it needs an object and a call for each stream and value; and snapshots
    hold River's own bytes, which another version of River does not understand. It needs the extra ``adwin``.
    """

    name: ClassVar[str] = "adwin"

    def __init__(self, streams: int, delta: float = 0.002) -> None:
        super().__init__(streams)
        require_within("delta", delta, 0, 1)
        self.delta = delta
        self._windows = [ADWIN(delta=delta) for _ in range(streams)]
        self._cuts = np.zeros(streams)

    def update(self, values: Floats) -> None:
        """Take rows in time order; see `Detector`. River's ADWIN takes values one by one."""
        if values.ndim != 2 or values.shape[1] != self.streams:
            raise ValueError(f"{self.name} takes values [n, {self.streams}], not {list(values.shape)}")
        for row in np.clip(values, -FAR, FAR):
            for stream in np.flatnonzero(~np.isnan(row)):
                self._take(int(stream), float(row[stream]))

    def _take(self, stream: int, value: float) -> None:
        window = self._windows[stream]
        window.update(value)
        if window.drift_detected:  # River would begin anew with the next value; begun now, it is in the snapshot
            self._cuts[stream] += 1
            self._windows[stream] = ADWIN(delta=self.delta)

    @property
    def statistic(self) -> Floats:
        """``[d]`` How often the window was cut since the reset."""
        return self._cuts.copy()

    @property
    def bytes_per_stream(self) -> int:
        """Size of the largest stream's state, as a snapshot holds it."""
        return max((len(_state(window)) for window in self._windows), default=0)

    def reset(self, streams: Streams = ALL) -> None:
        """Make streams forget what they saw."""
        for stream in self._chosen(streams):
            self._windows[stream] = ADWIN(delta=self.delta)
        self._cuts[streams] = 0.0

    def snapshot(self, streams: Streams = ALL) -> Snapshot:
        """Return the state of streams."""
        windows = [_state(self._windows[stream]) for stream in self._chosen(streams)]
        return {
            "detector": self._kind,
            "windows": " ".join(base64.b64encode(window).decode() for window in windows),
            "cuts": " ".join(str(int(cuts)) for cuts in self._cuts[streams]),
            "digest": _digest(windows),
        }

    def restore(self, snapshot: Snapshot, streams: Streams = ALL) -> None:
        """Go on from a snapshot; see `Detector`."""
        if snapshot.get("detector") != self._kind:
            raise ValueError(f"state of detector {snapshot.get('detector')!r}, not of {self._kind!r}: start it anew")
        chosen = self._chosen(streams)
        windows, cuts = _read(snapshot)
        # Rust's reader panics on bytes that it does not understand, so it never gets them.
        if _digest(windows) != snapshot.get("digest") or not len(windows) == len(cuts) == len(chosen):
            raise ValueError(f"state of {self.name!r} is damaged, or not of {len(chosen)} streams: start it anew")
        for stream, window in zip(chosen, windows, strict=True):
            self._windows[stream]._helper.__setstate__(window)
        self._cuts[streams] = cuts

    @property
    def _kind(self) -> str:
        return f"{self.name} {self.delta} of River {_VERSION}"

    def _chosen(self, streams: Streams) -> list[int]:
        return [int(stream) for stream in np.arange(self.streams)[streams]]


def _state(window: ADWIN) -> bytes:
    return bytes(window._helper.__getstate__())


def _read(snapshot: Snapshot) -> tuple[list[bytes], list[float]]:
    try:
        windows = [base64.b64decode(window, validate=True) for window in snapshot["windows"].split()]
        return windows, [float(count) for count in snapshot["cuts"].split()]
    except (KeyError, ValueError) as error:
        raise ValueError(f"state of ADWIN cannot be read ({error}): start it anew") from error


def _digest(windows: Iterable[bytes]) -> str:
    return hashlib.sha256(b"".join(windows)).hexdigest()
