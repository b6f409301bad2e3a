"""Secures a client's connection: policy, certificates and login, before it connects."""

from __future__ import annotations

import asyncio
import dataclasses
import socket
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from asyncua import Client, ua
from asyncua.crypto import security_policies
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from andon.clock import SECOND, Clock, wall_clock
from andon.errors import ConfigError
from andon.telemetry import Metrics, get_logger
from services.ingest.opcua.bounds import bound_decoder
from services.ingest.opcua.certificates import (
    OwnCertificate,
    application_uri,
    fingerprint,
    load_pair,
    own_certificate,
    store,
)
from services.ingest.opcua.security_config import Policy, Security, Trust
from services.ingest.opcua.trust import split_chain, why_untrusted

_POLICIES: dict[Policy, type[security_policies.SecurityPolicy]] = {
    Policy.BASIC256_SHA256: security_policies.SecurityPolicyBasic256Sha256,
    Policy.AES128_SHA256_RSA_OAEP: security_policies.SecurityPolicyAes128Sha256RsaOaep,
    Policy.AES256_SHA256_RSA_PSS: security_policies.SecurityPolicyAes256Sha256RsaPss,
}
_NAMES = {policy.URI: name.value for name, policy in _POLICIES.items()} | {
    security_policies.SecurityPolicyNone.URI: Policy.NONE.value
}
_ENCRYPTING = tuple(policy.URI for policy in _POLICIES.values())
#: The last weeks of the application certificate, in which every connect says so.
_SOON = timedelta(days=30)
_NOT_SECURED = "policy None: anybody on the way can read and change everything, and nobody proves who they are"

_log = get_logger(__name__)
bound_decoder()  # before any client of this process decodes anything


class SecurityError(ConfigError):
    """The connection would be less secure than it must be, so it is not made.

    A later attempt can succeed, when somebody has changed the server or the trusted certificates.
    """


class SecureClient(Client):
    """asyncua's client, but it sends no password that others on the way, or an unknown server, could read."""

    security = Security(policy=Policy.NONE)

    def server_policy(self, token_type: ua.UserTokenType) -> ua.UserTokenPolicy:
        """Return how to log in: for a password the way that encrypts it, if the server offers one.

        Raises:
            SecurityError: the server takes no such login, the password would be sent in clear, or it would be
                encrypted for a server that is not trusted.
        """
        offered = [each for each in self._policy_ids if each.TokenType == token_type]
        if self._policy_ids and not offered:
            taken = ", ".join(sorted({ua.UserTokenType(each.TokenType).name for each in self._policy_ids}))
            raise SecurityError(f"the server takes no {token_type.name} login, but {taken} (set another login)")
        if token_type != ua.UserTokenType.UserName:
            return super().server_policy(token_type)
        encrypting = [each for each in offered if (each.SecurityPolicyUri or self.security_policy.URI) in _ENCRYPTING]
        if encrypting:
            if self.security_policy.Mode == ua.MessageSecurityMode.None_:
                check_server(self.security_policy.peer_certificate or b"", self.security, str(self.server_url.hostname))
            uri = ua.String(encrypting[0].SecurityPolicyUri or self.security_policy.URI)
            return dataclasses.replace(encrypting[0], SecurityPolicyUri=uri)
        in_clear = self.security.user is not None and self.security.user.in_clear
        if self.security_policy.Mode != ua.MessageSecurityMode.SignAndEncrypt and not in_clear:
            raise SecurityError(
                "the password would be sent in clear, so it is not sent: choose a `policy` with mode SignAndEncrypt, "
                "or set `in_clear: true` at `user` if everybody on the way may read it"
            )
        return super().server_policy(token_type)


