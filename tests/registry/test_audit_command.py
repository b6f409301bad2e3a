"""`andon registry audit`: whatever is done to the log or to the tables beside it is found, also from a file."""

from __future__ import annotations

import json
import re
from pathlib import Path

import asyncpg
import pytest

from andon.registry.audit import findings
from andon.registry.client import connected
from andon.registry.ledger import read_all, read_log_file
from andon.registry.standing import standings
from andon.registry.v1 import registry_pb2 as pb
from andon.settings import DatabaseSettings
from sandbox.registry import RegistrySite
from tests.registry.desk import NAME, andon_registry, approve, ask, model, promote, publish, registry

FIRST, SECOND = model(1), model(2)
V1, V2 = FIRST.manifest.version, SECOND.manifest.version


async def history(site: RegistrySite, folder: Path) -> None:
    """Make a log of six entries: a model in production, another that is asked for, and rejected."""
    await promote(site, FIRST, folder)
    await publish(site, SECOND, folder)
    number = await ask(site, SECOND)
    async with connected(site.client("boris")) as boris:
        await boris.reject(number, "no drift test")


async def verified(site: RegistrySite, code: int, *arguments: object) -> str:
    """Return what `audit verify` says, which must end with this exit code."""
    result = await andon_registry(site, "clara", "audit", "verify", *arguments)
    assert result.exit_code == code, (result.output, result.exception)
    return result.output


async def tampered(database: DatabaseSettings, *statements: str) -> None:
    """Change the database as whoever owns it can: all at once, with every trigger off."""
    assert database.dsn
    connection = await asyncpg.connect(database.dsn.get_secret_value())
    try:
        async with connection.transaction():
            await connection.execute("SET LOCAL session_replication_role = replica")
            for statement in statements:
                await connection.execute(statement)
    finally:
        await connection.close()


async def test_the_log_is_shown_kept_and_proven(database: DatabaseSettings, tmp_path: Path) -> None:
    async with registry(tmp_path, database) as site:
        assert "sound: 0 entries" in await verified(site, 0)
        await history(site, tmp_path)
        listed = await andon_registry(site, "clara", "audit", "list", "--first", 3)
        lines = [line.strip() for line in listed.output.splitlines()]
        assert re.fullmatch(
            rf"3 \S+ boris approved request 1 of anna: {NAME} {V1} as production on all assets", lines[0]
        )
        assert lines[1] == "agreed"
        proof = rf"approver boris, key {site.signer('boris').key}, parity_checked 0, parity_mismatches 0, serial \d+"
        assert re.fullmatch(proof, lines[2])
        assert re.fullmatch(rf"6 \S+ boris rejected request 2: {NAME} {V2}", lines[-2])

        file = tmp_path / "log.jsonl"
        exported = await andon_registry(site, "clara", "audit", "export", "--output", file)
        receipt = exported.output.split()[-1]
        assert exported.output == f"6 entries written to {file}; the last is {receipt}\n"
        sound = await verified(site, 0, "--receipt", receipt)
        assert sound == f"sound: 6 entries, and all that is stored agrees; the last is {receipt}\n"
        assert f"sound: 6 entries; the last is {receipt}" in await verified(site, 0, "--file", file)
        forged = f"3:{'0' * 64}"
        assert "entry 3 is not the one that its receipt proves" in await verified(site, 1, "--receipt", forged)
        later = f"7:{'0' * 64}"
        assert "entry 7 is missing: its receipt proves" in await verified(site, 1, "--file", file, "--receipt", later)

        entries = file.read_text().splitlines()
        edited = json.dumps(json.loads(entries[1]) | {"actor": "nobody"})
        file.write_text("\n".join([entries[0], edited, *entries[2:]]))
        assert "entry 2 (requested by nobody) was edited" in await verified(site, 1, "--file", file)
        file.write_text("\n".join([*entries[:3], *entries[4:]]))
        assert "entry 4 is missing" in await verified(site, 1, "--file", file)
        file.write_text("\n".join([entries[0], entries[1][:-9]]))
        assert f"{file}:2: " in re.sub(r"\n", "", await verified(site, 2, "--file", file))


@pytest.mark.parametrize(
    ("statements", "told"),
    [
        (("UPDATE registry.audit SET actor = 'nobody' WHERE number = 2",), "entry 2 (requested by nobody) was edited"),
        (("DELETE FROM registry.audit WHERE number = 3",), "request 1 is stored as approved by boris, the log says"),
        (("DELETE FROM registry.audit WHERE number > 3",), f"version {V2} of {NAME} is stored, but its entry of the"),
        (("UPDATE registry.version SET go = false WHERE entry = 4",), "go is stored as False, entry 4 of the log says"),
        (("UPDATE registry.version SET author = 'x'",), "author is stored as 'x', entry 1 of the log says 'anna'"),
        (("UPDATE registry.promotion SET requester = 'x'",), "request 1: actor is stored as 'x', entry 2"),
        (("DELETE FROM registry.promotion WHERE id = 2",), f"request for {V2} of {NAME} is not stored, entry 5"),
        (
            ("UPDATE registry.promotion SET state = 'approved' WHERE id = 2",),
            "request 2 is stored as approved by boris, the log says rejected by boris",
        ),
        (
            (f"UPDATE registry.assignment SET version = '{V2}' WHERE alias = 'production'",),
            f"production of {NAME} is stored as {V2} on 100 % by entry 3, the log says {V1} on 100 % by entry 3",
        ),
        (
            ("DELETE FROM registry.assignment WHERE alias = 'candidate'",),
            f"candidate of {NAME} is stored as nothing, the log says {V2}",
        ),
        (
            (
                "DELETE FROM registry.assignment",
                "DELETE FROM registry.promotion",
                "DELETE FROM registry.version",
                "DELETE FROM registry.model",
            ),
            f"version {V1} of {NAME} is not stored, entry 1 of the log tells of it",
        ),
    ],
)
async def test_whatever_is_changed_in_the_database_is_found(
    database: DatabaseSettings, tmp_path: Path, statements: tuple[str, ...], told: str
) -> None:
    async with registry(tmp_path, database) as site:
        await history(site, tmp_path)
        await tampered(database, *statements)
        assert told in await verified(site, 1)


async def test_the_log_alone_tells_what_every_alias_stood_for(database: DatabaseSettings, tmp_path: Path) -> None:
    async with registry(tmp_path, database) as site, connected(site.client("anna")) as anna:
        await promote(site, FIRST, tmp_path)
        await promote(site, SECOND, tmp_path, canary=100)
        await anna.assign(NAME, pb.ALIAS_SHADOW, V1, "compare")
        await approve(site, await ask(site, SECOND))
        entries, stored = await read_all(anna)
    last = standings(entries, NAME)
    assert {alias: (now.version, now.entry) for alias, now in last.items()} == {
        "candidate": (V2, 4),
        "production": (V2, 9),
        "previous": (V1, 9),
        "shadow": (V1, 7),
    }
    assert len(last) == len(stored.assignments)
    before = standings(entries, NAME, until=entries[6].at)
    assert (before["production"].version, before["canary"].share_permille) == (V1, 100)
    assert standings(entries, "fan") == {}
    assert list(findings(entries)) == []


def test_a_log_file_without_entries_is_empty(tmp_path: Path) -> None:
    (tmp_path / "log.jsonl").touch()
    assert read_log_file(tmp_path / "log.jsonl") == []
