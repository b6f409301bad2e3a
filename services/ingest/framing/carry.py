"""Values that a source does not repeat because they have not changed: carried where the plant model says so."""

from __future__ import annotations

import numpy as np
import polars as pl

from andon.plant import AssetClass
from services.ingest.framing.table import Table, value_dtypes
from services.ingest.framing.times import NO_TIME, Times
from services.ingest.framing.waiting import Numbers


class _Memory:
    """One tag's newest report of each asset: its value, None if that was bad, and when it was measured."""

    def __init__(self, assets: int) -> None:
        self.value = np.full(assets, None, np.object_)
        self.since = np.full(assets, NO_TIME, np.int64)


class Carrier:
    """Fills what was not reported with the last good value, for one asset class.

    Args:
        asset_class: says which tags are carried, and for how long.
        assets: how many assets the plant has; assets go by their numbers.
    """

    def __init__(self, asset_class: AssetClass, assets: int) -> None:
        self._dtypes = value_dtypes(asset_class)
        self._spans = {name: tag.carry for name, tag in asset_class.tags.items() if tag.carry is not None}
        self._known = {name: _Memory(assets) for name in self._spans}

    @property
    def carries(self) -> bool:
        """Whether any tag is carried."""
        return bool(self._spans)

    def fill(self, asset: Numbers, time: Times, table: Table) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Return the values with carried ones among them, and when those were measured (null for all others).

        A report, good or bad, replaces what was known before; so a value that has become bad is not carried.

        Args:
            asset: each frame's asset; the frames of an asset stand side by side, in the order of their times.
            time: each frame's event time.
            table: the frames.
        """
        begins = np.flatnonzero(np.append(True, asset[1:] != asset[:-1]))
        head = np.repeat(begins, np.diff(np.append(begins, len(asset))))
        values: dict[str, pl.Series] = {}
        carried: dict[str, pl.Series] = {}
        for name, given in table.values.to_dict().items():
            values[name], carried[name] = given, pl.repeat(None, len(given), dtype=pl.Int64, eager=True)
            if name in self._spans:
                reported = np.where(table.reported[name].to_numpy(), np.arange(len(asset)), -1)
                newest = np.maximum.accumulate(reported)  # of all assets; those before the head are another's
                newest[newest < head] = -1
                found = self._fill(name, asset, time, given, newest)
                if found is not None:
                    values[name], carried[name] = found
                self._remember(self._known[name], asset, time, given, newest)
        return pl.DataFrame(values), pl.DataFrame(carried)

    def _fill(
        self, name: str, asset: Numbers, time: Times, given: pl.Series, newest: Numbers
    ) -> tuple[pl.Series, pl.Series] | None:
        """Fill one tag, of which *newest* names the asset's last report among these frames, -1 for none."""
        memory = self._known[name]
        here, good = newest >= 0, given.is_not_null().to_numpy()
        known = np.where(here, good[newest], memory.value[asset] != None)  # noqa: E711 - of each element
        measured = np.where(here, time[newest], memory.since[asset])
        missing = newest != np.arange(len(asset))
        usable = missing & known & (time - measured <= self._spans[name])
        if not usable.any():
            return None
        # Remembered values stand behind those at hand, so that one look-up finds either.
        old = np.flatnonzero(usable & ~here)
        remembered = pl.Series(name, memory.value[asset[old]].tolist(), self._dtypes[name])
        everything = pl.concat([given, remembered])
        place = np.where(usable & here, newest, np.arange(len(asset)))
        place[old] = len(asset) + np.arange(len(old))
        carried = pl.Series(np.where(usable, measured, NO_TIME)).replace(NO_TIME, None)
        return everything.gather(place).alias(name), carried

    def _remember(self, memory: _Memory, asset: Numbers, time: Times, given: pl.Series, newest: Numbers) -> None:
        last = np.flatnonzero(np.append(asset[1:] != asset[:-1], True))
        last = last[newest[last] >= 0]
        row = newest[last]
        memory.since[asset[last]] = time[row]
        memory.value[asset[last]] = np.fromiter(given.gather(row).to_list(), np.object_, len(row))
