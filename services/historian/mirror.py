"""The plant model in the database, with its history: which assets and tags there were when."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from asyncpg.pool import PoolConnectionProxy

from andon.clock import SECOND
from andon.plant import Plant

_Key = TypeVar("_Key", bound=Hashable)
_Facts = tuple[object, ...]
_ASSETS = "SELECT path, class, description FROM andon.asset WHERE valid_to IS NULL"
_TAGS = "SELECT class, tag, kind, unit, source_unit, rate_hz, description FROM andon.tag WHERE valid_to IS NULL"


@dataclass(frozen=True, slots=True)
class Change(Generic[_Key]):
    """What has to be written: keys whose facts are no longer so, and facts that are so from now on."""

    ended: frozenset[_Key]
    begun: Mapping[_Key, _Facts]


def change(known: Mapping[_Key, _Facts], wanted: Mapping[_Key, _Facts]) -> Change[_Key]:
    """Return how *known* becomes *wanted*."""
    return Change(
        frozenset(key for key, facts in known.items() if wanted.get(key) != facts),
        {key: facts for key, facts in wanted.items() if known.get(key) != facts},
    )


def assets_of(plant: Plant) -> dict[str, _Facts]:
    """Return asset path to class and description."""
    return {path: (asset.asset_class, asset.description) for path, asset in plant.assets.items()}


def tags_of(plant: Plant) -> dict[tuple[str, str], _Facts]:
    """Return class and tag to kind, unit, the source's unit, samples a second and description."""
    return {
        (name, tag): (
            declared.kind.value,
            declared.unit,
            declared.source_unit,
            rate_of(each.scan, declared.rate_hz),
            declared.description,
        )
        for name, each in plant.classes.items()
        for tag, declared in each.tags.items()
    }


def rate_of(scan: int, rate_hz: float | None) -> float:
    """Return the samples a second that a tag promises: its own rate, or one a scan (microseconds)."""
    return rate_hz or SECOND / scan


async def mirror(connection: PoolConnectionProxy, plant: Plant, now: datetime) -> dict[str, int]:
    """Bring the database's copy of the plant model up to date; to be called inside a transaction.

    Returns:
        Asset path to its number.
    """
    await connection.execute("LOCK TABLE andon.plant_model IN SHARE ROW EXCLUSIVE MODE")
    in_force = await connection.fetchval("SELECT version FROM andon.plant_model ORDER BY applied DESC LIMIT 1")
    if in_force != plant.version:
        # A clock that was set back must not make a model that is older than the one it takes the place of.
        now = await connection.fetchval(
            "SELECT greatest($1, max(applied) + interval '1 microsecond') FROM andon.plant_model", now
        )
        await connection.execute(
            "INSERT INTO andon.plant_model (version, applied, document) VALUES ($1, $2, $3) "
            "ON CONFLICT (version) DO UPDATE SET applied = excluded.applied",
            *(plant.version, now, plant.model_dump_json(by_alias=True)),
        )
        await _mirror_assets(connection, assets_of(plant), now)
        await _mirror_tags(connection, tags_of(plant), now)
    numbers = await connection.fetch("SELECT path, asset_id FROM andon.asset_path")
    return {row["path"]: row["asset_id"] for row in numbers}


async def _mirror_assets(connection: PoolConnectionProxy, wanted: Mapping[str, _Facts], now: datetime) -> None:
    known = {row[0]: tuple(row)[1:] for row in await connection.fetch(_ASSETS)}
    changed = change(known, wanted)
    await connection.executemany(
        "UPDATE andon.asset SET valid_to = $2 WHERE path = $1 AND valid_to IS NULL",
        [(path, now) for path in changed.ended],
    )
    await connection.execute(
        "INSERT INTO andon.asset_path (path) SELECT path FROM unnest($1::text[]) AS path "
        "WHERE path NOT IN (SELECT path FROM andon.asset_path)",
        list(changed.begun),
    )
    await connection.executemany(
        "INSERT INTO andon.asset (asset_id, path, class, description, valid_from) "
        "SELECT asset_id, path, $2, $3, $4 FROM andon.asset_path WHERE path = $1",
        [(path, *facts, now) for path, facts in changed.begun.items()],
    )


async def _mirror_tags(
    connection: PoolConnectionProxy, wanted: Mapping[tuple[str, str], _Facts], now: datetime
) -> None:
    known = {(row[0], row[1]): tuple(row)[2:] for row in await connection.fetch(_TAGS)}
    changed = change(known, wanted)
    await connection.executemany(
        "UPDATE andon.tag SET valid_to = $3 WHERE class = $1 AND tag = $2 AND valid_to IS NULL",
        [(*key, now) for key in changed.ended],
    )
    await connection.executemany(
        "INSERT INTO andon.tag (class, tag, kind, unit, source_unit, rate_hz, description, valid_from) "
        "VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        [(*key, *facts, now) for key, facts in changed.begun.items()],
    )
