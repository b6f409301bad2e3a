"""`andon registry`: publish, promote, roll back and audit models."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, TypeVar

import jwt
import typer
from rich.console import Console
from rich.table import Table

from andon.clock import isoformat, wall_clock
from andon.errors import ConfigError
from andon.registry.acts import approve_request, publish_bundle, roll_back
from andon.registry.alias import alias_name, alias_value
from andon.registry.cache import BundleCache
from andon.registry.client import RegistryClient, connected
from andon.registry.settings import ModelSettings
from andon.registry.v1 import registry_pb2 as pb
from andon.settings import Settings, read_settings
from andon.signing import Signer, Trust
from andon.telemetry import configure_logs
from andon.units import parse_duration
from andon.registry.audit import Entry, Receipt, findings
from services.registry.identity import AUDIENCE

#: Exit code of an audit log that is not what it was.
_BROKEN = 1
_ALGORITHM = "ES256"
_Result = TypeVar("_Result")

app = typer.Typer(no_args_is_help=True, rich_markup_mode="rich")
audit = typer.Typer(no_args_is_help=True, help="Who did what, when and why.")
app.add_typer(audit, name="audit")

Reason = Annotated[str, typer.Option("--reason", "-r", help="Why; an auditor will read it.")]
Key = Annotated[Path, typer.Option("--key", "-k", help="Your private key (PEM); see `andon bundle keygen`.")]
Name = Annotated[str, typer.Argument(help="The model.")]
Version = Annotated[str, typer.Argument(help="Its version.")]
_console = Console(highlight=False, soft_wrap=True)


class ClientSettings(Settings):
    """Settings of the registry's clients, such as ``ANDON_MODELS__REGISTRY__ADDRESS=registry:8443``."""

    models: ModelSettings = ModelSettings()


@app.callback()
def registry() -> None:
    """Publish models, let them act, and show who did so. ANDON_MODELS__REGISTRY__* says where and who you are."""
    configure_logs("registry", level="error", form="console")


@app.command()
def publish(
    bundle: Annotated[Path, typer.Argument(help="Folder of the bundle.")],
    key: Key,
    reason: Reason = "",
) -> None:
    """Sign a bundle as its author and publish it; it becomes the candidate."""
    signer = Signer.load(key)
    response = _with(lambda client: publish_bundle(client, bundle, signer, reason))
    model = response.model
    word = "published" if response.is_new else "was published before:"
    _say(f"{word} {model.name} {model.version} by {model.author} ({_verdict(model)})", response.receipt)


@app.command("list")
def list_models(name: Annotated[str, typer.Argument(help="The model; all when not given.")] = "") -> None:
    """Show versions, what they are used for, and what waits for a decision."""
    found = _with(lambda client: client.list(name))
    roles: dict[tuple[str, str], list[str]] = {}
    for each in found.assignments:
        share = f" {each.share_permille / 10:g} %" if each.alias == pb.ALIAS_CANARY else ""
        roles.setdefault((each.model.name, each.model.version), []).append(alias_name(each.alias) + share)
    table = Table("model", "version", "used as", "verdict", "author", "published")
    for model in found.models:
        used = ", ".join(roles.get((model.name, model.version), ()))
        table.add_row(model.name, model.version, used, _verdict(model), model.author, isoformat(model.published))
    _console.print(table)
    _show_requests([promotion for promotion in found.promotions if promotion.state == "pending"])


@app.command()
def request(
    name: Name,
    version: Version,
    reason: Reason,
    canary: Annotated[float | None, typer.Option(min=0.1, max=99.9, help="Only on so many percent of assets.")] = None,
) -> None:
    """Ask for a version to act: in production, or as canary. Somebody else must approve it."""
    alias, share = (pb.ALIAS_PRODUCTION, 1_000) if canary is None else (pb.ALIAS_CANARY, round(canary * 10))
    response = _with(lambda client: client.request_promotion(name, version, alias, share, reason))
    asked = response.promotion
    _say(f"request {asked.id}: {name} {version} as {alias_name(asked.alias)}, waits for an approver", response.receipt)


@app.command()
def approve(number: Annotated[int, typer.Argument(help="The request.")], key: Key, reason: Reason) -> None:
    """Check what a request wants to let act, sign it as approver, and let it through."""
    signer, trust = Signer.load(key), _trust()
    response = _with(lambda client: approve_request(client, number, signer, trust, reason, wall_clock))
    _say(_acts(response.assignment), response.receipt)


@app.command()
def reject(number: Annotated[int, typer.Argument(help="The request.")], reason: Reason) -> None:
    """Turn a request down."""
    response = _with(lambda client: client.reject(number, reason))
    _say(f"request {number} is rejected", response.receipt)


@app.command()
def rollback(name: Name, key: Key, reason: Reason) -> None:
    """Let the previous version act again, at once; one approver is enough."""
    signer, trust = Signer.load(key), _trust()
    response = _with(lambda client: roll_back(client, name, signer, trust, reason, wall_clock))
    _say(_acts(response.assignment), response.receipt)


