"""Who calls: the name in a client certificate, or in a signed token, checked before any call is answered."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import grpc
import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from andon.errors import ConfigError
from andon.telemetry import Metrics, get_logger
from services.registry.access import Access, Role, TokenKey, may

_log = get_logger(__name__)

#: `aud` of every token, so that one for another system is of no use here.
AUDIENCE = "andon-registry"
#: By which tokens are signed (RFC 7518): ECDSA on P-256.
ALGORITHM = "ES256"
_SCHEME = "bearer "
#: Kubernetes and load balancers ask for health without an identity; it tells nothing of any model.
_OPEN = "/grpc.health.v1.Health/"
_CERTIFICATE_NAMES = ("x509_common_name", "x509_subject_alternative_name")


@dataclass(frozen=True, slots=True)
class Identity:
    """Somebody who is known, with their roles."""

    name: str
    roles: frozenset[Role]


_CALLER: ContextVar[Identity] = ContextVar("caller")


def caller() -> Identity:
    """Return who made the call that is being answered."""
    return _CALLER.get()


class UnknownCallerError(Exception):
    """Nobody knows who calls; the message says why."""


class Tokens:
    """Checks tokens (RFC 7519) by the public keys of the access file.

    Raises:
        ConfigError: a key file is missing or holds no public key on P-256.
    """

    def __init__(self, keys: Iterable[TokenKey]) -> None:
        self._keys = {key.name: _public_key(key) for key in keys}

    def subject(self, token: str) -> str:
        """Return whose token it is.

        Raises:
            UnknownCallerError: it is no token, not signed by a known key, expired, or for somebody else.
        """
        try:
            issuer = jwt.decode(token, options={"verify_signature": False}).get("iss")
            key = self._keys.get(str(issuer))
            if key is None:
                raise UnknownCallerError(f"tokens of issuer {issuer!r} do not count here")
            claims = jwt.decode(
                token, key, [ALGORITHM], audience=AUDIENCE, options={"require": ["exp", "sub", "iss", "aud"]}
            )
        except jwt.PyJWTError as error:
            raise UnknownCallerError(f"the token does not count: {error}") from None
        return str(claims["sub"])


def _public_key(key: TokenKey) -> EllipticCurvePublicKey:
    try:
        loaded = load_pem_public_key(key.file.read_bytes())
    except (OSError, ValueError, UnsupportedAlgorithm) as error:
        raise ConfigError(f"token key {key.name} ({key.file}) cannot be read: {error}") from None
    if not isinstance(loaded, EllipticCurvePublicKey):
        raise ConfigError(f"token key {key.name} ({key.file}) is not on an elliptic curve: make one with P-256")
    return loaded


def identify(
    access: Access, tokens: Tokens, metadata: Iterable[tuple[str, str | bytes]], certificate: Mapping[str, list[bytes]]
) -> Identity:
    """Return who calls. A token says more of a person than the certificate of their machine, so it is what counts.

    Args:
        access: who is known.
        tokens: checks tokens.
        metadata: of the call.
        certificate: properties of the peer, as gRPC gives them after it has verified its certificate.

    Raises:
        UnknownCallerError: no identity is given, or one that is not in the access file.
    """
    header = next((str(value) for name, value in metadata if name == "authorization"), "")
    if header:
        if not header.lower().startswith(_SCHEME):
            raise UnknownCallerError("`authorization` must be `Bearer TOKEN`")
        names = [tokens.subject(header[len(_SCHEME) :].strip())]
    else:
        names = [name.decode(errors="replace") for kind in _CERTIFICATE_NAMES for name in certificate.get(kind, ())]
    if not names:
        raise UnknownCallerError("no identity: send a client certificate, or a token as `authorization: Bearer ...`")
    for name in names:
        if roles := access.roles_of(name):
            return Identity(name, roles)
    raise UnknownCallerError(f"{', '.join(names)} is not in the registry's access file")


class Guard(grpc.aio.ServerInterceptor):  # type: ignore[misc]  # grpc.aio has no complete stubs
    """Lets a call through to its handler only when its caller is known and has a role for it."""

    def __init__(self, access: Access, metrics: Metrics) -> None:
        self._access, self._metrics = access, metrics
        self._tokens = Tokens(access.token_keys)

    async def intercept_service(
        self, continuation: Callable[[Any], Awaitable[Any]], details: grpc.HandlerCallDetails
    ) -> Any:
        """Return the call's handler, with the check in front of it."""
        handler = await continuation(details)
        if handler is None or details.method.startswith(_OPEN):
            return handler
        return _guarded(handler, self._check, details.method.rpartition("/")[2])

    async def _check(self, call: str, context: Any) -> None:
        try:
            identity = identify(self._access, self._tokens, context.invocation_metadata(), context.auth_context())
        except UnknownCallerError as error:
            await self._deny(call, context, grpc.StatusCode.UNAUTHENTICATED, str(error))
            return
        if not may(identity.roles, call):
            reason = f"{identity.name} ({', '.join(sorted(identity.roles))}) may not {call}"
            await self._deny(call, context, grpc.StatusCode.PERMISSION_DENIED, reason)
        _CALLER.set(identity)

    async def _deny(self, call: str, context: Any, code: grpc.StatusCode, reason: str) -> None:
        self._metrics.count("andon_registry_denied_total", call=call, code=code.name)
        _log.warning("denied", call=call, peer=context.peer(), reason=reason)
        await context.abort(code, reason)


def _guarded(handler: Any, check: Callable[[str, Any], Awaitable[None]], call: str) -> Any:
    """Return *handler* with *check* before its behaviour, whichever of request and response are streams."""
    codec = {
        "request_deserializer": handler.request_deserializer,
        "response_serializer": handler.response_serializer,
    }
    if handler.response_streaming:
        behaviour = handler.stream_stream if handler.request_streaming else handler.unary_stream

        async def streamed(request: Any, context: Any) -> Any:
            await check(call, context)
            async for response in behaviour(request, context):
                yield response

        make = (
            grpc.stream_stream_rpc_method_handler if handler.request_streaming else grpc.unary_stream_rpc_method_handler
        )
        return make(streamed, **codec)
    answer = handler.stream_unary if handler.request_streaming else handler.unary_unary

    async def single(request: Any, context: Any) -> Any:
        await check(call, context)
        return await answer(request, context)

    make = grpc.stream_unary_rpc_method_handler if handler.request_streaming else grpc.unary_unary_rpc_method_handler
    return make(single, **codec)