async def secure(
    client: SecureClient, config: Security, *, source: str, metrics: Metrics, clock: Clock = wall_clock
) -> None:
    """Make a client secure as configured; it then only has to `connect`.

    Args:
        client: is not connected yet.
        config: what is wanted.
        source: the source's name, for the metric of the certificate's expiry and for logs.
        metrics: takes ``andon_source_certificate_expiry_seconds``.
        clock: the time.

    Raises:
        SecurityError: the server does not offer the policy, or its certificate is not trusted.
        ConfigError: certificates, keys or passwords cannot be used.
        OSError, UaError: the server cannot be asked.
    """
    client.security, client.name, client.description = config, "Andon", f"Andon {source}"
    client.application_uri = config.application_uri or application_uri(socket.gethostname())
    _set_login(client, config)
    if config.policy is Policy.NONE:
        _log.warning("opcua_not_secured", source=source, url=str(client.server_url.geturl()), reason=_NOT_SECURED)
        return
    now = datetime.fromtimestamp(clock() / SECOND, tz=UTC)
    own = await asyncio.to_thread(
        own_certificate, config.folder / "own", config.application_uri, socket.gethostname(), now
    )
    _tell_expiry(own, now, source, metrics)
    policy, mode = _POLICIES[config.policy], ua.MessageSecurityMode[config.mode]
    offered = await client.connect_and_get_server_endpoints()
    content = _server_certificate(offered, policy.URI, mode)
    certificate = check_server(content, config, str(client.server_url.hostname), now)
    client.application_uri = own.uri
    await client.set_security(
        policy, own.file, own.key_file, server_certificate=certificate.public_bytes(Encoding.DER), mode=mode
    )


def check_server(content: bytes, config: Security, host: str, now: datetime | None = None) -> x509.Certificate:
    """Return the server's certificate of an endpoint if it is trusted; keep it in `rejected` if it is not.

    Raises:
        SecurityError: it is not trusted; says why, and what to do.
        ConfigError: a file in `trusted` cannot be used.
    """
    try:
        chain = split_chain(content)
    except ValueError as error:
        raise SecurityError(f"the server's certificate cannot be read: {error}") from None
    if not chain:
        raise SecurityError("the server has no certificate, so it cannot prove who it is")
    if config.trust is Trust.ANY:
        return chain[0]
    trusted = config.folder / "trusted"
    reason = why_untrusted(chain, trusted, host, now or datetime.now(UTC))
    if reason is None:
        return chain[0]
    file = store(chain[0], config.folder / "rejected")
    raise SecurityError(
        f"the server's certificate ({chain[0].subject.rfc4514_string()}) {reason}; it was written to {file}: "
        f"if its SHA-256 {fingerprint(chain[0])} is what the server shows, move it to {trusted}"
    )


def _server_certificate(offered: Sequence[ua.EndpointDescription], uri: str, mode: ua.MessageSecurityMode) -> bytes:
    for endpoint in offered:
        if (endpoint.SecurityPolicyUri, endpoint.SecurityMode) == (uri, mode):
            return endpoint.ServerCertificate or b""
    known = {
        f"{_NAMES.get(str(each.SecurityPolicyUri), each.SecurityPolicyUri)} "
        f"{ua.MessageSecurityMode(each.SecurityMode).name.rstrip('_')}"
        for each in offered
    }
    raise SecurityError(
        f"the server does not offer {_NAMES[uri]} with {mode.name}, but: {', '.join(sorted(known)) or 'nothing'} "
        "(set `policy` and `mode` to one of these, or have the server configured)"
    )


def _set_login(client: SecureClient, config: Security) -> None:
    if config.user:
        client.set_user(config.user.name)
        client.set_password(config.user.password.read().get_secret_value())
    if config.user_certificate:
        login = config.user_certificate
        password = login.key_password.read().get_secret_value() if login.key_password else None
        client.user_certificate, client.user_private_key = load_pair(login.cert_file, login.key_file, password)


def _tell_expiry(own: OwnCertificate, now: datetime, source: str, metrics: Metrics) -> None:
    metrics.set("andon_source_certificate_expiry_seconds", own.expires.timestamp(), source=source)
    if own.expires - now < _SOON:
        _log.warning(
            "application_certificate_expires", source=source, file=str(own.file), expires=own.expires.isoformat()
        )
