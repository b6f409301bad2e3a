"""A source session: what makes a row of asset, time and values a frame of the contract."""

from __future__ import annotations

import polars as pl

from andon.contracts import Frame, Origin
from andon.contracts.base import CONTRACT_VERSION
from andon.contracts.ids import event_ids
from andon.plant import Plant
from andon.plant.columns import event_schema
from andon.uns import Stage

#: Columns that a source may give.
_GIVEN = ("ingest_time", "server_time", "status", "carried")


class Session:
    """Numbers the frames of each asset from 0.

    Each asset counts in a session of its own, ``<name>/<asset>``: an asset has one partition, so whoever reads
    that partition alone still sees a loss as a gap.
    """

    def __init__(self, name: str, plant: Plant) -> None:
        self._name = name
        self._schemas = {name: event_schema(Frame, each) for name, each in plant.classes.items()}
        self._counts: dict[str, int] = {}

    def stamp(self, asset_class: str, rows: pl.DataFrame, origin: Origin) -> pl.DataFrame:
        """Return the frames of *rows* with the columns of `event_schema(Frame, ...)`.

        Args:
            asset_class: name of the class in the plant model.
            rows: asset, time and values; server_time, status and carried where the source gives them. `ingest_time` is
                null until frames are emitted.
            origin: why they exist now.
        """
        schema = self._schemas[asset_class]
        counts = rows["asset"].value_counts()
        begun = [self._counts.get(asset, 0) for asset in counts["asset"]]
        made = (
            event_ids(Stage.RAW, CONTRACT_VERSION),
            pl.lit(origin.value).alias("origin"),
            pl.lit(0, dtype=pl.Int64).alias("revision"),
            pl.concat_str(pl.lit(f"{self._name}/"), pl.col("asset")).alias("session"),
            (pl.int_range(pl.len()).over("asset") + pl.col("asset").replace_strict(counts["asset"], begun)).alias(
                "sequence"
            ),
            *(pl.lit(None, dtype=schema[name]).alias(name) for name in _GIVEN if name not in rows.columns),
        )
        self._counts.update(
            (asset, before + count) for (asset, count), before in zip(counts.iter_rows(), begun, strict=True)
        )
        return rows.with_columns(made).select(list(schema))
