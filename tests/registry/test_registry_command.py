"""`andon registry` as people use it, on a real registry: the way of a model, and clear words for whatever is wrong."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest
import yaml
from pydantic import SecretStr
from rich.console import Console, RenderableType
from typer.testing import CliRunner, Result

from andon.cli import app
from andon.models.bundle import MODEL_FILE, REFERENCE_FILE
from andon.registry.client import connected
from andon.registry.dossier import open_dossier
from andon.registry.ledger import read_log
from andon.registry.v1 import registry_pb2 as pb
from andon.settings import DatabaseSettings
from andon.signing import Trust, generate_key
from sandbox.broker import free_port
from sandbox.registry import RegistrySite, make_registry_site
from services.registry.view import dossier_view, entries_view, models_view
from tests.models.sample import trained
from tests.registry.desk import NAME, NO_GO, andon_registry, ask, model, promote, publish, registry, saved
from tests.signing.people import ANNA, PAUL, certified

FIRST, SECOND = model(1), model(2)
V1, V2 = FIRST.manifest.version, SECOND.manifest.version
LONG = "finds fourteen of fourteen faults of the last year, and half as many false alarms as the one before it"


def done(result: Result) -> str:
    """Return what a command that worked has shown."""
    assert result.exit_code == 0, (result.output, result.exception)
    return result.output


def refused(result: Result) -> str:
    """Return what a command has shown that a person must put right: in words, not as a traceback."""
    assert result.exit_code == 2, (result.output, result.exception)
    assert isinstance(result.exception, SystemExit)
    assert "Traceback" not in result.output
    return result.stderr


async def test_a_model_goes_its_way_at_the_command_line(database: DatabaseSettings, tmp_path: Path) -> None:
    async with registry(tmp_path, database) as site:
        anna, boris = ("--key", site.key("anna")), ("--key", site.key("boris"))

        async def run(who: str, *arguments: object) -> str:
            return done(await andon_registry(site, who, *arguments))

        shown = await run("anna", "publish", saved(FIRST, tmp_path), *anna, "--reason", "trained")
        assert re.fullmatch(rf"published {NAME} {V1} by anna \(go\)\nreceipt 1:[0-9a-f]{{64}}\n", shown)
        assert "was published before" in await run("anna", "publish", saved(FIRST, tmp_path), *anna)
        shown = await run("anna", "request", NAME, V1, "--reason", "better")
        assert shown.startswith(
            f"request 1: {NAME} {V1} as production on all assets, waits for an approver; parity of feature definition "
        )
        assert "request 1 of anna" in await run("clara", "list", NAME)
        shown = await run("boris", "approve", 1, *boris, "--reason", "agreed")
        assert shown.startswith(f"{NAME} {V1} acts as production on all assets; parity of feature definition")
        assert "\nreceipt 4:" in shown

        await run("anna", "publish", saved(SECOND, tmp_path), *anna)
        assert "as canary on 2.5 % of" in await run("anna", "request", NAME, V2, "--canary", 2.5, "-r", "try")
        await run("boris", "reject", 2, "-r", "first in the shadow")
        assert "is the shadow" in await run("anna", "shadow", NAME, V2, "-r", "compare")
        await run("anna", "request", NAME, V2, "--canary", 2.5, "-r", "try")
        assert "acts as canary on 2.5 % of the assets" in await run("boris", "approve", 3, *boris, "-r", "agreed")
        listed = await run("inference", "list")
        assert re.search(rf"{V2} +canary 2.5 %, candidate, shadow +go +by anna", listed)
        assert re.search(rf"{V1} +production +go +by anna", listed)
        for alias in ("shadow", "canary"):
            assert f"has no {alias} any more" in await run("anna", "end", NAME, alias, "-r", "seen enough")
        await run("anna", "request", NAME, V2, "-r", "good")
        await run("boris", "approve", 4, *boris, "-r", "agreed")
        assert f"{V1} acts as production" in await run("boris", "rollback", NAME, *boris, "-r", "alerts")
        assert "sound: 15 entries, and all that is stored agrees" in await run("clara", "audit", "verify")

        fetched = Path((await run("clara", "fetch", NAME, V2, "-o", tmp_path / "got")).split()[-1])
        assert (fetched / MODEL_FILE).read_bytes() == SECOND.onnx
        assert (fetched / REFERENCE_FILE).read_bytes() == SECOND.reference


async def test_show_tells_all_that_is_known_and_checks_signatures_itself(
    database: DatabaseSettings, tmp_path: Path
) -> None:
    async with registry(tmp_path, database) as site:
        await promote(site, FIRST, tmp_path)
        await publish(site, model(4, verdict=NO_GO), tmp_path)
        shown = done(await andon_registry(site, "clara", "show", NAME, V1))
        for expected in (
            "purpose       Does the pump run as usual?",
            "intended use  Says of machines of class pump whether 10 s of their data",
            "go      every criterion is met",
            "recall  1, at least 0.9: met (ten faults)",
            f"author                  anna, key {site.signer('anna').key}",
            f"approver of production  boris, key {site.signer('boris').key}",
            "approved by boris, entry 3",
            "anna on",
            "as production on all assets: better",
            "approved by boris on",
            "published  by anna on",
        ):
            assert expected in shown
        for name in trained().facts.metrics:
            assert f"  {name} " in shown
        bad = done(await andon_registry(site, "clara", "show", NAME, model(4, verdict=NO_GO).manifest.version))
        assert "recall  0.5, at least 0.9: NOT met (ten faults)" in bad
        assert "nobody asked for it to act" in bad
        unknowing = await andon_registry(site, "clara", "show", NAME, V1, ANDON_MODELS__TRUST=str(without_keys(site)))
        assert done(unknowing).count("DOES NOT COUNT") == 2
        (site.folder / "blobs").rename(site.folder / "lost")
        assert "not checked: the bundle could not be fetched" in done(
            await andon_registry(site, "clara", "show", NAME, V1)
        )


def without_keys(site: RegistrySite) -> Path:
    """Return a trust file that trusts none of the site's people."""
    root = certified("acme-root")
    _, certificate = root.write(site.folder, "acme-root")
    authority = {"name": "acme", "certificate": str(certificate), "authors": [ANNA], "approvers": [PAUL]}
    return write(site.folder / "other.yaml", {"authorities": [authority]})


