"""A model registry for one machine: everybody's keys and certificates, the files that trust them, and the settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import yaml

from andon.registry.settings import RegistryClientSettings, RegistryTls
from andon.signing import Role, Signer, generate_key
from sandbox.authority import Authority

#: Name in the access file to roles. Whoever has a role that signs has a key of that name, too.
PEOPLE: Mapping[str, tuple[str, ...]] = {
    "anna": ("author",),
    "boris": ("approver",),
    "clara": ("viewer",),
    "inference": ("service",),
    "parity": ("monitor",),
    "drift": ("service",),
    "trainer": ("author",),
}
_SIGNERS = {"anna": Role.AUTHOR, "boris": Role.APPROVER, "trainer": Role.AUTHOR}
_HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class RegistrySite:
    """What a registry and its clients need.

    Attributes:
        folder: holds all files.
        port: of gRPC.
        host: what clients reach it by.
    """

    folder: Path
    port: int
    host: str = _HOST

    @property
    def trust(self) -> Path:
        """The trust file."""
        return self.folder / "trust.yaml"

    def server_environment(self) -> dict[str, str]:
        """Return what the registry service is given."""
        tls = self.folder / "tls"
        return {
            "ANDON_REGISTRY__HOST": _HOST,
            "ANDON_REGISTRY__PORT": str(self.port),
            "ANDON_REGISTRY__TLS__CERT_FILE": str(tls / "registry.pem"),
            "ANDON_REGISTRY__TLS__KEY_FILE": str(tls / "registry.key"),
            "ANDON_REGISTRY__TLS__CLIENT_CA_FILE": str(tls / "ca.pem"),
            "ANDON_REGISTRY__BLOBS": str(self.folder / "blobs"),
            "ANDON_REGISTRY__ACCESS": str(self.folder / "access.yaml"),
            "ANDON_REGISTRY__TRUST": str(self.trust),
        }

    def client_environment(self, name: str, cache: Path | None = None) -> dict[str, str]:
        """Return what a client is given to be *name*."""
        tls = self.folder / "tls"
        return {
            "ANDON_MODELS__REGISTRY__ADDRESS": f"{self.host}:{self.port}",
            "ANDON_MODELS__REGISTRY__TLS__CA_FILE": str(tls / "ca.pem"),
            "ANDON_MODELS__REGISTRY__TLS__CERT_FILE": str(tls / f"{name}.pem"),
            "ANDON_MODELS__REGISTRY__TLS__KEY_FILE": str(tls / f"{name}.key"),
            "ANDON_MODELS__TRUST": str(self.trust),
            "ANDON_MODELS__CACHE": str(cache or self.folder / "cache"),
        }

    def client(self, name: str) -> RegistryClientSettings:
        """Return settings that reach the registry as *name*."""
        tls = self.folder / "tls"
        return RegistryClientSettings(
            address=f"{self.host}:{self.port}",
            tls=RegistryTls(ca_file=tls / "ca.pem", cert_file=tls / f"{name}.pem", key_file=tls / f"{name}.key"),
        )

    def key(self, name: str) -> Path:
        """Return the private key that *name* signs with."""
        return self.folder / "keys" / f"{name}.key"

    def signer(self, name: str) -> Signer:
        """Return *name*, ready to sign."""
        return Signer.load(self.key(name))


def make_registry_site(
    folder: Path, port: int, host: str = _HOST, lifetime: timedelta = timedelta(hours=1)
) -> RegistrySite:
    """Make keys, certificates, access and trust file.

    Args:
        folder: must not exist yet.
        port: of gRPC.
        host: what clients reach the registry by: an IP address or a name.
        lifetime: of certificates.
    """
    folder.mkdir(parents=True)
    authority = Authority(folder / "tls", lifetime)
    for name in ("registry", *PEOPLE):
        authority.issue(name, address=host)
    keys = [
        {"name": name, "roles": [role.value], "public_key": generate_key(name, folder / "keys").public.read_text()}
        for name, role in _SIGNERS.items()
    ]
    identities = [{"name": name, "roles": list(roles)} for name, roles in PEOPLE.items()]
    (folder / "trust.yaml").write_text(yaml.safe_dump({"keys": keys}))
    (folder / "access.yaml").write_text(yaml.safe_dump({"identities": identities}))
    return RegistrySite(folder, port, host)
