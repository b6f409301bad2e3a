"""Vectors as they arrive: rounds of one window a machine, in order, each counted once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from zlib import crc32

import numpy as np
import numpy.typing as npt
import polars as pl

from services.drift.calibration.whitening import Floats
from services.drift.fleet import Fleet

Ints = npt.NDArray[np.int64]
_DAY = 86_400_000_000


@dataclass(frozen=True, slots=True)
class Round:
    """One window of each of some machines."""

    machine: Ints
    """[rows]: rows of the fleet, each once."""
    time: Ints
    """[rows]: ends of the windows, microseconds."""
    regime: Ints
    """[rows]: numbers of the regimes."""
    values: Floats
    """[rows, streams]; NaN where there is no value."""

    def take(self, kept: npt.NDArray[np.bool_]) -> Round:
        """Return some of the rows."""
        return Round(self.machine[kept], self.time[kept], self.regime[kept], self.values[kept])


def regime_number(regime: str | None) -> int:
    """Return a regime's number, the same in every process."""
    return crc32((regime or "").encode())


def rounds(vectors: pl.DataFrame, machines: Mapping[str, int], streams: tuple[str, ...]) -> Iterator[Round]:
    """Divide vectors into rounds, each machine's in the order of arrival.

    Args:
        vectors: `asset`, `time`, `regime` and the streams; a stream without a column has no values.
        machines: the row of the fleet that each asset has.
        streams: names of the columns to take.
    """
    vectors = vectors.unique(["asset", "time"], keep="first", maintain_order=True)
    machine = vectors["asset"].replace_strict(machines, return_dtype=pl.Int64).to_numpy()
    numbers = {name: regime_number(name) for name in vectors["regime"].unique()}
    regime = np.array([numbers[name] for name in vectors["regime"]], dtype=np.int64)
    values = vectors.select(
        (pl.col(name) if name in vectors.columns else pl.lit(None)).cast(pl.Float64).alias(name) for name in streams
    ).to_numpy()
    everything = Round(machine, vectors["time"].to_numpy(), regime, np.asarray(values, dtype=np.float64))
    turn = vectors.select(pl.int_range(pl.len()).over("asset")).to_series().to_numpy()
    order = np.argsort(turn, kind="stable")
    for rows in np.split(order, np.flatnonzero(np.diff(turn[order])) + 1):
        yield Round(machine[rows], everything.time[rows], regime[rows], everything.values[rows])


def admit(fleet: Fleet, arrived: Round, step: int) -> Round:
    """Return what is new, and note it: no window counts twice, and none that comes after a later one.

    A clock that was set back makes a machine's windows old for as long as it was set back; it is believed once a day's
    worth of them has come in ascending order.
    """
    machine, time = arrived.machine, arrived.time
    new, same = time > fleet.last[machine], time == fleet.last[machine]
    if (late := ~(new | same)).any():
        _note_late(fleet, machine[late], time[late])
        new |= late & (fleet.late[machine] >= max(1, _DAY // step))
    fleet.late[machine[new]] = 0
    fleet.behind[machine[new]] = np.iinfo(np.int64).min
    return arrived.take(new)


def _note_late(fleet: Fleet, machine: Ints, time: Ints) -> None:
    before = fleet.behind[machine]
    fleet.late[machine] = np.select([time > before, time == before], [fleet.late[machine] + 1, fleet.late[machine]], 1)
    fleet.behind[machine] = time