def write(file: Path, content: object) -> Path:
    file.write_text(yaml.safe_dump(content))
    return file


async def test_long_texts_are_folded_in_a_narrow_terminal(database: DatabaseSettings, tmp_path: Path) -> None:
    async with registry(tmp_path, database) as site, connected(site.client("anna")) as client:
        await publish(site, FIRST, tmp_path)
        await client.request_promotion(NAME, V1, pb.ALIAS_PRODUCTION, 1_000, LONG)
        views: list[RenderableType] = [
            models_view(await client.list()),
            dossier_view(await open_dossier(client, NAME, V1, Trust.load(site.trust))),
            entries_view(await read_log(client)),
        ]
    for view in views:
        screen = io.StringIO()
        Console(file=screen, width=50, highlight=False).print(view)
        text = screen.getvalue()
        assert max(map(len, text.splitlines())) <= 50
        assert "…" not in text
        assert LONG in re.sub(r"\s+", " ", text)


async def test_keys_may_have_a_password_or_a_certificate(database: DatabaseSettings, tmp_path: Path) -> None:
    site = make_registry_site(tmp_path / "registry", free_port())
    password, root = tmp_path / "password", certified("acme-root")
    password.write_text("open sesame\n")
    locked = generate_key("anna", tmp_path, SecretStr("open sesame"))
    _, authority = root.write(tmp_path, "acme-root")
    key, certificate = certified(PAUL, root, mail=PAUL).write(tmp_path, "paul")
    trusted = {
        "keys": [{"name": "anna", "roles": ["author"], "public_key": str(locked.public)}],
        "authorities": [{"name": "acme", "certificate": str(authority), "authors": [], "approvers": [PAUL]}],
    }
    write(site.trust, trusted)
    async with registry(tmp_path, database) as site:
        sign = ("publish", saved(FIRST, tmp_path), "--key", tmp_path / "anna.key")
        assert "is encrypted; give its password" in refused(await andon_registry(site, "anna", *sign))
        done(await andon_registry(site, "anna", *sign, "--password-file", password))
        decide = ("approve", await ask(site, FIRST), "-r", "agreed", "--key", key)
        assert "is not in the trust file" in refused(await andon_registry(site, "boris", *decide))
        done(await andon_registry(site, "boris", *decide, "--certificate", certificate))
        shown = done(await andon_registry(site, "clara", "show", NAME, V1))
        assert f"approver of production  {PAUL}, key" in shown


