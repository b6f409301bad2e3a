"""A source session: what makes a row of asset, time and values a frame of the contract."""

from __future__ import annotations

import polars as pl

from andon.contracts import Frame, Origin
from andon.contracts.base import CONTRACT_VERSION
from andon.contracts.ids import event_ids
from andon.plant import Plant
from andon.plant.columns import event_schema
from andon.uns import Stage


class Session:
    """Numbers the frames of each asset from 0.

    Each asset counts in a session of its own, ``<name>/<asset>``: an asset has one partition, so whoever reads
    that partition alone still sees a loss as a gap.
    """

    def __init__(self, name: str, plant: Plant, origin: Origin) -> None:
        self._name = name
        self._origin = origin
        self._schemas = {name: event_schema(Frame, each) for name, each in plant.classes.items()}
        self._counts: dict[str, int] = {}

    def stamp(self, asset_class: str, rows: pl.DataFrame) -> pl.DataFrame:
        """Return the frames of *rows* (asset, time, values) with the columns of `event_schema(Frame, ...)`.

        `ingest_time` is null until they are emitted.
        """
        schema = self._schemas[asset_class]
        made = (
            event_ids(Stage.RAW, CONTRACT_VERSION),
            pl.lit(self._origin.value).alias("origin"),
            pl.lit(0, dtype=pl.Int64).alias("revision"),
            pl.concat_str(pl.lit(f"{self._name}/"), pl.col("asset")).alias("session"),
            (pl.int_range(pl.len()).over("asset") + self._begun(rows["asset"].unique())).alias("sequence"),
            *(pl.lit(None, dtype=schema[name]).alias(name) for name in ("ingest_time", "server_time", "status", "carried")),
        )
        frames = rows.with_columns(made).select(list(schema))
        self._counts.update(
            (asset, self._counts.get(asset, 0) + count) for asset, count in rows["asset"].value_counts().iter_rows()
        )
        return frames

    def _begun(self, assets: pl.Series) -> pl.Expr:
        counts = [self._counts.get(asset, 0) for asset in assets]
        return pl.col("asset").replace_strict(assets, pl.Series(counts, dtype=pl.Int64))
