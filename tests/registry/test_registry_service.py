"""The registry on a real database, over mutual TLS: the way of a model, and what stands in its way."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import asyncpg
import orjson
import pytest

from andon.clock import wall_clock
from andon.contracts import ModelEvent
from andon.errors import BundleError, RegistryError
from andon.models import Bundle, Verdict, make_bundle
from andon.models.bundle import MODEL_FILE
from andon.plant import Plant
from andon.registry.acts import approve_request, publish_bundle, roll_back
from andon.registry.approval import statement
from andon.registry.audit import Entry, Receipt, findings
from andon.registry.client import RegistryClient, connected
from andon.registry.ledger import read_log
from andon.registry.v1 import registry_pb2 as pb
from andon.settings import DatabaseSettings, KafkaSettings
from andon.signing import Role, Trust
from andon.stream.topics import ensure_topics
from andon.uns import Stage
from sandbox.registry import RegistrySite
from tests.models.sample import PLANT, trained
from tests.registry.desk import NAME, NO_GO, aliases, approve, ask, model, promote, publish, registry, saved
from tests.stream.bus import reading, stage_topic

FIRST, SECOND, THIRD = model(1), model(2), model(3)


async def audit_log(site: RegistrySite) -> list[Entry]:
    async with connected(site.client("clara")) as client:
        return await read_log(client)


async def refused(
    site: RegistrySite, name: str, code: str, words: str, act: Callable[[RegistryClient], Awaitable[object]]
) -> None:
    async with connected(site.client(name)) as client:
        with pytest.raises(RegistryError, match=words) as caught:
            await act(client)
        assert caught.value.code == code


def version(bundle: Bundle) -> str:
    return bundle.manifest.version


async def test_a_model_goes_from_candidate_to_production_and_back_again(
    database: DatabaseSettings, tmp_path: Path
) -> None:
    async with registry(tmp_path, database) as site, connected(site.client("inference")) as client:
        published = await publish(site, FIRST, tmp_path)
        assert (published.is_new, published.model.author, published.model.publisher) == (True, "anna", "anna")
        assert await aliases(client) == {"candidate": version(FIRST)}
        await approve(site, await ask(site, FIRST))
        await promote(site, SECOND, tmp_path)
        now = {"candidate": version(SECOND), "production": version(SECOND), "previous": version(FIRST)}
        assert await aliases(client) == now
        async with connected(site.client("boris")) as boris:
            await roll_back(boris, NAME, site.signer("boris"), Trust.load(site.trust), "alerts", wall_clock)
        assert await aliases(client) == now | {"production": version(FIRST), "previous": version(SECOND)}
        log = await audit_log(site)
        assert [(entry.actor, entry.action) for entry in log] == [
            ("anna", "published"),
            ("anna", "requested"),
            ("boris", "approved"),
            ("anna", "published"),
            ("anna", "requested"),
            ("boris", "approved"),
            ("boris", "rolled_back"),
        ]
        assert list(findings(log, [Receipt(published.receipt.number, published.receipt.hash)])) == []
        assert orjson.loads(log[2].details)["reason"] == "agreed"


async def test_a_canary_and_a_shadow_come_and_go(database: DatabaseSettings, tmp_path: Path) -> None:
    async with registry(tmp_path, database) as site, connected(site.client("anna")) as anna:
        await promote(site, FIRST, tmp_path)
        approved = await promote(site, SECOND, tmp_path, canary=100)
        assert (approved.assignment.alias, approved.assignment.share_permille) == (pb.ALIAS_CANARY, 100)
        await anna.assign(NAME, pb.ALIAS_SHADOW, version(FIRST), "compare")
        found = await aliases(anna)
        assert (found["canary"], found["shadow"], found["production"]) == (
            version(SECOND),
            version(FIRST),
            version(FIRST),
        )
        await approve(site, await ask(site, SECOND))
        assert "canary" not in await aliases(anna), "a canary that acts everywhere is none any more"
        await anna.assign(NAME, pb.ALIAS_SHADOW, "", "seen enough")
        assert await aliases(anna) == {
            "candidate": version(SECOND),
            "production": version(SECOND),
            "previous": version(FIRST),
        }


async def test_publishing_the_same_again_changes_nothing(database: DatabaseSettings, tmp_path: Path) -> None:
    async with registry(tmp_path, database) as site, connected(site.client("clara")) as client:
        first = await publish(site, FIRST, tmp_path)
        await promote(site, SECOND, tmp_path)
        again = await publish(site, FIRST, tmp_path)
        assert (first.is_new, again.is_new) == (True, False)
        assert (await aliases(client))["candidate"] == version(SECOND)
        assert len((await client.list(NAME)).models) == 2


async def test_a_list_stays_small_and_one_version_is_told_whole(database: DatabaseSettings, tmp_path: Path) -> None:
    async with registry(tmp_path, database) as site, connected(site.client("clara")) as client:
        await promote(site, FIRST, tmp_path)
        for listed in (await client.list(), await client.list(NAME)):
            models = [*listed.models, *(each.model for each in listed.assignments)]
            assert {(each.version, each.manifest, each.author_signature) for each in models} == {
                (version(FIRST), b"", b"")
            }
        [whole] = (await client.list(NAME, version(FIRST))).models
        assert whole.manifest
        assert whole.author_signature


async def test_what_is_watched_is_told_at_once_and_whenever_it_changes(
    database: DatabaseSettings, tmp_path: Path
) -> None:
    async with registry(tmp_path, database) as site, connected(site.client("inference")) as client:
        told = client.watch([NAME, "fan"])
        assert [len((await anext(told)).assignments) for _ in range(2)] == [0, 0]
        await publish(site, FIRST, tmp_path)
        assert [each.alias for each in (await anext(told)).assignments] == [pb.ALIAS_CANDIDATE]
        await approve(site, await ask(site, FIRST))
        async with asyncio.timeout(10):
            while pb.ALIAS_PRODUCTION not in [each.alias for each in (await anext(told)).assignments]:
                pass


async def test_nobody_lets_their_own_model_through(database: DatabaseSettings, tmp_path: Path) -> None:
    async with registry(tmp_path, database) as site:
        access = site.folder / "access.yaml"
        access.write_text(access.read_text().replace("- author", "- author\n  - approver"))
    async with registry(tmp_path, database) as site:
        await publish(site, FIRST, tmp_path)
        number, trust = await ask(site, FIRST), Trust.load(site.trust)

        await refused(
            site,
            "anna",
            "FAILED_PRECONDITION",
            "four eyes",
            lambda client: approve_request(client, number, site.signer("boris"), trust, "mine", wall_clock),
        )


async def test_an_authors_signature_is_no_approval(database: DatabaseSettings, tmp_path: Path) -> None:
    async with registry(tmp_path, database) as site:
        await publish(site, FIRST, tmp_path)
        number = await ask(site, FIRST)
        signature = site.signer("anna").sign(saved(FIRST, tmp_path), Role.AUTHOR)
        await refused(
            site, "boris", "FAILED_PRECONDITION", "author", lambda client: client.approve(number, signature, "ok")
        )


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"version": "000000000000"}, "sign again"),
        ({"alias": "canary"}, "sign again"),
        ({"share_permille": 10}, "sign again"),
        ({"rollback": True}, "sign again"),
        ({"serial": 5}, "clock"),
        ({"serial": "now"}, "no serial"),
    ],
)
async def test_a_signature_for_something_else_is_no_approval(
    database: DatabaseSettings, tmp_path: Path, changes: dict[str, str | int | bool], words: str
) -> None:
    async with registry(tmp_path, database) as site:
        await publish(site, FIRST, tmp_path)
        number = await ask(site, FIRST)
        said = dict(statement(NAME, version(FIRST), "production", serial=wall_clock())) | changes
        signature = site.signer("boris").sign(saved(FIRST, tmp_path), Role.APPROVER, said)
        await refused(
            site, "boris", "FAILED_PRECONDITION", words, lambda client: client.approve(number, signature, "ok")
        )


async def test_an_approval_cannot_be_used_twice(database: DatabaseSettings, tmp_path: Path) -> None:
    async with registry(tmp_path, database) as site:
        first = await promote(site, FIRST, tmp_path)
        await promote(site, SECOND, tmp_path)
        number = await ask(site, FIRST)
        old = first.assignment.approver_signature
        await refused(site, "boris", "FAILED_PRECONDITION", "sign", lambda client: client.approve(number, old, "again"))
        await refused(site, "boris", "FAILED_PRECONDITION", "sign", lambda client: client.roll_back(NAME, old, "back"))


async def test_of_two_promotions_at_once_one_is_made_and_the_other_must_be_asked_for_again(
    database: DatabaseSettings, tmp_path: Path
) -> None:
    async with registry(tmp_path, database) as site:
        for each in (FIRST, SECOND):
            await publish(site, each, tmp_path)
        numbers = [await ask(site, FIRST), await ask(site, SECOND)]
        results = await asyncio.gather(*(approve(site, number) for number in numbers), return_exceptions=True)
        made = [result for result in results if isinstance(result, pb.ApproveResponse)]
        [outrun] = [result for result in results if isinstance(result, RegistryError)]
        assert (len(made), outrun.code) == (1, "ABORTED")
        assert list(findings(await audit_log(site))) == []


@pytest.mark.parametrize("verdict", [None, NO_GO])
async def test_a_model_without_a_go_never_acts(
    database: DatabaseSettings, tmp_path: Path, verdict: Verdict | None
) -> None:
    bundle = model(9, verdict=verdict)
    async with registry(tmp_path, database) as site:
        await publish(site, bundle, tmp_path)
        await refused(
            site,
            "anna",
            "FAILED_PRECONDITION",
            "no go",
            lambda client: client.request_promotion(NAME, version(bundle), pb.ALIAS_PRODUCTION, 1_000, "please"),
        )


async def test_what_is_rejected_stays_rejected(database: DatabaseSettings, tmp_path: Path) -> None:
    async with registry(tmp_path, database) as site:
        await publish(site, FIRST, tmp_path)
        number = await ask(site, FIRST)
        async with connected(site.client("boris")) as boris:
            rejected = (await boris.reject(number, "no drift test")).promotion
        assert (rejected.state, rejected.decider, rejected.decision_reason) == ("rejected", "boris", "no drift test")
        with pytest.raises(RegistryError, match="rejected already"):
            await approve(site, number)


async def test_a_bundle_that_was_changed_after_it_was_signed_is_not_taken(
    database: DatabaseSettings, tmp_path: Path
) -> None:
    async with registry(tmp_path, database) as site, connected(site.client("anna")) as client:
        folder = saved(FIRST, tmp_path)
        signature = site.signer("anna").sign(folder, Role.AUTHOR)
        other = site.signer("anna").sign(saved(SECOND, tmp_path), Role.AUTHOR)
        with pytest.raises(RegistryError) as caught:
            await client.publish(folder, other, "swapped signature")
        assert caught.value.code == "FAILED_PRECONDITION"
        graph = folder / MODEL_FILE
        graph.write_bytes(graph.read_bytes()[:-1] + b"\0")
        with pytest.raises(RegistryError) as caught:
            await client.publish(folder, signature, "bit flip")
        assert caught.value.code == "DATA_LOSS"
        graph.write_bytes(graph.read_bytes()[:-100])
        with pytest.raises(RegistryError) as caught:
            await client.publish(folder, signature, "truncated")
        assert caught.value.code == "DATA_LOSS"
        with pytest.raises(BundleError):
            await publish_bundle(client, folder, site.signer("anna"), "not even sent")
        assert not (await client.list()).models
        assert await audit_log(site) == []


async def test_a_name_stays_with_its_asset_class(database: DatabaseSettings, tmp_path: Path) -> None:
    async with registry(tmp_path, database) as site:
        await publish(site, FIRST, tmp_path)
        facts = trained().facts.model_copy(update={"asset_class": "fan"})
        other = make_bundle(facts, trained().onnx, created=5)
        with pytest.raises(RegistryError, match="rename it"):
            await publish(site, other, tmp_path)


async def test_changes_are_told_on_the_model_topic(
    database: DatabaseSettings, kafka: KafkaSettings, site: str, tmp_path: Path
) -> None:
    plant = Plant.model_validate({**PLANT.model_dump(by_alias=True), "site": site})
    await ensure_topics(kafka, plant)
    topic_name = stage_topic(plant, Stage.MODEL)
    async with registry(tmp_path, database, kafka=kafka, plant=plant) as desk, reading(kafka, topic_name) as topic:
        await promote(desk, FIRST, tmp_path)
        events = [ModelEvent.model_validate(event) for event in await topic.events(3)]
    assert [(event.action, event.actor, event.alias) for event in events] == [
        ("published", "anna", ""),
        ("requested", "anna", "production"),
        ("promoted", "boris", "production"),
    ]
    assert {(event.name, event.version, event.digest) for event in events} == {(NAME, version(FIRST), FIRST.ref.digest)}


async def test_the_log_refuses_to_be_changed_and_shows_it_when_it_was(
    database: DatabaseSettings, tmp_path: Path
) -> None:
    assert database.dsn is not None
    async with registry(tmp_path, database) as site:
        await promote(site, FIRST, tmp_path)
        connection = await asyncpg.connect(database.dsn.get_secret_value())
        try:
            for statement_ in (
                "UPDATE registry.audit SET actor = 'nobody'",
                "DELETE FROM registry.audit",
                "TRUNCATE registry.audit",
                "UPDATE registry.version SET go = true",
            ):
                with pytest.raises(asyncpg.RaiseError, match="append-only"):
                    await connection.execute(statement_)
            await connection.execute("ALTER TABLE registry.audit DISABLE TRIGGER ALL")
            await connection.execute("UPDATE registry.audit SET actor = 'nobody' WHERE number = 2")
        finally:
            await connection.close()
        [finding] = findings(await audit_log(site))
        assert "entry 2 (requested by nobody) was edited" in finding
