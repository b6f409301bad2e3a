"""What a sample alone tells of its quality: missing, bad, uncertain, out of range.

Marks are small codes in numpy arrays, ordered by rank: of several that fit, the lowest is given.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import polars as pl
from numpy.typing import NDArray

from andon.contracts import Quality
from andon.plant import AssetClass, Tag, TagKind

Floats = NDArray[np.float64]
Codes = NDArray[np.uint8]

#: Mark by code; code 0 is a good sample.
MARKS: tuple[Quality | None, ...] = (
    None,
    Quality.MISSING,
    Quality.BAD,
    Quality.UNCERTAIN,
    Quality.OUT_OF_RANGE,
    Quality.IMPOSSIBLE_RATE,
    Quality.STUCK,
    Quality.SPIKE,
    Quality.INCONSISTENT,
)
GOOD = 0
CODE = {mark: code for code, mark in enumerate(MARKS)}
_TEXTS = pl.Series([None if mark is None else mark.value for mark in MARKS], dtype=pl.String)

#: Severity, the two highest bits of an OPC UA StatusCode (OPC 10000-4, 7.39); 11 is reserved and to be read as bad.
_SEVERITY_SHIFT, _SEVERITY_BITS, _UNCERTAIN, _BAD = 30, 0b11, 0b01, 0b10


def levels(asset_class: AssetClass) -> list[pl.Expr]:
    """Return one expression per tag that says in one number how a sample stands; null where it is missing.

    Numbers stand for themselves, booleans for 0 and 1, states for their position among the tag's `states` (-1 when
    it is none of them), whole waveforms for 0.
    """
    return [_level(name, tag).alias(name) for name, tag in asset_class.tags.items()]


def _level(name: str, tag: Tag) -> pl.Expr:
    column = pl.col(name)
    if tag.kind is TagKind.STATE:
        positions = [float(position) for position in range(len(tag.states))]
        known = column.replace_strict(tag.states, positions, default=-1.0, return_dtype=pl.Float64)
        return pl.when(column.is_not_null()).then(known)
    if tag.kind is TagKind.WAVEFORM:
        samples, rate = column.struct.field("samples"), column.struct.field("rate_hz")
        finite = samples.list.eval(pl.element().is_finite().fill_null(value=False)).list.all()
        return pl.when(finite & (samples.list.len() > 0) & (rate > 0)).then(0.0)
    return column.cast(pl.Float64)


def sample_codes(asset_class: AssetClass, level: Mapping[str, Floats], status: pl.Series) -> dict[str, Codes]:
    """Return each tag's marks, judged by nothing but the sample itself.

    Args:
        asset_class: the class's tags.
        level: tag to `levels`, NaN where missing.
        status: struct of StatusCodes per tag; null, whole or in part, means good.
    """
    if status.null_count() == len(status):
        return {name: _codes(tag, level[name], None) for name, tag in asset_class.tags.items()}
    return {name: _codes(tag, level[name], status.struct.field(name)) for name, tag in asset_class.tags.items()}


def _codes(tag: Tag, level: Floats, status: pl.Series | None) -> Codes:
    codes = np.zeros(len(level), np.uint8)
    bounds = (0.0, len(tag.states) - 1.0) if tag.kind is TagKind.STATE else tag.range
    if bounds is not None:
        codes[(level < bounds[0]) | (level > bounds[1])] = CODE[Quality.OUT_OF_RANGE]
    if status is not None and status.null_count() < len(status):
        severity = status.cast(pl.Int64).fill_null(0).to_numpy() >> _SEVERITY_SHIFT & _SEVERITY_BITS
        codes[severity == _UNCERTAIN] = CODE[Quality.UNCERTAIN]
        codes[severity >= _BAD] = CODE[Quality.BAD]
    codes[np.isnan(level)] = CODE[Quality.MISSING]
    return codes


def quality_column(codes: Mapping[str, Codes]) -> pl.Series:
    """Return the contract's `quality`: a struct of marks per tag, null in rows whose samples are all good."""
    marked = {name: bool(tag_codes.any()) for name, tag_codes in codes.items()}
    dtype = pl.Struct(dict.fromkeys(codes, pl.String))
    height = len(next(iter(codes.values())))
    if not any(marked.values()):
        return pl.Series("quality", [None], dtype=dtype).new_from_index(0, height)
    texts = pl.DataFrame(
        [_texts(codes[name], height, marked=is_marked).alias(name) for name, is_marked in marked.items()]
    )
    some = pl.any_horizontal(pl.col(name).is_not_null() for name, is_marked in marked.items() if is_marked)
    return texts.select(pl.when(some).then(pl.struct(pl.all())).alias("quality")).to_series()


def _texts(codes: Codes, height: int, *, marked: bool) -> pl.Series:
    return _TEXTS.gather(codes) if marked else _TEXTS.new_from_index(GOOD, height)
