"""Python values as protocols give them -> columns of a tag's kind. What does not fit is null, and is said to be so."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import polars as pl

from andon.contracts.frames import Waveform
from services.ingest.framing.times import Mask

_INT64 = range(-(2**63), 2**63)


class _Misfit:
    """Stands for a value that is none of its tag's kind."""


_MISFIT = _Misfit()


def column(values: Sequence[Any], dtype: pl.DataType) -> tuple[pl.Series, Mask, Mask]:
    """Return values as a column, which of them are of the wrong type, and which are no finite number.

    Args:
        values: numbers, booleans, texts, waveforms; None where there is none.
        dtype: the tag's, by `andon.plant.columns`.
    """
    if dtype == pl.Float64 and set(map(type, values)) <= {float, int}:
        return _numbers(values)
    fitted = [None if value is None else _fit(value, dtype) for value in values]
    wrong = np.fromiter((value is _MISFIT for value in fitted), np.bool_, len(fitted))
    clean = [None if value is _MISFIT else value for value in fitted]
    unfinite = (isinstance(value, float) and not math.isfinite(value) for value in values)
    return pl.Series(clean, dtype=dtype, strict=True), wrong, np.fromiter(unfinite, np.bool_, len(fitted)) & ~wrong


def _numbers(values: Sequence[float]) -> tuple[pl.Series, Mask, Mask]:
    try:
        numbers = np.array(values, np.float64)
    except OverflowError:  # an integer beyond any float
        numbers = np.array([_float(value) for value in values], np.float64)
    finite = np.isfinite(numbers)
    found = pl.Series(np.where(finite, numbers, np.nan), nan_to_null=True)
    return found, np.zeros(len(numbers), np.bool_), ~finite


def _float(value: float) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _fit(value: Any, dtype: pl.DataType) -> Any:
    fitting = _FITTING.get(dtype.base_type(), _fit_waveform)
    return fitting(value)


def _fit_number(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return _MISFIT
    number = _float(value)
    return number if math.isfinite(number) else None


def _fit_integer(value: Any) -> Any:
    if isinstance(value, float):
        if not math.isfinite(value):
            return None
        return int(value) if value.is_integer() and int(value) in _INT64 else _MISFIT
    return value if isinstance(value, int) and not isinstance(value, bool) and value in _INT64 else _MISFIT


def _fit_boolean(value: Any) -> Any:
    if isinstance(value, bool):
        return value
    return bool(value) if isinstance(value, (int, float)) and value in (0, 1) else _MISFIT


def _fit_state(value: Any) -> Any:
    return value if isinstance(value, str) else _MISFIT


def _fit_waveform(value: Any) -> Any:
    return value.model_dump() if isinstance(value, Waveform) else _MISFIT


_FITTING: dict[Any, Callable[[Any], Any]] = {
    pl.Float64: _fit_number,
    pl.Int64: _fit_integer,
    pl.Boolean: _fit_boolean,
    pl.String: _fit_state,
}
