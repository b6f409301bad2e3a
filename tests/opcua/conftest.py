"""Servers that several modules of tests read from; none of them changes anything at them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.opcua.authority import Identity, identity
from tests.opcua.nodesets import companion_nodesets
from tests.opcua.vendor import running_vendor

SECURED = [
    (policy, mode)
    for policy in ("Basic256Sha256", "Aes128Sha256RsaOaep", "Aes256Sha256RsaPss")
    for mode in ("Sign", "SignAndEncrypt")
]


@pytest.fixture(scope="session")
def vendor_identity() -> Identity:
    """The certificate of `secured_vendor`."""
    return identity("Vendor")


@pytest.fixture(scope="session")
def secured_vendor(vendor_identity: Identity, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of a server with every security policy, and without any."""
    file, key = vendor_identity.write(tmp_path_factory.mktemp("vendor"), "server")
    policies = ["NoSecurity", *(f"{policy}_{mode}" for policy, mode in SECURED)]
    with running_vendor("--policies", *policies, "--certificate", file, "--key", key) as url:
        yield url


@pytest.fixture(scope="session")
def vendor() -> Iterator[str]:
    """URL of a server without any security."""
    with running_vendor() as url:
        yield url


@pytest.fixture(scope="session")
def companion() -> Iterator[str]:
    """URL of a server with the companion specifications and their examples."""
    with running_vendor("--nodesets", *companion_nodesets()) as url:
        yield url
