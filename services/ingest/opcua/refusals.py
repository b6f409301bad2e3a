"""What the errors of connecting mean, in plain words."""

from __future__ import annotations

import socket

from asyncua.ua import uaerrors

from andon.errors import AndonError

_LET_IT_TRUST = "let it trust own/andon.der of the security folder"

#: Errors and what they mean; the first that fits counts, so those that include others stand behind these.
_MEANINGS: tuple[tuple[tuple[type[BaseException], ...], str], ...] = (
    ((AndonError,), "{error}"),
    (
        (
            uaerrors.BadUserAccessDenied,
            uaerrors.BadIdentityTokenRejected,
            uaerrors.BadIdentityTokenInvalid,
            uaerrors.BadUserSignatureInvalid,
        ),
        "the server refuses the login: check name and password, or certificate, and that the server knows the user",
    ),
    (
        (
            uaerrors.BadCertificateUntrusted,
            uaerrors.BadCertificateInvalid,
            uaerrors.BadCertificateTimeInvalid,
            uaerrors.BadCertificateUriInvalid,
            uaerrors.BadCertificateUseNotAllowed,
            uaerrors.BadCertificateRevoked,
            uaerrors.BadSecurityChecksFailed,
        ),
        f"the server refuses Andon's certificate ({{kind}}): {_LET_IT_TRUST}",
    ),
    ((uaerrors.BadTooManySessions,), "the server has no session left: close other clients, or raise its limit"),
    ((TimeoutError,), "no answer in time: check address and network, and that it is an OPC UA server"),
    ((socket.gaierror,), "there is no such host: check the name in the URL"),
    ((ConnectionRefusedError,), "no server there: {error} (check address, port and firewall, and that it runs)"),
    (
        (ConnectionError,),
        f"the server closed the connection; if it does so from the start, it may not know Andon: {_LET_IT_TRUST}",
    ),
    ((OSError,), "cannot be reached: {error} (check address, network and firewall)"),
    ((BaseException,), "{kind}: {error}"),
)


def explain(error: BaseException) -> str:
    """Return what went wrong while connecting to a server or reading its address space, and what to do."""
    meaning = next(text for kinds, text in _MEANINGS if isinstance(error, kinds))
    text = error.strerror if isinstance(error, OSError) and error.strerror else error
    return meaning.format(error=text, kind=type(error).__name__)
