"""`andon bundle`: make keys, sign model bundles in a folder, and see who signed them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from andon.errors import BundleError
from andon.models import load_bundle
from andon.signing.claim import Role
from andon.signing.files import write_signature
from andon.signing.keygen import generate_key
from andon.signing.options import Certificates, KeyFile, PasswordFile, load_signer, read_password
from andon.signing.trust import Signature, Trust, check_four_eyes
from andon.signing.view import bundle_facts, facts_view, signatures_table
from andon.terminal import terminal

#: Exit code when a bundle is not signed as it must be.
_UNTRUSTED = 1

BundleFolder = Annotated[Path, typer.Argument(metavar="BUNDLE", help="The bundle's folder.")]

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
    made = generate_key(name, output, read_password(password_file))
    typer.echo(f"# fingerprint {made.fingerprint}\n{made.stanza(name, role)}", nl=False)


@app.command()
def sign(
    folder: BundleFolder,
    key: KeyFile,
    role: Annotated[Role, typer.Option(help="As what you sign.")],
    password_file: PasswordFile = None,
    certificates: Certificates = None,
) -> None:
    """Check a bundle and sign it, into BUNDLE/signatures/ROLE.sig."""
    load_bundle(folder)
    signer = load_signer(key, password_file, certificates)
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
        terminal().print(signatures_table(signatures))
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
    """Check a bundle and show what is known of its model: card, metrics, verdict, digests; not who signed it."""
    terminal().print(facts_view(bundle_facts(load_bundle(folder).manifest)))


@contextlib.contextmanager
def _noting(reasons: list[str]) -> Iterator[None]:
    """Note why a bundle is refused and go on, so that all reasons are shown at once."""
    try:
        yield
    except BundleError as error:
        reasons.append(str(error))
