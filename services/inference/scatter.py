"""Results for some rows, put back among all rows."""

from __future__ import annotations

import polars as pl


def scatter(values: pl.Series, where: pl.Series) -> pl.Series:
    """Return *values*, one after the other, in the rows that *where* marks, and null in all others."""
    position = where.cast(pl.UInt32).cum_sum()
    return values.gather(pl.select(pl.when(where).then(position - 1)).to_series())


def scatter_lists(lists: pl.Series, where: pl.Series) -> pl.Series:
    """Return *lists* in the rows that *where* marks, and empty lists in all others."""
    # Gathering nulls and filling them is 20 times as fast as gathering an empty list of structs for each row.
    return scatter(lists, where).fill_null(pl.lit([], dtype=lists.dtype))
