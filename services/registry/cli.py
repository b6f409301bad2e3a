"""`andon registry`: publish, promote and roll back models, and see what is known of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import jwt
import typer
from cryptography.hazmat.primitives.asymmetric import ec
from rich.text import Text

from andon.clock import wall_clock
from andon.errors import ConfigError
from andon.models.bundle import read_bundle
from andon.registry.acts import approve_request, publish_bundle, roll_back, version_of
from andon.registry.alias import alias_name, alias_value
from andon.registry.cache import BundleCache
from andon.registry.client import RegistryClient
from andon.registry.dossier import open_dossier
from andon.registry.v1 import registry_pb2 as pb
from andon.registry.wording import parity_in_words, share_in_words
from andon.signing.keys import read_private_key
from andon.signing.options import Certificates, KeyFile, PasswordFile, load_signer, read_password
from andon.telemetry import configure_logs
from andon.terminal import terminal
from andon.units import parse_duration
from services.registry import audit_cli
from services.registry.identity import ALGORITHM, AUDIENCE
from services.registry.session import LARGEST, AnyName, Name, Reason, Version, asked, say, trust, trust_if_named
from services.registry.view import dossier_view, models_view, verdict

app = typer.Typer(no_args_is_help=True, rich_markup_mode="rich")
app.add_typer(audit_cli.app, name="audit")

Number = Annotated[int, typer.Argument(min=1, max=LARGEST, help="The request.")]


def _tenths(percent: float | None) -> float | None:
    """Refuse a share that is finer than the registry keeps it, or no number."""
    if percent is not None and percent != round(percent, 1):
        raise typer.BadParameter(f"{percent} is no number with at most one decimal, such as 2.5")
    return percent


@app.callback()
def registry() -> None:
    """Publish models, let them act, and show who did so. ANDON_MODELS__REGISTRY__* says where and who you are."""
    configure_logs("registry", level="error", form="console")


@app.command()
def publish(
    bundle: Annotated[Path, typer.Argument(help="Folder of the bundle.")],
    key: KeyFile,
    reason: Reason = "",
    password_file: PasswordFile = None,
    certificates: Certificates = None,
) -> None:
    """Sign a bundle as its author and publish it; it becomes the candidate."""
    signer = load_signer(key, password_file, certificates)
    response = asked(lambda client: publish_bundle(client, bundle, signer, reason))
    model = response.model
    word = "published" if response.is_new else "was published before:"
    say(f"{word} {model.name} {model.version} by {model.author} ({verdict(model)})", response.receipt)


@app.command("list")
def list_models(name: AnyName = "") -> None:
    """Show versions, what they are used for, and what waits for a decision."""
    terminal().print(models_view(asked(lambda client: client.list(name))))


@app.command()
def show(name: Name, version: Version) -> None:
    """Show all that is known of a version: card, metrics, verdict, whose signatures count here, uses, requests."""
    trusted = trust_if_named()
    terminal().print(dossier_view(asked(lambda client: open_dossier(client, name, version, trusted))))


@app.command()
def request(
    name: Name,
    version: Version,
    reason: Reason,
    canary: Annotated[
        float | None,
        typer.Option(min=0.1, max=99.9, help="Only on so many percent of assets, such as 2.5.", callback=_tenths),
    ] = None,
) -> None:
    """Ask for a version to act: in production, or as canary. Somebody else must approve it."""
    alias, share = (pb.ALIAS_PRODUCTION, 1_000) if canary is None else (pb.ALIAS_CANARY, round(canary * 10))
    response = asked(lambda client: client.request_promotion(name, version, alias, share, reason))
    wish = f"{name} {version} as {alias_name(alias)} on {share_in_words(share)}"
    say(
        f"request {response.promotion.id}: {wish}, waits for an approver; {parity_in_words(response.parity)}",
        response.receipt,
    )


@app.command()
def approve(
    number: Number, key: KeyFile, reason: Reason, password_file: PasswordFile = None, certificates: Certificates = None
) -> None:
    """Check what a request wants to let act, sign it as approver, and let it through."""
    signer, trusted = load_signer(key, password_file, certificates), trust()
    response = asked(lambda client: approve_request(client, number, signer, trusted, reason, wall_clock))
    say(f"{_acts(response.assignment)}; {parity_in_words(response.parity)}", response.receipt)


@app.command()
def reject(number: Number, reason: Reason) -> None:
    """Turn a request down."""
    response = asked(lambda client: client.reject(number, reason))
    say(f"request {number} is rejected", response.receipt)


@app.command()
def rollback(
    name: Name, key: KeyFile, reason: Reason, password_file: PasswordFile = None, certificates: Certificates = None
) -> None:
    """Let the previous version act again, at once; one approver is enough."""
    signer, trusted = load_signer(key, password_file, certificates), trust()
    response = asked(lambda client: roll_back(client, name, signer, trusted, reason, wall_clock))
    say(_acts(response.assignment), response.receipt)


@app.command()
def shadow(name: Name, version: Version, reason: Reason) -> None:
    """Let a version score beside production, without acting."""
    response = asked(lambda client: client.assign(name, pb.ALIAS_SHADOW, version, reason))
    say(f"{name} {version} is the shadow", response.receipt)


@app.command()
def end(name: Name, alias: Annotated[str, typer.Argument(help="shadow or canary.")], reason: Reason) -> None:
    """End a shadow or a canary."""
    if alias not in ("shadow", "canary"):
        raise ConfigError(f"{alias!r} cannot be ended: only shadow and canary can")
    response = asked(lambda client: client.assign(name, alias_value(alias), "", reason))
    say(f"{name} has no {alias} any more", response.receipt)


@app.command()
def fetch(
    name: Name,
    version: Version,
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder to fetch into.")],
) -> None:
    """Fetch a bundle, to look at it."""

    async def bring(client: RegistryClient) -> Path:
        return await BundleCache(output).bring(await version_of(client, name, version), client)

    try:
        fetched = asked(bring)
    except OSError as error:
        raise ConfigError(f"{output} cannot be written to: {error.strerror}") from None
    read_bundle(fetched)  # which may be one that was fetched before, and damaged since
    terminal().print(Text(f"fetched to {fetched}"), soft_wrap=True)


@app.command()
def token(
    subject: Annotated[str, typer.Argument(help="Whose token: a name in the access file.")],
    issuer: Annotated[str, typer.Option(help="Name of the signing key in the access file.")],
    key: KeyFile,
    lasts: Annotated[str, typer.Option("--for", help="How long it counts, such as 8h.")] = "8h",
    password_file: PasswordFile = None,
) -> None:
    """Sign a token, for somebody without a client certificate."""
    claims = {"sub": subject, "iss": issuer, "aud": AUDIENCE, "exp": _expiry(lasts)}
    password = read_password(password_file)
    typer.echo(jwt.encode(claims, _token_key(key, password.get_secret_value() if password else None), ALGORITHM))


def _expiry(lasts: str) -> datetime:
    try:
        if (length := parse_duration(lasts)) > 0:
            return datetime.now(UTC) + timedelta(microseconds=length)
    except (ValueError, OverflowError) as error:
        raise ConfigError(f"--for: {error}") from None
    raise ConfigError(f"--for: {lasts} is no time at all")


def _token_key(file: Path, password: str | None) -> ec.EllipticCurvePrivateKey:
    try:
        key = read_private_key(file.read_bytes(), password.encode() if password else None)
    except OSError as error:
        raise ConfigError(f"{file} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise ConfigError(f"{file} {error}") from None
    if not isinstance(key.curve, ec.SECP256R1):
        raise ConfigError(f"{file} is on {key.curve.name}: tokens are signed with a key on P-256")
    return key


def _acts(assignment: pb.Assignment) -> str:
    model, where = assignment.model, share_in_words(assignment.share_permille)
    return f"{model.name} {model.version} acts as {alias_name(assignment.alias)} on {where}"
