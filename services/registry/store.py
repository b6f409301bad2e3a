"""Metadata in PostgreSQL: versions, aliases, requests, and the audit log that every change is written into with it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import asyncpg
import orjson

from andon.database import Database
from andon.registry.audit import Act, Entry, Receipt, chained
from services.registry.parity import HOUR, Parity, ParityReport
from services.registry.rules import WHOLE, Wish

#: Channel on which every change of a model's aliases is told; the payload is the model's name.
CHANNEL = "andon.registry"
#: Advisory lock that makes entries of the audit log one after the other: "audit" in ASCII.
_AUDIT_LOCK = int.from_bytes(b"audit", "big")
_ENTRY = "number, at, actor, action, name, version, details, previous, hash"
_AT_ONCE = 1_000

_ASSIGNED_VERSIONS = """
SELECT v.*, m.asset_class FROM registry.version v JOIN registry.model m USING (name)
WHERE name = $1 AND version = ANY($2)
"""

_PARITY = """
SELECT coalesce(sum(checked), 0)::bigint AS checked, coalesce(sum(mismatches), 0)::bigint AS mismatches,
    coalesce(max(largest), 0) AS largest, coalesce(array_agg(DISTINCT reporter ORDER BY reporter), '{}') AS reporters
FROM registry.parity WHERE definition = $1 AND hour > $2
"""
_ADD_PARITY = """
INSERT INTO registry.parity AS known VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (definition, reporter, hour) DO UPDATE SET checked = known.checked + excluded.checked,
    mismatches = known.mismatches + excluded.mismatches, largest = greatest(known.largest, excluded.largest)
"""

Connection = asyncpg.pool.PoolConnectionProxy


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a model, as it is stored.

    `files` are name, digest and size of each, times microseconds UTC; `entry`, here and below, is that of the audit log
    which tells of it.
    """

    name: str
    version: str
    asset_class: str
    digest: str
    feature_hash: str
    go: bool
    manifest: bytes
    files: tuple[tuple[str, str, int], ...]
    author_signature: bytes
    author: str
    author_key: str
    publisher: str
    published: int
    entry: int = 0

    @property
    def created(self) -> int:
        """When it was made, microseconds UTC."""
        return int(orjson.loads(self.manifest)["created"])

    @property
    def digests(self) -> dict[str, str]:
        """File name to digest."""
        return {name: digest for name, digest, _ in self.files}


@dataclass(frozen=True, slots=True)
class Assigned:
    """What one alias stands for; see `Assignment` in the contract."""

    alias: str
    version: str
    share_permille: int = WHOLE
    approver_signature: bytes = b""
    approver: str = ""
    serial: int = 0
    since: int = 0
    entry: int = 0


@dataclass(frozen=True, slots=True)
class Request:
    """A request for promotion; see `Promotion` in the contract."""

    id: int
    name: str
    wish: Wish
    reason: str
    requested: int
    decider: str = ""
    decision_reason: str = ""
    decided: int = 0
    entry: int = 0


class Store:
    """Reads what is stored."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @asynccontextmanager
    async def changing(self, name: str) -> AsyncIterator[Change]:
        """Give a transaction in which nobody else changes model *name*; it is undone when the block raises."""
        async with self._database.acquire() as connection, connection.transaction():
            await connection.execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", f"registry {name}")
            yield Change(connection, name)

    async def versions(self, name: str = "", version: str = "") -> list[Version]:
        """Return versions, newest first: of all models, of one, or one of one."""
        return await _versions(self._database, name, version)

    async def assignments(self, name: str) -> list[tuple[Assigned, Version]]:
        """Return what the aliases of a model stand for; its other versions, which may be many, are not read."""
        assigned = await _assignments(self._database, name)
        rows = await self._database.fetch(_ASSIGNED_VERSIONS, name, [each.version for each in assigned])
        versions = {row["version"]: _version(row) for row in rows}
        return [(each, versions[each.version]) for each in assigned]

    async def requests(self, name: str) -> list[Request]:
        """Return a model's requests for promotion, newest first."""
        rows = await self._database.fetch("SELECT * FROM registry.promotion WHERE name = $1 ORDER BY id DESC", name)
        return [_request(row) for row in rows]

    async def request(self, number: int) -> Request | None:
        """Return one request for promotion; None when there is none of that number."""
        return await _request_of(self._database, number)

    async def parity(self, definition: str, since: int) -> Parity:
        """Return what was reported of a feature definition since a time (microseconds UTC)."""
        return await _parity(self._database, definition, since)

    async def entries(self, first: int) -> AsyncIterator[Entry]:
        """Yield the audit log from entry *first* on."""
        query = f"SELECT {_ENTRY} FROM registry.audit WHERE number >= $1 ORDER BY number LIMIT {_AT_ONCE}"  # noqa: S608
        while rows := await self._database.fetch(query, first):
            for row in rows:
                yield Entry(**dict(row))
            first = rows[-1]["number"] + 1

    async def knows(self, digest: str) -> bool:
        """Return whether a published version has a file with this digest."""
        query = "SELECT EXISTS (SELECT FROM registry.version WHERE files @> $1::jsonb)"
        return bool(await self._database.fetchval(query, orjson.dumps([[digest]]).decode()))


