"""The lake's layout: what the historian writes and what training reads. Described in docs/historian.md."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path, PurePath

import polars as pl

from andon.clock import SECOND
from andon.contracts import Frame
from andon.errors import ConfigError
from andon.plant import AssetClass
from andon.plant.columns import event_schema

#: Column of a tag's values is named this and the tag.
TAG = "tag_"
_HOUR = 3_600 * SECOND
_FOLDER = "date=%Y-%m-%d/hour=%H"


def hour_folder(asset_class: str, start: int) -> PurePath:
    """Return where the files of an hour of event time are, below the lake's directory.

    Args:
        asset_class: the class.
        start: of the hour, microseconds UTC.
    """
    return PurePath("raw", asset_class, f"{datetime.fromtimestamp(start // SECOND, UTC):{_FOLDER}}")


def read_raw(lake: Path, name: str, asset_class: AssetClass, *, since: int | None, until: int | None) -> pl.DataFrame:
    """Read raw frames of a class from the hours that are complete, into memory.

    Args:
        lake: its directory.
        name: name of the class.
        asset_class: gives the tags; one that a file does not have is null in it.
        since: event time of the first frames, microseconds UTC; None begins with the oldest.
        until: event time at which to end (exclusive); None ends with the newest.

    Returns:
        asset, time (microseconds), values (a struct of the class's tags) and status (a struct of StatusCodes), by asset
        and time, each frame in its highest revision. No rows if the lake has none.

    Raises:
        ConfigError: the lake cannot be read, or a column does not fit the class.
    """
    if not lake.is_dir():
        raise ConfigError(f"lake {lake} is no directory: give the one of ANDON_HISTORIAN__LAKE__DIRECTORY")
    schema = event_schema(Frame, asset_class)
    wanted = {key: schema[key] for key in ("asset", "time", "revision", "values", "status")}
    paths = [
        path for path in sorted((lake / "raw" / name).glob("date=*/hour=*/p*.parquet")) if _holds(path, since, until)
    ]
    parts = [_frames(path, wanted) for path in paths]
    rows = pl.concat(parts) if parts else pl.DataFrame(schema=wanted)
    within = rows.filter(pl.col("time") >= (since or 0), pl.col("time") < (until if until is not None else 2**62))
    newest = within.sort("revision", descending=True, maintain_order=True)
    return newest.unique(["asset", "time"], keep="first", maintain_order=True).drop("revision").sort("asset", "time")


def _holds(path: Path, since: int | None, until: int | None) -> bool:
    """Return whether a file's hour touches the wanted time."""
    folder = "/".join(path.parts[-3:-1])
    start = round(datetime.strptime(folder, _FOLDER).replace(tzinfo=UTC).timestamp()) * SECOND
    return (until is None or start < until) and (since is None or start + _HOUR > since)


def _frames(path: Path, schema: dict[str, pl.DataType]) -> pl.DataFrame:
    try:
        rows = pl.read_parquet(path, hive_partitioning=False)
        return rows.select(
            "asset",
            pl.col("time").dt.epoch("us"),
            pl.col("revision").cast(schema["revision"]),
            _values(rows, schema["values"]),
            pl.col("status").str.json_decode(schema["status"]),
        )
    except (pl.exceptions.PolarsError, OSError) as error:
        reason = str(error).split("\n", 1)[0]
        raise ConfigError(
            f"{path} cannot be read as frames of the class: {reason}; is it of this plant model?"
        ) from error


def _values(rows: pl.DataFrame, dtype: pl.DataType) -> pl.Expr:
    tags = dict(pl.Struct(dtype.to_schema()).to_schema()) if isinstance(dtype, pl.Struct) else {}
    return pl.struct(
        (pl.col(TAG + tag) if TAG + tag in rows.columns else pl.lit(None)).cast(kind).alias(tag)
        for tag, kind in tags.items()
    ).alias("values")
