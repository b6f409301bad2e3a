"""What comes with a model: its manifest, its graph, and the signatures of its bundle."""

from __future__ import annotations

import contextlib
import hashlib
import json
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from andon.errors import BundleError, SignatureError
from andon.models import Bundle, make_bundle, save_bundle
from andon.models.bundle import MANIFEST_FILE, MODEL_FILE, parse_manifest
from andon.models.manifest import ModelFacts
from andon.serving.trial import Trials
from andon.signing import Role, Signer, Trust, generate_key
from andon.signing.claim import Claim, parse_claim
from tests.fuzz.target import Backends, Parse, Target, always
from tests.models.sample import bundle


def _manifest_bytes() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        return (save_bundle(bundle(), Path(folder)) / MANIFEST_FILE).read_bytes()


def _manifest(data: bytes) -> None:
    """Read a manifest as it came; then what it states, sealed anew, so that its content is met behind the digest."""
    with contextlib.suppress(BundleError):
        parsed = parse_manifest(data, "m")
        assert parse_manifest(_rendered(parsed.model_dump_json()), "m") == parsed
    try:
        stated = json.loads(data)
        facts = {name: stated[name] for name in ModelFacts.model_fields}
    except (ValueError, RecursionError, KeyError, TypeError):
        raise BundleError("states nothing") from None
    sealed = make_bundle(ModelFacts.model_validate_json(json.dumps(facts)), b"", created=1)
    assert parse_manifest(_rendered(sealed.manifest.model_dump_json()), "m") == sealed.manifest


def _rendered(text: str) -> bytes:
    return (json.dumps(json.loads(text), indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode()


@contextlib.contextmanager
def _graph(_: Backends) -> Iterator[Parse]:
    """Try graphs out as inference does before it serves one: in a process of its own."""
    trials = Trials(memory_mib=512)

    def parse(data: bytes) -> None:
        trials.try_out(_with_graph(data))

    yield parse


def _with_graph(data: bytes) -> Bundle:
    sound = bundle()
    digests = sound.manifest.digests | {MODEL_FILE: hashlib.sha256(data).hexdigest()}
    return replace(sound, manifest=sound.manifest.model_copy(update={"digests": digests}), onnx=data)


_CLAIM = Claim(role=Role.AUTHOR, key="0" * 64, files={MODEL_FILE: "1" * 64}, statement={"version": "a", "share": 1})


def _claim(data: bytes) -> None:
    text = data.decode(errors="surrogateescape")
    assert parse_claim(text).text == text


@contextlib.contextmanager
def _signed() -> Iterator[tuple[Path, Trust, bytes]]:
    """Give a bundle's folder, a trust file that names its author, and the author's signature."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        generate_key("anna", folder)
        key = (folder / "anna.pub").read_text()
        trust = {"keys": [{"name": "anna", "roles": ["author"], "public_key": key}]}
        (folder / "trust.yaml").write_text(json.dumps(trust))
        path = save_bundle(bundle(), folder / "bundles")
        signature = Signer.load(folder / "anna.key").sign(path, Role.AUTHOR)
        yield path, Trust.load(folder / "trust.yaml"), signature


class _Signature:
    """The target of signatures, whose seed and whose bundle must be of the same key."""

    def __init__(self) -> None:
        self._stack = contextlib.ExitStack()
        self._made: tuple[Path, Trust, bytes] | None = None

    def made(self) -> tuple[Path, Trust, bytes]:
        """Sign once, when it is first needed."""
        if self._made is None:
            self._made = self._stack.enter_context(_signed())
        return self._made

    @contextlib.contextmanager
    def open(self, _: Backends) -> Iterator[Parse]:
        path, trust, signature = self.made()

        def parse(data: bytes) -> None:
            trust.verify(path, data, Role.AUTHOR)
            assert data == signature, "a signature counts that was never given"

        yield parse


_SIGNATURE = _Signature()
TARGETS = (
    Target(
        "manifest",
        "a manifest is refused, naming the field; what it states reads back when it is sealed anew",
        always(_manifest),
        lambda: [_manifest_bytes()],
        (BundleError, ValueError),
    ),
    Target(
        "onnx",
        "a graph that does not score, takes the memory or crashes is refused; its process ends, ours goes on",
        _graph,
        lambda: [bundle().onnx],
        (BundleError,),
        guided=False,
        examples=8,
    ),
    Target(
        "claim",
        "a text is a claim in its one canonical form, or refused",
        always(_claim),
        lambda: [_CLAIM.text.encode()],
        (ValueError,),
    ),
    Target(
        "signature",
        "only the very bytes that the author signed count; all others are refused with the reason",
        _SIGNATURE.open,
        lambda: [_SIGNATURE.made()[2]],
        (SignatureError,),
    ),
)
