"""Readings of due frames -> rows of the contract, one asset class at a time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from andon.contracts import Frame
from andon.plant import AssetClass
from andon.plant.columns import event_schema
from services.ingest.framing.times import NO_TIME, Mask, Times
from services.ingest.framing.values import column
from services.ingest.framing.waiting import Numbers, Waiting
from services.ingest.readings import BAD_TYPE_MISMATCH, GOOD

#: Severity bits of an OPC UA StatusCode, and the one that is set for bad (OPC UA part 4, 7.39).
_SEVERITY, _BAD = 0xC0000000, 0x80000000


@dataclass(frozen=True, slots=True)
class Table:
    """Frames of one asset class.

    Attributes:
        values: one column a tag, in the class's order; null where there is no good or uncertain value.
        status: one column a tag, the StatusCode of what is not good; null elsewhere.
        reported: one column a tag, whether the source said anything of it.
        server_time: newest server time; null where none was given.
        unparsed: the readings (rows of what was given) that were no value of their tag's kind.
    """

    values: pl.DataFrame
    status: pl.DataFrame
    reported: pl.DataFrame
    server_time: pl.Series
    unparsed: Numbers


def value_dtypes(asset_class: AssetClass) -> dict[str, pl.DataType]:
    """Return tag to dtype of a raw frame's values, in the class's order."""
    dtype = event_schema(Frame, asset_class)["values"]
    if not isinstance(dtype, pl.Struct):
        raise TypeError(f"values are {dtype}, not a struct")
    return {field.name: field.dtype() if isinstance(field.dtype, type) else field.dtype for field in dtype.fields}


class Tables:
    """Builds the tables of one asset class."""

    def __init__(self, asset_class: AssetClass) -> None:
        self._dtypes = value_dtypes(asset_class)

    def build(self, rows: Waiting, frame: Numbers, tag: Numbers, height: int) -> Table:
        """Return the table of readings.

        Args:
            rows: readings of frames of this class.
            frame: each reading's frame, 0 to *height* - 1.
            tag: each reading's place among the class's tags.
            height: number of frames.
        """
        values: dict[str, pl.Series] = {}
        status: dict[str, pl.Series] = {}
        reported: dict[str, pl.Series] = {}
        unparsed = []
        for place, (name, dtype) in enumerate(self._dtypes.items()):
            mine = np.flatnonzero(tag == place)
            found, codes, misfits = _tag(rows.at(mine), dtype)
            where = _where(frame[mine], height)
            values[name] = found.gather(where)
            status[name] = codes.gather(where)
            reported[name] = where.is_not_null()
            unparsed.append(mine[misfits])
        server_time = _newest(rows.server, frame, height)
        return Table(
            pl.DataFrame(values), pl.DataFrame(status), pl.DataFrame(reported), server_time, np.concatenate(unparsed)
        )


def _tag(rows: Waiting, dtype: pl.DataType) -> tuple[pl.Series, pl.Series, Mask]:
    """Return one tag's values, the codes of those that are not good, and which were no value of its kind."""
    status = np.where(rows.status & _SEVERITY, rows.status, GOOD)  # good with more to say is good
    bad = (status & _BAD) != 0
    given = rows.value.tolist()
    if bad.any():
        given = [None if void else value for value, void in zip(given, bad.tolist(), strict=True)]
    found, wrong, unfinite = column(given, dtype)
    codes = np.where(wrong & ~bad, BAD_TYPE_MISMATCH, status)
    return found, pl.Series(codes).replace(GOOD, None), wrong | unfinite


def _where(frame: Numbers, height: int) -> pl.Series:
    """Return for each frame the position of its reading, or null."""
    position = np.full(height, -1, np.int64)
    position[frame] = np.arange(len(frame))
    return pl.Series(position).replace(-1, None).cast(pl.UInt32)


def _newest(server: Times, frame: Numbers, height: int) -> pl.Series:
    newest = np.full(height, NO_TIME, np.int64)
    np.maximum.at(newest, frame, server)
    return pl.Series(newest).replace(NO_TIME, None)


def nothing_reported(asset_class: AssetClass, height: int) -> Table:
    """Return the table of frames of which the source said nothing."""
    dtypes = value_dtypes(asset_class)
    values = {name: pl.repeat(None, height, dtype=dtype, eager=True) for name, dtype in dtypes.items()}
    none = {name: pl.repeat(None, height, dtype=pl.Int64, eager=True) for name in dtypes}
    reported = {name: pl.repeat(value=False, n=height, eager=True) for name in dtypes}
    server_time = pl.repeat(None, height, dtype=pl.Int64, eager=True)
    return Table(pl.DataFrame(values), pl.DataFrame(none), pl.DataFrame(reported), server_time, np.zeros(0, np.int64))
