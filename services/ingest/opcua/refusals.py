"""What the errors of connecting mean, in plain words."""

from __future__ import annotations

import socket

from asyncua.ua import uaerrors

from andon.errors import AndonError

_LOGIN = (
    uaerrors.BadUserAccessDenied,
    uaerrors.BadIdentityTokenRejected,
    uaerrors.BadIdentityTokenInvalid,
    uaerrors.BadUserSignatureInvalid,
)
_CERTIFICATE = (
    uaerrors.BadCertificateUntrusted,
    uaerrors.BadCertificateInvalid,
    uaerrors.BadCertificateTimeInvalid,
    uaerrors.BadCertificateUriInvalid,
    uaerrors.BadCertificateUseNotAllowed,
    uaerrors.BadCertificateRevoked,
    uaerrors.BadSecurityChecksFailed,
)
_LET_IT_TRUST = "let it trust own/andon.der of the security folder"


def explain(error: BaseException) -> str:
    """Return what went wrong while connecting to a server or reading its address space, and what to do."""
    if isinstance(error, AndonError):
        return str(error)
    if isinstance(error, _LOGIN):
        return (
            "the server refuses the login: check name and password, or certificate, and that the server knows the user"
        )
    if isinstance(error, _CERTIFICATE):
        return f"the server refuses Andon's certificate ({type(error).__name__}): {_LET_IT_TRUST}"
    if isinstance(error, uaerrors.BadTooManySessions):
        return "the server has no session left: close other clients, or raise its limit"
    if isinstance(error, TimeoutError):
        return "no answer in time: check address and network, and that it is an OPC UA server"
    if isinstance(error, socket.gaierror):
        return "there is no such host: check the name in the URL"
    if isinstance(error, ConnectionError) and not isinstance(error, ConnectionRefusedError):
        return f"the server closed the connection; if it does so from the start, it may not know Andon: {_LET_IT_TRUST}"
    if isinstance(error, OSError):
        return f"no server there: {error.strerror or error} (check address, port and firewall, and that it runs)"
    return f"{type(error).__name__}: {error}"
