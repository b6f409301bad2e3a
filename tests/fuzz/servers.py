"""Real servers over loopback: the alerts' HTTP API and the model registry."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import tempfile
import threading
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, TypeVar

import grpc

from andon.registry.v1 import registry_pb2 as pb
from andon.stream.topics import ensure_topics
from andon.telemetry import Metrics
from andon.uns import Stage
from sandbox.registry import RegistrySite
from tests.alert.alerting import alert, api, send
from tests.fuzz.plant import ASSET, PLANT
from tests.fuzz.target import Backends, Parse, Target
from tests.registry.desk import registry

_Given = TypeVar("_Given")
_PATIENCE_S = 30.0
_OPENED = 1_767_225_600_000_000
_ALERT = f"{ASSET}@{_OPENED}:alert"


@contextlib.contextmanager
def _elsewhere(server: AbstractAsyncContextManager[_Given]) -> Iterator[_Given]:
    """Run a server in a thread of its own and give what it gives."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield asyncio.run_coroutine_threadsafe(server.__aenter__(), loop).result(_PATIENCE_S)
        asyncio.run_coroutine_threadsafe(server.__aexit__(None, None, None), loop).result(_PATIENCE_S)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()


# HTTP: a path, a header and a body, each in a line.


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
    with _elsewhere(api(backends.kafka, PLANT, Metrics("alert"), token="secret")) as port:
        yield lambda data: _check_answer(_asked(port, _request(data)))


def _asked(port: int, request: bytes) -> bytes:
    """Return all that comes back for a request."""
    with socket.create_connection(("127.0.0.1", port), timeout=_PATIENCE_S) as connection:
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


# gRPC: the number of a method, and a message.

_SERVICE = pb.DESCRIPTOR.services_by_name["RegistryService"]
_METHODS = [method.name for method in _SERVICE.methods if method.name not in ("Watch", "Publish")]
#: What a client can be told that asks for nonsense; anything else is a failure of the server's.
_REFUSALS = ("NOT_FOUND", "FAILED_PRECONDITION", "INVALID_ARGUMENT", "ABORTED", "PERMISSION_DENIED", "OUT_OF_RANGE")


@contextlib.contextmanager
def _registry(backends: Backends) -> Iterator[Parse]:
    assert backends.database is not None
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        site = stack.enter_context(_elsewhere(registry(folder, backends.database)))
        channels = [stack.enter_context(_channel(site, name)) for name in ("anna", "boris")]

        def parse(data: bytes) -> None:
            for channel in channels:
                _call(channel, data)

        yield parse


def _channel(site: RegistrySite, name: str) -> Any:
    tls = site.client(name).tls
    credentials = grpc.ssl_channel_credentials(
        *(Path(str(file)).read_bytes() for file in (tls.ca_file, tls.key_file, tls.cert_file))
    )
    return grpc.secure_channel(f"127.0.0.1:{site.port}", credentials)


def _call(channel: Any, data: bytes) -> None:
    method = _METHODS[data[0] % len(_METHODS)] if data else _METHODS[0]
    call = channel.unary_stream(f"/{_SERVICE.full_name}/{method}")
    try:
        list(call(data[1:], timeout=_PATIENCE_S))
    except grpc.RpcError as error:
        code, reason = error.code().name, error.details()
    else:
        return
    assert reason
    # gRPC itself answers bytes that are no such message.
    assert code in _REFUSALS or "DecodeError" in reason, (method, code, reason)


def _messages() -> list[bytes]:
    asked = {
        "Fetch": pb.FetchRequest(digest="0" * 64, offset=3),
        "Resolve": pb.ResolveRequest(name="pump", alias=pb.ALIAS_PRODUCTION),
        "List": pb.ListRequest(name="pump", version="a"),
        "RequestPromotion": pb.RequestPromotionRequest(
            name="pump", version="a", alias=pb.ALIAS_CANARY, share_permille=10, reason="r"
        ),
        "Approve": pb.ApproveRequest(id=1, signature=b"{}", reason="r"),
        "Reject": pb.RejectRequest(id=1, reason="r"),
        "RollBack": pb.RollBackRequest(name="pump", signature=b"{}", reason="r"),
        "Assign": pb.AssignRequest(name="pump", alias=pb.ALIAS_SHADOW, version="a", reason="r"),
        "Audit": pb.AuditRequest(first=1),
    }
    return [bytes((_METHODS.index(name),)) + message.SerializeToString() for name, message in asked.items()]


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
    Target(
        "registry-api",
        "a message of any method is answered, or refused with a status that names the caller's mistake, and a reason",
        _registry,
        _messages,
        needs=frozenset({"database"}),
        guided=False,
        examples=40,
    ),
)