@app.command()
def shadow(name: Name, version: Version, reason: Reason) -> None:
    """Let a version score beside production, without acting."""
    response = _with(lambda client: client.assign(name, pb.ALIAS_SHADOW, version, reason))
    _say(f"{name} {version} is the shadow", response.receipt)


@app.command()
def end(name: Name, alias: Annotated[str, typer.Argument(help="shadow or canary.")], reason: Reason) -> None:
    """End a shadow or a canary."""
    if alias not in ("shadow", "canary"):
        raise ConfigError(f"{alias!r} cannot be ended: only shadow and canary can")
    response = _with(lambda client: client.assign(name, alias_value(alias), "", reason))
    _say(f"{name} has no {alias} any more", response.receipt)


@app.command()
def fetch(
    name: Name,
    version: Version,
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder to fetch into.")],
) -> None:
    """Fetch a bundle, to look at it."""

    async def bring(client: RegistryClient) -> Path:
        models = (await client.list(name, version)).models
        if not models:
            raise ConfigError(f"there is no version {version} of {name}: see `andon registry list`")
        return await BundleCache(output).bring(models[0], client)

    _console.print(f"fetched to {_with(bring)}", markup=False)


@app.command()
def token(
    subject: Annotated[str, typer.Argument(help="Whose token: a name in the access file.")],
    issuer: Annotated[str, typer.Option(help="Name of the signing key in the access file.")],
    key: Key,
    lasts: Annotated[str, typer.Option("--for", help="How long it counts, such as 8h.")] = "8h",
) -> None:
    """Sign a token, for somebody without a client certificate."""
    expires = datetime.now(UTC) + timedelta(microseconds=parse_duration(lasts))
    claims = {"sub": subject, "iss": issuer, "aud": AUDIENCE, "exp": expires}
    try:
        typer.echo(jwt.encode(claims, key.read_bytes(), algorithm=_ALGORITHM))
    except (OSError, jwt.PyJWTError, ValueError, TypeError) as error:
        raise ConfigError(f"{key} cannot sign tokens: {error} (it must be a P-256 key without password)") from None


@audit.command("list")
def list_entries(first: Annotated[int, typer.Option(min=1, help="Entry to begin with.")] = 1) -> None:
    """Show the audit log."""
    table = Table("entry", "when", "who", "did", "model", "version", "details")
    for entry in _with(lambda client: _entries(client, first)):
        row = (str(entry.number), isoformat(entry.at), entry.actor, entry.action, entry.name, entry.version)
        table.add_row(*row, entry.details)
    _console.print(table)


@audit.command()
def verify(
    receipt: Annotated[
        list[str] | None, typer.Option(help="NUMBER:HASH that a change printed; may be given again and again.")
    ] = None,
) -> None:
    """Check the whole audit log: edited, removed or reordered entries, and receipts that it does not bear out.

    The exit code is 1 when it is not sound. Receipts kept outside the registry prove that its end was not cut off.
    """
    try:
        receipts = [Receipt.parse(text) for text in receipt or ()]
    except ValueError as error:
        raise ConfigError(str(error)) from None
    entries = _with(lambda client: _entries(client, 1))
    wrong = list(findings(entries, receipts))
    for finding in wrong:
        _console.print(finding, style="red", markup=False)
    if wrong:
        raise typer.Exit(_BROKEN)
    last = f", the last is {Receipt(entries[-1].number, entries[-1].hash)}" if entries else ""
    _console.print(f"sound: {len(entries)} entries{last}")


async def _entries(client: RegistryClient, first: int) -> list[Entry]:
    fields = Entry.__dataclass_fields__
    return [Entry(**{name: getattr(entry, name) for name in fields}) async for entry in client.audit(first)]


def _with(act: Callable[[RegistryClient], Awaitable[_Result]]) -> _Result:
    async def run() -> _Result:
        async with connected(read_settings(ClientSettings).models.registry) as client:
            return await act(client)

    return asyncio.run(run())


def _trust() -> Trust:
    path = read_settings(ClientSettings).models.trust
    if path is None:
        raise ConfigError("ANDON_MODELS__TRUST is not set: name the file that says whose signatures count")
    return Trust.load(path)


def _verdict(model: pb.ModelVersion) -> str:
    return "go" if model.go else "no go"


def _acts(assignment: pb.Assignment) -> str:
    model, share = assignment.model, assignment.share_permille / 10
    return f"{model.name} {model.version} acts as {alias_name(assignment.alias)} on {share:g} % of the assets"


def _show_requests(pending: list[pb.Promotion]) -> None:
    for each in pending:
        wish = f"{each.name} {each.version} as {alias_name(each.alias)}"
        _console.print(f"request {each.id} of {each.requester}: {wish}: {each.reason}", markup=False)


def _say(what: str, receipt: pb.Receipt) -> None:
    _console.print(what, markup=False)
    _console.print(f"receipt {Receipt(receipt.number, receipt.hash)}", style="dim")
