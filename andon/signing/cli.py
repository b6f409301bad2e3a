"""`andon bundle`: make keys, sign model bundles in a folder, and see who signed them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from pydantic import SecretStr
from rich.console import Console

from andon.errors import BundleError
from andon.models import load_bundle
from andon.secrets import SecretRef
from andon.signing.claim import Role
from andon.signing.files import write_signature
from andon.signing.keygen import generate_key
from andon.signing.signer import Signer
from andon.signing.trust import Signature, Trust, check_four_eyes
from andon.signing.view import bundle_text, signatures_table

#: Exit code when a bundle is not signed as it must be.
_UNTRUSTED = 1

BundleFolder = Annotated[Path, typer.Argument(metavar="BUNDLE", help="The bundle's folder.")]
PasswordFile = Annotated[Path | None, typer.Option(metavar="FILE", help="File that holds the private key's password.")]

app = typer.Typer(no_args_is_help=True, rich_markup_mode="rich")


@app.callback()
def bundle() -> None:
    """Look at model bundles, sign them, and check who signed them. Nothing here needs a network."""


@app.command()
def keygen(
    name: Annotated[str, typer.Argument(help="Whose key it is, such as anna.schmidt; its files are named so.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="Folder for both files.")],
    role: Annotated[Role, typer.Option(help="As what it shall sign.")] = Role.AUTHOR,
    password_file: PasswordFile = None,
) -> None:
    """Make a key: NAME.key, which only you may read, and NAME.pub, which the trust file names.

    Shows what to add to the trust file, and the fingerprint that would revoke the key.
    """
    made = generate_key(name, output, _password(password_file))
    typer.echo(f"# fingerprint {made.fingerprint}\n{made.stanza(name, role)}", nl=False)


@app.command()
def sign(
    folder: BundleFolder,
    key: Annotated[Path, typer.Option(metavar="FILE", help="Your private key, PEM.")],
    role: Annotated[Role, typer.Option(help="As what you sign.")],
    password_file: PasswordFile = None,
    certificate: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="Your certificate, PEM; again for each between it and the root."),
    ] = None,
) -> None:
    """Check a bundle and sign it, into BUNDLE/signatures/ROLE.sig."""
    load_bundle(folder)
    signer = Signer.load(key, _password(password_file), tuple(certificate or ()))
    typer.echo(f"signed as {role} with key {signer.key}: {write_signature(folder, role, signer.sign(folder, role))}")


@app.command()
def verify(
    folder: BundleFolder,
    trust: Annotated[Path, typer.Option(metavar="FILE", help="The trust file: whose signatures count.")],
) -> None:
    """Check a bundle as it is before it is loaded, and show who signed it.

    The exit code is 1, with the reasons, unless the bundle is sound, and the signatures of its author and of another \
person as its approver count.
    """
    trusted, signatures, reasons = Trust.load(trust), list[Signature](), list[str]()
    for role in Role:
        with _noting(reasons):
            signatures.append(trusted.verify_kept(folder, role))
    if signatures:
        Console(highlight=False).print(signatures_table(signatures))
    with _noting(reasons):
        if len(signatures) == len(Role):
            check_four_eyes(*signatures)
        load_bundle(folder)
    for reason in reasons:
        typer.echo(reason, err=True)
    if reasons:
        raise typer.Exit(_UNTRUSTED)


@app.command()
def show(folder: BundleFolder) -> None:
    """Check a bundle and show what is known of its model: card, metrics, digests; not who signed it."""
    typer.echo(bundle_text(load_bundle(folder).manifest))


def _password(file: Path | None) -> SecretStr | None:
    return SecretRef(file=file).read() if file else None


@contextlib.contextmanager
def _noting(reasons: list[str]) -> Iterator[None]:
    """Note why a bundle is refused and go on, so that all reasons are shown at once."""
    try:
        yield
    except BundleError as error:
        reasons.append(str(error))
