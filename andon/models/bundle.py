"""A model bundle: a folder with `model.onnx`, `manifest.json` and mostly `reference.parquet`, checked as a whole.

The manifest is written in one canonical form and names the SHA-256 of every file and of itself, so any
changed byte in one of them is found before anything runs. Bundles of before the reference have two files.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from andon.contracts import ModelRef
from andon.errors import BundleError
from andon.models.manifest import Manifest, ModelFacts
from andon.models.scorer import Scorer

MODEL_FILE = "model.onnx"
MANIFEST_FILE = "manifest.json"
REFERENCE_FILE = "reference.parquet"
#: The sets of files that a bundle may have.
FILE_SETS = (frozenset({MODEL_FILE, MANIFEST_FILE}), frozenset({MODEL_FILE, MANIFEST_FILE, REFERENCE_FILE}))

Verified = Literal["none", "author", "approver"]
_VERSION_LENGTH = 12


@dataclass(frozen=True, slots=True)
class Bundle:
    """A model and everything that is known of it.

    Attributes:
        manifest: what it is, where it comes from and how to judge its scores.
        onnx: the graph, see `andon.models.scorer` for its contract.
        verified: whose signatures held, see `andon.contracts.ModelRef`.
        reference: the bytes of `reference.parquet`, see `andon.models.reference`; None in a bundle without one.
    """

    manifest: Manifest
    onnx: bytes
    verified: Verified = "none"
    reference: bytes | None = None

    @property
    def ref(self) -> ModelRef:
        """How inferences name this model."""
        manifest = self.manifest
        digest = manifest.digests[MODEL_FILE]
        return ModelRef(name=manifest.name, version=manifest.version, digest=digest, verified=self.verified)


def make_bundle(facts: ModelFacts, onnx: bytes, *, created: int, reference: bytes | None = None) -> Bundle:
    """Seal a trained model: give it its version and its digests.

    Args:
        facts: what the trainer states about the model.
        onnx: the graph's bytes.
        created: microseconds UTC.
        reference: the bytes of its `reference.parquet`; None for none.
    """
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in _contents(onnx, reference).items()}
    document = json.loads(facts.model_dump_json()) | {"digests": digests}
    document |= {"version": _version(document), "created": created}
    digests[MANIFEST_FILE] = _content_digest(document)
    return Bundle(manifest=Manifest.model_validate_json(_render(document)), onnx=onnx, reference=reference)


def save_bundle(bundle: Bundle, folder: Path) -> Path:
    """Write *bundle* to ``<folder>/<asset class>/<name>-<version>`` and return that path.

    The bundle appears whole or not at all. One that is already there is checked and left as it is.

    Raises:
        BundleError: a bundle of this version is there, but is damaged.
        OSError: the folder cannot be written to.
    """
    manifest = bundle.manifest
    target = folder / manifest.asset_class / f"{manifest.name}-{manifest.version}"
    if target.exists():
        load_bundle(target)
        return target
    partial = target.with_name(f".{target.name}.{os.getpid()}")
    partial.mkdir(parents=True)
    try:
        for name, content in _contents(bundle.onnx, bundle.reference).items():
            _write(partial / name, content)
        _write(partial / MANIFEST_FILE, _render(json.loads(manifest.model_dump_json())))
        partial.rename(target)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return target


def load_bundle(path: Path) -> Bundle:
    """Read the bundle in folder *path* and check all that it claims.

    Raises:
        BundleError: a file is missing or changed, the manifest does not agree with itself, or the graph
            does not have the inputs and outputs that the manifest promises; says which.
    """
    bundle = read_bundle(path)
    try:
        Scorer(bundle.onnx, features=len(bundle.manifest.features), threads=1)
    except BundleError as error:
        raise BundleError(f"{path / MODEL_FILE}: {error}") from error
    return bundle


def read_bundle(path: Path) -> Bundle:
    """Read the bundle in folder *path* without building its graph, which of a hostile one could take all memory.

    Raises:
        BundleError: a file is missing or changed, or the manifest does not agree with itself; says which.
    """
    manifest = parse_manifest(_read(path / MANIFEST_FILE), path / MANIFEST_FILE)
    named = {
        name: _read_named(path / name, digest) for name, digest in manifest.digests.items() if name != MANIFEST_FILE
    }
    return Bundle(manifest=manifest, onnx=named[MODEL_FILE], reference=named.get(REFERENCE_FILE))


def parse_manifest(raw: bytes, where: str | Path) -> Manifest:
    """Read a manifest and check that it agrees with itself; its other files are for the caller to check.

    Args:
        raw: the bytes of `manifest.json`.
        where: how to call it in errors.

    Raises:
        BundleError: it is no manifest, or was changed after it was written.
    """
    try:
        manifest = Manifest.model_validate_json(raw)
    except ValidationError as error:
        raise BundleError(f"{where}: {_findings(error)}") from None
    document = json.loads(raw)
    if set(manifest.digests) not in FILE_SETS:
        raise BundleError(
            f"{where}: digests must name {MODEL_FILE}, {MANIFEST_FILE} and perhaps {REFERENCE_FILE}, and nothing else"
        )
    if _render(document) != raw or _content_digest(document) != manifest.digests[MANIFEST_FILE]:
        raise BundleError(f"{where}: was changed after it was written; copy the bundle again")
    if _version(document) != manifest.version:
        raise BundleError(f"{where}: version {manifest.version} does not name this content")
    return manifest


def _contents(onnx: bytes, reference: bytes | None) -> dict[str, bytes]:
    """Return the files that the manifest is about, by their names."""
    return {MODEL_FILE: onnx} if reference is None else {MODEL_FILE: onnx, REFERENCE_FILE: reference}


def _findings(error: ValidationError) -> str:
    return "; ".join(
        f"{'.'.join(map(str, finding['loc'])) or 'manifest'}: {finding['msg']}"
        for finding in error.errors(include_url=False, include_input=False, include_context=False)
    )


def _render(document: dict[str, Any]) -> bytes:
    """Return the canonical bytes of a manifest: sorted keys, shortest floats, two spaces."""
    return (json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n").encode()


def _content_digest(document: dict[str, Any]) -> str:
    digests = {name: digest for name, digest in document["digests"].items() if name != MANIFEST_FILE}
    return hashlib.sha256(_render(document | {"digests": digests})).hexdigest()


def _version(document: dict[str, Any]) -> str:
    timeless = {name: value for name, value in document.items() if name not in ("version", "created")}
    return _content_digest(timeless)[:_VERSION_LENGTH]


def _read_named(path: Path, wanted: str) -> bytes:
    content = _read(path)
    digest = hashlib.sha256(content).hexdigest()
    if digest != wanted:
        raise BundleError(
            f"{path}: SHA-256 is {digest}, the manifest names {wanted}; the file was changed or damaged, copy the "
            "bundle again"
        )
    return content


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise BundleError(f"{path}: cannot be read: {error.strerror}") from error


def _write(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
