"""Detectors whose state is arrays: one pure step over all streams at once, and the rest of the contract from it."""

from __future__ import annotations

import base64
import binascii
import math
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from services.drift.detectors.detector import ALL, FAR, Detector, Floats, Snapshot, Streams

State = Mapping[str, Floats]
_DETECTOR = "detector"
_FORMAT = np.dtype("<f8")


@dataclass(frozen=True, slots=True)
class Slot:
    """One array of a detector's state: its shape before the axis of streams, and what it holds at first."""

    shape: tuple[int, ...] = ()
    start: float = 0.0


class ArrayDetector(Detector):
    """A detector that says what its state is (*slots*) and how a row changes it (`step`).

    The streams are the last axis of every array, so that a row of values meets them without being turned.
    """

    far: ClassVar[float] = FAR
    """Values beyond plus and minus this count as this."""

    def __init__(self, streams: int, slots: Mapping[str, Slot]) -> None:
        super().__init__(streams)
        self._slots = dict(slots)
        self._state = {name: np.full((*slot.shape, streams), slot.start) for name, slot in slots.items()}

    @abstractmethod
    def step(self, state: State, row: Floats) -> State:
        """Return the state after a row of values, without changing the one before; every stream has a value."""

    def update(self, values: Floats) -> None:
        """Take rows in time order; see `Detector`.

        One step a row: each state depends on the one before, and a row holds all machines.
        """
        self._check(values)
        missing = self._missing(values)
        rows = np.clip(np.where(np.isnan(values), 0.0, values), -self.far, self.far)
        for row, absent in zip(rows, missing, strict=True):
            if not absent.all():
                self._keep(self.step(self._state, row), ~absent)

    @property
    def bytes_per_stream(self) -> int:
        """Size of a stream's state in memory: eight bytes a number."""
        return sum(_FORMAT.itemsize * math.prod(slot.shape) for slot in self._slots.values())

    def reset(self, streams: Streams = ALL) -> None:
        """Make streams forget what they saw."""
        for name, slot in self._slots.items():
            self._state[name][..., streams] = slot.start

    def snapshot(self, streams: Streams = ALL) -> Snapshot:
        """Return the state of streams."""
        arrays = {name: _encoded(array[..., streams]) for name, array in self._state.items()}
        return {_DETECTOR: self.name} | arrays

    def restore(self, snapshot: Snapshot, streams: Streams = ALL) -> None:
        """Go on from a snapshot; see `Detector`."""
        if snapshot.get(_DETECTOR) != self.name or snapshot.keys() != {_DETECTOR, *self._slots}:
            raise ValueError(f"state of detector {snapshot.get(_DETECTOR)!r}, not of {self.name!r}: start it anew")
        shapes = {name: array[..., streams].shape for name, array in self._state.items()}
        arrays = {name: _decoded(snapshot[name], shape, name) for name, shape in shapes.items()}
        for name, array in arrays.items():
            self._state[name][..., streams] = array

    def _check(self, values: Floats) -> None:
        if values.ndim != 2 or values.shape[1] != self.streams:
            raise ValueError(f"{self.name} takes values [n, {self.streams}], not {list(values.shape)}")

    def _missing(self, values: Floats) -> NDArray[np.bool_]:
        """Return ``[n, d]`` where a stream has no value."""
        return np.isnan(values)

    def _keep(self, state: State, present: NDArray[np.bool_]) -> None:
        if present.all():
            self._state = dict(state)
            return
        for name, array in state.items():
            np.copyto(self._state[name], array, where=present)


def _encoded(array: Floats) -> str:
    return base64.b64encode(np.ascontiguousarray(array, _FORMAT).tobytes()).decode()


def _decoded(text: str, shape: tuple[int, ...], name: str) -> Floats:
    try:
        data = base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError(f"state {name!r} is not base64 ({error}): start it anew") from error
    if len(data) != _FORMAT.itemsize * math.prod(shape):
        raise ValueError(f"state {name!r} has {len(data)} bytes, not those of {list(shape)}: start it anew")
    return np.frombuffer(data, _FORMAT).reshape(shape).astype(np.float64)