class Change:
    """One change of one model: all of it, or nothing."""

    def __init__(self, connection: Connection, name: str) -> None:
        self._connection, self._name = connection, name

    async def version(self, version: str) -> Version | None:
        """Return one version of the model."""
        found = await _versions(self._connection, self._name, version)
        return found[0] if found else None

    async def request(self, number: int) -> Request | None:
        """Return one request for promotion; None when there is none of that number."""
        return await _request_of(self._connection, number)

    async def asset_class(self) -> str | None:
        """Return the asset class that the model's name stands for; None for a new name."""
        query = "SELECT asset_class FROM registry.model WHERE name = $1"
        known: str | None = await self._connection.fetchval(query, self._name)
        return known

    async def assignments(self) -> dict[str, Assigned]:
        """Return what each alias stands for."""
        return {assigned.alias: assigned for assigned in await _assignments(self._connection, self._name)}

    async def last_serial(self) -> int:
        """Return the newest serial that any alias of the model ever had."""
        query = """SELECT coalesce(max((details::jsonb ->> 'serial')::bigint), 0)
                   FROM registry.audit WHERE name = $1 AND action IN ('approved', 'rolled_back')"""
        return int(await self._connection.fetchval(query, self._name))

    async def parity(self, definition: str, since: int) -> Parity:
        """Return what was reported of a feature definition since a time (microseconds UTC)."""
        return await _parity(self._connection, definition, since)

    async def add_parity(self, report: ParityReport) -> None:
        """Add a report to what its reporter said in the same hour."""
        counts = (report.checked, report.mismatches, report.largest)
        await self._connection.execute(_ADD_PARITY, report.definition, report.reporter, report.hour, *counts)

    async def add_version(self, version: Version) -> None:
        """Store a new version."""
        await self._connection.execute(
            "INSERT INTO registry.model (name, asset_class) VALUES ($1, $2) ON CONFLICT DO NOTHING",
            version.name,
            version.asset_class,
        )
        row = {
            "name": version.name,
            "version": version.version,
            "digest": version.digest,
            "feature_hash": version.feature_hash,
            "go": version.go,
            "manifest": version.manifest,
            "files": orjson.dumps(version.files).decode(),
            "author_signature": version.author_signature,
            "author": version.author,
            "author_key": version.author_key,
            "publisher": version.publisher,
            "published": version.published,
            "entry": version.entry,
        }
        await self._insert("version", row)

    async def add_request(self, wish: Wish, reason: str, at: int, entry: int) -> Request:
        """Store a new request."""
        row = {
            "name": self._name,
            "version": wish.version,
            "alias": wish.alias,
            "share_permille": wish.share_permille,
            "replaces": wish.replaces,
            "requester": wish.requester,
            "reason": reason,
            "requested": at,
            "entry": entry,
        }
        number = await self._insert("promotion", row, returning="id")
        return Request(number, self._name, wish, reason, at, entry=entry)

    async def decide(self, number: int, state: str, decider: str, reason: str, at: int) -> None:
        """Note what was decided of a request."""
        query = """UPDATE registry.promotion SET state = $2, decider = $3, decision_reason = $4, decided = $5
                   WHERE id = $1"""
        await self._connection.execute(query, number, state, decider, reason, at)

    async def assign(self, assigned: Assigned) -> None:
        """Let an alias stand for something else from now on."""
        query = """INSERT INTO registry.assignment VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
                   ON CONFLICT (name, alias) DO UPDATE SET version = excluded.version,
                     share_permille = excluded.share_permille, approver_signature = excluded.approver_signature,
                     approver = excluded.approver, serial = excluded.serial, since = excluded.since,
                     entry = excluded.entry"""
        fields = (assigned.version, assigned.share_permille, assigned.approver_signature, assigned.approver)
        numbers = (assigned.serial, assigned.since, assigned.entry)
        await self._connection.execute(query, self._name, assigned.alias, *fields, *numbers)

    async def withdraw(self, alias: str) -> None:
        """Let an alias stand for nothing."""
        query = "DELETE FROM registry.assignment WHERE name = $1 AND alias = $2"
        await self._connection.execute(query, self._name, alias)

    async def log(self, act: Act) -> Receipt:
        """Append to the audit log, and wake whoever watches the model once the change is committed."""
        await self._connection.execute("SELECT pg_advisory_xact_lock($1)", _AUDIT_LOCK)
        query = f"SELECT {_ENTRY} FROM registry.audit ORDER BY number DESC LIMIT 1"  # noqa: S608
        last = await self._connection.fetchrow(query)
        entry = chained(act, Entry(**dict(last)) if last else None)
        row = {field: getattr(entry, field) for field in _ENTRY.split(", ")}
        await self._insert("audit", row)
        await self._connection.execute("SELECT pg_notify($1, $2)", CHANNEL, self._name)
        return Receipt(entry.number, entry.hash)

    async def _insert(self, table: str, row: Mapping[str, Any], returning: str = "NULL") -> Any:
        places = ", ".join(f"${number}" for number in range(1, len(row) + 1))
        query = f"INSERT INTO registry.{table} ({', '.join(row)}) VALUES ({places}) RETURNING {returning}"  # noqa: S608
        return await self._connection.fetchval(query, *row.values())


