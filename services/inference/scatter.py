"""Lists for some rows, put back among all rows."""

from __future__ import annotations

import polars as pl


def scatter_lists(lists: pl.Series, where: pl.Series) -> pl.Series:
    """Return *lists*, one after the other, in the rows that *where* marks, and empty lists in all others."""
    if lists.is_empty():  # the usual case, worth a short way
        return pl.Series(lists.name, [[]], dtype=lists.dtype).new_from_index(0, len(where))
    position = where.cast(pl.UInt32).cum_sum()
    # Gathering nulls and filling them is 20 times as fast as gathering an empty list of structs for each row.
    row = pl.select(pl.when(where).then(position - 1)).to_series()
    return lists.gather(row).fill_null(pl.lit([], dtype=lists.dtype))
