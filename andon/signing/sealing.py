"""The one place that calls `model-signing`: a claim's text -> a Sigstore bundle, and back to whether it holds.

The library reads and writes files only, so each call works in a folder of its own for a moment. Only local keys and
certificates are used: no Sigstore, no transparency log, no network. It takes a third of a second and 20 MB to import,
so it is imported with the first signature, not with this module.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

from andon.errors import AndonError, SignatureError, SigningError
from andon.signing.document import SigstoreBundle

if TYPE_CHECKING:
    from model_signing import verifying

#: What the library raises for signatures that do not hold, of its own and of what it calls; they share no base class.
_REFUSALS = (InvalidSignature, UnsupportedAlgorithm, AttributeError, LookupError, TypeError, ValueError)
_CLAIM, _BUNDLE, _TRUSTED = "claim.json", "claim.sigstore.json", "trusted.pem"


def seal(claim: str, key: Path, password: bytes | None) -> SigstoreBundle:
    """Sign a claim.

    Args:
        claim: its text.
        key: file of the private key, PEM.
        password: of the key, if it is encrypted.

    Raises:
        SigningError: the key cannot sign, or there is no folder for temporary files.
    """
    from model_signing import signing

    with _folder_with({_CLAIM: claim.encode()}, SigningError) as folder:
        # The library's annotation says text, but what it calls takes a password as bytes.
        config = signing.Config().use_elliptic_key_signer(private_key=key, password=password)
        config.sign(folder / _CLAIM, folder / _BUNDLE)
        return SigstoreBundle.model_validate_json((folder / _BUNDLE).read_bytes())


def check_by_key(claim: str, bundle: SigstoreBundle, key: bytes) -> None:
    """Check that a claim is signed with the private half of a public key (PEM).

    Raises:
        SignatureError: it is not, or there is no folder for temporary files.
    """
    from model_signing import verifying

    with _folder_with(_signed(claim, bundle, key), SignatureError) as folder:
        _check(verifying.Config().use_elliptic_key_verifier(public_key=folder / _TRUSTED), folder)


def check_by_chain(claim: str, bundle: SigstoreBundle, roots: bytes) -> None:
    """Check that a claim is signed with the certificate in *bundle*, issued below *roots* (PEM), for signing.

    The library checks the chain as of the day that the signer's certificate began; see `andon.signing.chain` for today.

    Raises:
        SignatureError: it is not, or there is no folder for temporary files.
    """
    from model_signing import verifying
    from OpenSSL.crypto import Error, X509StoreContextError

    with _folder_with(_signed(claim, bundle, roots), SignatureError) as folder:
        try:
            _check(verifying.Config().use_certificate_verifier(certificate_chain=[folder / _TRUSTED]), folder)
        except (X509StoreContextError, Error) as error:
            raise SignatureError(f"the signer's certificate does not hold: {error}; ask for a new one") from None


def _check(config: verifying.Config, folder: Path) -> None:
    from model_signing import hashing

    # Named, or the library would take the signer's word for how to hash.
    config.set_hashing_config(hashing.Config().use_file_serialization())
    try:
        config.verify(folder / _CLAIM, folder / _BUNDLE)
    except _REFUSALS as error:
        raise SignatureError(f"does not hold: {str(error) or type(error).__name__}; sign again") from None


def _signed(claim: str, bundle: SigstoreBundle, trusted: bytes) -> dict[str, bytes]:
    return {_CLAIM: claim.encode(), _BUNDLE: bundle.text.encode(), _TRUSTED: trusted}


@contextlib.contextmanager
def _folder_with(files: Mapping[str, bytes], refuse: type[AndonError]) -> Iterator[Path]:
    """Make a folder with files for as long as the library needs it."""
    try:
        with tempfile.TemporaryDirectory(prefix="andon-signing-") as name:
            for file, content in files.items():
                (Path(name) / file).write_bytes(content)
            yield Path(name)
    except OSError as error:
        raise refuse(f"no temporary files can be written: {error}; set TMPDIR to a folder with some room") from None