async def test_a_token_opens_the_registry_to_whoever_has_no_certificate(
    database: DatabaseSettings, tmp_path: Path
) -> None:
    site = make_registry_site(tmp_path / "registry", free_port())
    password = tmp_path / "password"
    password.write_text("open sesame")
    generate_key("idp", tmp_path, SecretStr("open sesame"))
    access = site.folder / "access.yaml"
    keys = [{"name": "plant-idp", "file": str(tmp_path / "idp.pub")}]
    write(access, yaml.safe_load(access.read_text()) | {"token_keys": keys})
    async with registry(tmp_path, database) as site:
        sign = ("token", "clara", "--issuer", "plant-idp", "--key", tmp_path / "idp.key", "--password-file", password)
        token = done(await andon_registry(site, "anna", *sign, "--for", "1h")).strip()
        done(await andon_registry(site, "anna", "audit", "list", ANDON_MODELS__REGISTRY__TOKEN=token))
        ask_as_clara = ("request", NAME, V1, "-r", "why")
        words = refused(await andon_registry(site, "anna", *ask_as_clara, ANDON_MODELS__REGISTRY__TOKEN=token))
        assert "clara (viewer) may not RequestPromotion" in words


WRONG: list[tuple[tuple[object, ...], dict[str, str], str]] = [
    (("list",), {"ANDON_MODELS__REGISTRY__ADDRESS": ""}, "ANDON_MODELS__REGISTRY__ADDRESS: is set to nothing"),
    (("list",), {"ANDON_MODELS__REGISTRY__ADDRESS": "registry"}, "'registry' is not host:port"),
    (("list",), {"ANDON_MODELS__REGISTRY__ADDRESS": "127.0.0.1:1"}, "registry at 127.0.0.1:1 cannot be used"),
    (("list",), {"ANDON_MODELS__REGISTRY__TIMEOUT": "soon"}, "ANDON_MODELS__REGISTRY__TIMEOUT: 'soon' is no duration"),
    (("list",), {"ANDON_MODELS__REGISTRY__TLS__CA_FILE": "no.pem"}, "TLS files no.pem cannot be used"),
    (("list",), {"ANDON_MODELS__REGISTRY__TLS__KEY_FILE": "no.key"}, "no.key cannot be used"),
    (("list",), {"ANDON_MODELS__REGISTRY__TLS__CERT_FILE": "no.pem"}, "TLS files no.pem and"),
    (("list",), {"ANDON_MODELS__REGISTRY__TLS__CA_FILE": "file"}, "TLS files file cannot be used"),
    (("list",), {"ANDON_MODELS__REGISTRY__TLS__ENABLED": "false"}, "TLS__KEY_FILE: has no effect while TLS is off"),
    (("list",), {"ANDON_MODELS__REGISTRY__TLS__CHECK_HOSTNAME": "false"}, "TLS__CHECK_HOSTNAME: Input should be True"),
    (("list",), {"ANDON_MODELS__REGISTRY__TIMEOUT": "0s"}, "TIMEOUT: Input should be greater than 0"),
    (("list",), {"ANDON_MODELS__REGISTRY__TOKEN": "nonsense"}, "the token does not count"),
    (("list",), {"ANDON_MODELS__UNSIGNED": "maybe"}, "ANDON_MODELS__UNSIGNED: Input should be 'refuse' or 'allow'"),
    (("list",), {"ANDON_SECRETS_DIR": "nowhere"}, "ANDON_SECRETS_DIR: 'nowhere' is no directory"),
    (("show", NAME, V1), {"ANDON_MODELS__TRUST": "no.yaml"}, "no.yaml"),
    (("show", NAME, "0" * 12), {}, "the registry has no version 000000000000 of pump"),
    (("list", "\0"), {}, "invalid byte sequence"),
    (("show", "", V1), {}, "must not be empty"),
    (("show", NAME, "\udcff"), {}, "is no text in UTF-8"),
    (("fetch", NAME, "0" * 12, "-o", "got"), {}, "there is no version 000000000000"),
    (("fetch", NAME, V1, "-o", "file"), {}, "file cannot be written to"),
    (("publish", "nowhere", "-k", "anna.key"), {}, "nowhere/manifest.json: cannot be read"),
    (("publish", "bundle", "-k", "no.key"), {}, "no.key cannot be read"),
    (("publish", "bundle", "-k", "anna.key", "--password-file", "no"), {}, "secret file no cannot be read"),
    (("publish", "bundle", "-k", "anna.key", "--certificate", "no"), {}, "no cannot be read"),
    (("request", NAME, V1), {}, "Missing option"),
    (("request", NAME, V1, "-r", " "), {}, "give a reason"),
    (("request", NAME, V1, "-r", "\x1b[2J"), {}, "write plain text"),
    (("request", NAME, "0" * 12, "-r", "why"), {}, "there is no version '000000000000' of 'pump'"),
    (("request", NAME, V1, "-r", "why", "--canary", "0"), {}, "Invalid value"),
    (("request", NAME, V1, "-r", "why", "--canary", "nan"), {}, "Invalid value"),
    (("request", NAME, V1, "-r", "why", "--canary", "33.33"), {}, "33.33 is no number with at most one decimal"),
    (("approve", "first", "-k", "anna.key", "-r", "why"), {}, "Invalid value"),
    (("approve", "7", "-k", "anna.key", "-r", "why"), {}, "there is no request 7"),
    (("approve", "9" * 30, "-k", "anna.key", "-r", "why"), {}, "Invalid value"),
    (("reject", "7", "-r", "why"), {}, "anna (author) may not Reject"),
    (("rollback", NAME, "-k", "anna.key", "-r", "why"), {}, "has no previous"),
    (("rollback", NAME, "-k", "anna.key", "-r", "why"), {"ANDON_MODELS__TRUST": ""}, "TRUST: is set to nothing"),
    (("shadow", "fan", V1, "-r", "why"), {}, "of 'fan'"),
    (("end", NAME, "shadow", "-r", "why"), {}, "'pump' has no shadow"),
    (("end", NAME, "production", "-r", "why"), {}, "only shadow and canary can"),
    (("token", "anna", "--issuer", "i", "-k", "anna.key", "--for", "ever"), {}, "--for: 'ever' is no duration"),
    (("token", "anna", "--issuer", "i", "-k", "anna.key", "--for", "0s"), {}, "--for: 0s is no time at all"),
    (("token", "anna", "--issuer", "i", "-k", "anna.key", "--for", "9999999d"), {}, "--for: "),
    (("token", "anna", "--issuer", "i", "-k", "file"), {}, "file holds no private key"),
    (("audit", "list", "--first", "0"), {}, "Invalid value"),
    (("audit", "verify", "--receipt", "7:abc"), {}, "'7:abc' is no receipt: it must be NUMBER:HASH"),
    (("audit", "verify", "--receipt", "7:" + "x" * 64), {}, "is no receipt"),
    (("audit", "verify", "--file", "no"), {}, "no cannot be read"),
    (("audit", "verify", "--file", "file"), {}, "file:1: "),
    (("audit", "export", "--output", "file"), {}, "file cannot be written: File exists; choose another name"),
]


async def test_whatever_is_wrong_is_said_in_words(
    database: DatabaseSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with registry(tmp_path, database) as site:
        await publish(site, FIRST, tmp_path)
        monkeypatch.chdir(tmp_path)
        (tmp_path / "file").write_text("no entry\n")
        (tmp_path / "anna.key").write_bytes(site.key("anna").read_bytes())
        saved(FIRST, tmp_path).rename(tmp_path / "bundle")
        for arguments, environment, words in WRONG:
            told = refused(await andon_registry(site, "anna", *arguments, **environment))
            assert words in re.sub(r"[\s│]+", " ", told), (arguments, told)


def test_without_a_registry_it_says_how_to_name_one() -> None:
    unset = CliRunner(env={"ANDON_MODELS__REGISTRY__ADDRESS": None}).invoke(app, ["registry", "list"])
    assert "set ANDON_MODELS__REGISTRY__ADDRESS" in refused(unset)
