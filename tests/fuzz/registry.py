"""The model registry, a real server over loopback: the number of a method, and one message or a stream of them."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import grpc
from google.protobuf.message import DecodeError

from andon.models import make_bundle, save_bundle
from andon.models.bundle import MANIFEST_FILE, MODEL_FILE
from andon.models.manifest import ModelFacts
from andon.registry.v1 import registry_pb2 as pb
from andon.signing import Role
from sandbox.broker import free_port
from sandbox.registry import RegistrySite, make_registry_site
from tests.fuzz.elsewhere import PATIENCE_S, elsewhere
from tests.fuzz.target import Backends, Parse, Target
from tests.models.sample import bundle
from tests.registry.desk import registry

_SERVICE = pb.DESCRIPTOR.services_by_name["RegistryService"]
_METHODS = [method.name for method in _SERVICE.methods if method.name != "Publish"]
#: Stands between two messages of a stream.
_NEXT = b"\xff--\xff"
#: What a client can be told that asks for nonsense; anything else is a failure of the server's.
_REFUSALS = frozenset(
    {
        "NOT_FOUND",
        "FAILED_PRECONDITION",
        "INVALID_ARGUMENT",
        "ABORTED",
        "PERMISSION_DENIED",
        "OUT_OF_RANGE",
        "DATA_LOSS",
    }
)


@cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(ignore_cleanup_errors=True)


@cache
def _site() -> RegistrySite:
    """The keys and certificates of all registries that are fuzzed, for seeds are signed before one runs."""
    return make_registry_site(Path(_folder().name) / "registry", free_port())


@contextlib.contextmanager
def _at_work(backends: Backends, *people: str) -> Iterator[list[Any]]:
    """Run a registry, and give the connections of these people."""
    assert backends.database is not None
    with contextlib.ExitStack() as stack:
        site = stack.enter_context(elsewhere(registry(_site().folder.parent, backends.database)))
        yield [stack.enter_context(_channel(site, name)) for name in people]


def _channel(site: RegistrySite, name: str) -> Any:
    tls = site.client(name).tls
    credentials = grpc.ssl_channel_credentials(
        *(Path(str(file)).read_bytes() for file in (tls.ca_file, tls.key_file, tls.cert_file))
    )
    return grpc.secure_channel(f"127.0.0.1:{site.port}", credentials)


class RefusedError(Exception):
    """The registry refuses what it is sent, as it may."""


def _called(channel: Any, method: str, messages: Sequence[bytes], most: int | None = None) -> list[bytes]:
    """Return what a method answers, at *most* so much."""
    call = channel.stream_stream(f"/{_SERVICE.full_name}/{method}")(iter(messages), timeout=PATIENCE_S)
    try:
        return [next(call) for _ in range(most)] if most is not None else list(call)
    except grpc.RpcError as error:
        code, reason = error.code().name, error.details()
    finally:
        call.cancel()
    assert reason
    # gRPC itself answers bytes that are no such message.
    assert code in _REFUSALS or "DecodeError" in reason, (method, code, reason)
    raise RefusedError(reason)


# All methods that take one message.


@contextlib.contextmanager
def _asked(backends: Backends) -> Iterator[Parse]:
    with _at_work(backends, "anna", "boris") as channels:

        def parse(data: bytes) -> None:
            method = _METHODS[data[0] % len(_METHODS)] if data else _METHODS[0]
            most = _at_once(data[1:]) if method == "Watch" else None
            for channel in channels:
                with contextlib.suppress(RefusedError):
                    _called(channel, method, data[1:].split(_NEXT), most)

        yield parse


def _at_once(data: bytes) -> int:
    """Return how many answers a watch gives before anything has changed: one for each model, or a refusal."""
    try:
        return len(set(pb.WatchRequest.FromString(data.split(_NEXT)[0]).names))
    except DecodeError:
        return 1


def _messages() -> list[bytes]:
    asked = {
        "Fetch": pb.FetchRequest(digest="0" * 64, offset=3),
        "Resolve": pb.ResolveRequest(name="pump", alias=pb.ALIAS_PRODUCTION),
        "Watch": pb.WatchRequest(names=["pump", "fan"]),
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


# Publish: a stream of parts.


@contextlib.contextmanager
def _published(backends: Backends) -> Iterator[Parse]:
    sound = pb.PublishRequest.FromString(_stream().split(_NEXT)[0]).head
    with _at_work(backends, "anna") as (channel,):

        def parse(data: bytes) -> None:
            try:
                (answer,) = _called(channel, "Publish", data.split(_NEXT))
            finally:
                assert not list((_site().folder / "blobs" / "partial").iterdir()), "a stream has left something behind"
            model = pb.PublishResponse.FromString(answer).model
            assert (model.manifest, model.author) == (sound.manifest, "anna"), "published what nobody signed"

        yield parse


@cache
def _stream() -> bytes:
    """A bundle that anna has signed: its head, and its graph in two chunks."""
    facts = ModelFacts.model_validate(bundle().manifest.model_dump(include=set(ModelFacts.model_fields)))
    with tempfile.TemporaryDirectory() as folder:
        path = save_bundle(make_bundle(facts, b"graph", created=1), Path(folder))
        signature = _site().signer("anna").sign(path, Role.AUTHOR)
        manifest = (path / MANIFEST_FILE).read_bytes()
    head = pb.PublishRequest.Head(manifest=manifest, author_signature=signature, reason="r")
    chunks = (pb.PublishRequest.Chunk(file=MODEL_FILE, data=data) for data in (b"gra", b"ph"))
    parts = [pb.PublishRequest(head=head), *(pb.PublishRequest(chunk=chunk) for chunk in chunks)]
    return _NEXT.join(part.SerializeToString() for part in parts)


TARGETS = (
    Target(
        "registry-api",
        "a message of any method is answered, or refused with a status that names the caller's mistake, and a reason",
        _asked,
        _messages,
        needs=frozenset({"database"}),
        guided=False,
        examples=40,
    ),
    Target(
        "registry-publish",
        "a stream of parts becomes the version that its author signed, or is refused likewise; nothing is left of it",
        _published,
        lambda: [_stream()],
        (RefusedError,),
        needs=frozenset({"database"}),
        guided=False,
        examples=40,
    ),
)
