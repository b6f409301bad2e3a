"""Machines whose law is known, for the tests of drift."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import polars as pl

Floats = npt.NDArray[np.float64]

STEP = 1_000_000
#: Of the false-alarm contract "one in 10,000 windows".
ONE_IN_10_000 = 30 * 86_400 / 10_000


def autoregressive(phi: float, samples: int, streams: int, seed: int) -> Floats:
    """Return stationary AR(1) processes of variance 1, [samples, streams]."""
    values = np.random.default_rng(seed).standard_normal((samples + 500, streams)) * np.sqrt(1 - phi**2)
    for i in range(1, len(values)):
        values[i] += phi * values[i - 1]
    return np.asarray(values[500:])


def vectors(
    values: Floats, first: int = 0, asset: str = "press", regime: str | None = None, names: Sequence[str] = ()
) -> pl.DataFrame:
    """Return [samples, features] as one machine's windows, one a second from second *first* on."""
    names = names or [f"f{i}" for i in range(values.shape[1])]
    return pl.DataFrame(
        {
            "asset": [asset] * len(values),
            "time": np.arange(first, first + len(values)) * STEP,
            **dict(zip(names, values.T, strict=True)),
        }
    ).with_columns(regime=pl.lit(regime, pl.String))
