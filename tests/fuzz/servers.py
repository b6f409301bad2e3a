"""A real server over loopback: the alerts' HTTP API. A path, a header and a body, each in a line."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import Iterator
from typing import Any

from andon.stream.topics import ensure_topics
from andon.telemetry import Metrics
from andon.uns import Stage
from tests.alert.alerting import alert, api, send
from tests.fuzz.elsewhere import PATIENCE_S, elsewhere
from tests.fuzz.plant import ASSET, PLANT
from tests.fuzz.target import Backends, Parse, Target

_OPENED = 1_767_225_600_000_000
_ALERT = f"{ASSET}@{_OPENED}:alert"


@contextlib.contextmanager
def _alerts(backends: Backends) -> Iterator[Parse]:
    assert backends.kafka is not None
    fields: dict[str, Any] = {
        "id": f"{_ALERT}:open",
        "asset": ASSET,
        "alert": _ALERT,
        "opened": _OPENED,
        "since": _OPENED,
    }
    asyncio.run(ensure_topics(backends.kafka, PLANT))
    asyncio.run(send(backends.kafka, PLANT, Stage.ALERT, [alert(**fields | {"time": _OPENED})]))
    with elsewhere(api(backends.kafka, PLANT, Metrics("alert"), token="secret")) as port:
        yield lambda data: _check_answer(_asked(port, _request(data)))


def _asked(port: int, request: bytes) -> bytes:
    """Return all that comes back for a request."""
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as connection:
        connection.sendall(request)
        parts = []
        while part := connection.recv(65_536):
            parts.append(part)
    return b"".join(parts)


def _check_answer(answer: bytes) -> None:
    """Check an answer: it is no failure of the server's, and a refusal by the API says why."""
    head, _, body = answer.partition(b"\r\n\r\n")
    status = int(head.split(b" ", 2)[1])
    assert status < 500, answer
    if b"application/json" in head and status >= 400:
        assert json.loads(body.split(b"HTTP/1.", 1)[0])["reason"]
    elif status >= 400:
        assert body


def _sound() -> list[bytes]:
    verdict = {"alert": _ALERT, "verdict": "false", "author": "ben", "note": "a valve was open"}
    paths = {
        "/feedback": verdict,
        f"/alerts/{_ALERT}/acknowledge": {"author": "ben"},
        f"/alerts/{_ALERT}/shelve": {"author": "ben", "for": "30min"},
    }
    return [b"\n".join((path.encode(), b"Bearer secret", json.dumps(body).encode())) for path, body in paths.items()]


def _request(data: bytes) -> bytes:
    """Return the request of a path, a header `Authorization` and a body, with a line break behind each but the last.

    How a request is delimited is the HTTP library's to parse, and a request that never ends would only be waited for.
    """
    path, authorization, body = (*data.split(b"\n", 2), b"", b"")[:3]
    head = b"POST %b HTTP/1.1\r\nHost: a\r\nConnection: close\r\nAuthorization: %b\r\nContent-Length: %d\r\n\r\n"
    return head % (path.replace(b"\r", b""), authorization.replace(b"\r", b""), len(body)) + body


TARGETS = (
    Target(
        "alert-api",
        "a request is answered below 500, and a refusal says why; the server goes on",
        _alerts,
        _sound,
        needs=frozenset({"kafka"}),
        guided=False,
        examples=40,
    ),
)