_Source = Database | Connection


async def _versions(source: _Source, name: str, version: str) -> list[Version]:
    query = """SELECT v.*, m.asset_class FROM registry.version v JOIN registry.model m USING (name)
               WHERE ($1 = '' OR name = $1) AND ($2 = '' OR version = $2) ORDER BY published DESC, version"""
    return [_version(row) for row in await source.fetch(query, name, version)]


async def _assignments(source: _Source, name: str) -> list[Assigned]:
    fields = "alias, version, share_permille, approver_signature, approver, serial, since, entry"
    query = f"SELECT {fields} FROM registry.assignment WHERE name = $1 ORDER BY alias"  # noqa: S608
    return [Assigned(**dict(row)) for row in await source.fetch(query, name)]


async def _parity(source: _Source, definition: str, since: int) -> Parity:
    (row,) = await source.fetch(_PARITY, definition, since - HOUR)  # an hour that has begun before counts as a whole
    counts = (row["checked"], row["mismatches"], row["largest"])
    return Parity(definition, since, *counts, tuple(row["reporters"]))


async def _request_of(source: _Source, number: int) -> Request | None:
    row = await source.fetchrow("SELECT * FROM registry.promotion WHERE id = $1", number)
    return _request(row) if row else None


def _version(row: asyncpg.Record) -> Version:
    fields = {name: row[name] for name in Version.__dataclass_fields__}
    files: Sequence[tuple[str, str, int]] = orjson.loads(row["files"])
    return Version(**{**fields, "files": tuple((name, digest, size) for name, digest, size in files)})


def _request(row: asyncpg.Record) -> Request:
    share = row["share_permille"]
    wish = Wish(row["version"], row["alias"], share, row["replaces"], row["requester"], row["state"])
    decision = (row["decider"], row["decision_reason"], row["decided"], row["entry"])
    return Request(row["id"], row["name"], wish, row["reason"], row["requested"], *decision)
