"""The state of all machines that a monitor watches: arrays of fixed size."""

from __future__ import annotations

import base64
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from services.drift.calibration import Calibration
from services.drift.evidence import MOMENTS

#: A machine's state as JSON holds it.
State = dict[str, Any]
_NEVER = -(1 << 62)


@dataclass(slots=True)
class Fleet:
    """One row a machine; the axes after the first are given with each array."""

    last: npt.NDArray[np.int64]
    """[]: time of the last window, microseconds; long ago before the first."""
    behind: npt.NDArray[np.int64]
    """[]: time of the last window that came before `last`."""
    late: npt.NDArray[np.int64]
    """[]: how many of those came in ascending order."""
    regime: npt.NDArray[np.int64]
    """[]: number of the regime of the last window; -1 before the first."""
    new_regime: npt.NDArray[np.bool_]
    """[]: whether that one is not in the reference."""
    history: npt.NDArray[np.float64]
    """[lags, streams]: the last standardised values, newest first."""
    count: npt.NDArray[np.float64]
    """[streams]: values so far."""
    total: npt.NDArray[np.float64]
    """[streams]: sum of the standardised values so far."""
    absent: npt.NDArray[np.int64]
    """[streams]: windows in a row without a value."""
    moments: npt.NDArray[np.float64]
    """[MOMENTS, charts, tilts]: see `services.drift.evidence`."""
    age: npt.NDArray[np.int64]
    """[charts]: scores since the chart began afresh."""
    active: npt.NDArray[np.bool_]
    """[charts]: whether it has found drift that is not over."""
    calm: npt.NDArray[np.int64]
    """[charts]: scores without evidence after which that drift is over."""
    quiet: npt.NDArray[np.int64]
    """[charts]: scores since there was evidence for it."""
    heard: npt.NDArray[np.int64]
    """[charts]: time of that last evidence, microseconds."""

    @classmethod
    def of(cls, calibration: Calibration, machines: int) -> Fleet:
        """Return machines that nothing is known of."""
        streams, charts = len(calibration.streams), len(calibration.charts)
        tilts = len(next(iter(calibration.models.values())).tilts)

        def zeros(*shape: int, dtype: type = np.int64) -> npt.NDArray[Any]:
            return np.zeros((machines, *shape), dtype)

        return cls(
            last=np.full(machines, _NEVER),
            behind=np.full(machines, _NEVER),
            late=zeros(),
            regime=np.full(machines, -1),
            new_regime=zeros(dtype=np.bool_),
            history=np.full((machines, calibration.order, streams), np.nan),
            count=zeros(streams, dtype=np.float64),
            total=zeros(streams, dtype=np.float64),
            absent=zeros(streams),
            moments=zeros(MOMENTS, charts, tilts, dtype=np.float64),
            age=zeros(charts),
            active=zeros(charts, dtype=np.bool_),
            calm=zeros(charts),
            quiet=zeros(charts),
            heard=zeros(charts),
        )

    def join(self, others: Fleet) -> None:
        """Append machines."""
        for field in fields(self):
            setattr(self, field.name, np.concatenate([getattr(self, field.name), getattr(others, field.name)]))

    def snapshot(self, row: int) -> State:
        """Return one machine's state; the same numbers to the last bit after `restore`."""
        return {field.name: _written(getattr(self, field.name)[row]) for field in fields(self)}

    def restore(self, row: int, state: State) -> None:
        """Take one machine's state over.

        Raises:
            ValueError: it is that of another calibration: names or sizes differ.
        """
        if set(state) != {field.name for field in fields(self)}:
            raise ValueError(f"the state has fields {sorted(state)}; it is not this version's, begin afresh")
        read = {name: _read(text, getattr(self, name)[row]) for name, text in state.items()}
        for name, value in read.items():
            getattr(self, name)[row] = value


def _written(array: npt.NDArray[Any]) -> str:
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()


def _read(text: str, like: npt.NDArray[Any]) -> npt.NDArray[Any]:
    data = base64.b64decode(text)
    if len(data) != like.nbytes:
        raise ValueError(f"the state has {len(data)} bytes where {like.nbytes} belong; it is another calibration's")
    return np.frombuffer(data, like.dtype).reshape(like.shape)
