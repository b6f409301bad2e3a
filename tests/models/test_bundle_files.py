"""What is loaded is what was saved, to the last bit, or it is not loaded at all."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from andon.errors import BundleError
from andon.models import ModelFacts, load_bundle, make_bundle, save_bundle
from tests.models.sample import bundle, trained

CREATED = 1_700_000_000_000_000
FILES = ("model.onnx", "manifest.json", "reference.parquet")


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    return save_bundle(bundle(), tmp_path)


def changed_facts(**changes: object) -> ModelFacts:
    return trained().facts.model_copy(update=changes)


def test_a_saved_bundle_is_loaded_as_it_was(saved: Path) -> None:
    assert load_bundle(saved) == bundle()


def test_a_bundle_lies_in_the_folder_of_its_class_under_its_name_and_version(saved: Path, tmp_path: Path) -> None:
    assert saved == tmp_path / "pump" / f"pump-{bundle().manifest.version}"
    assert sorted(path.name for path in saved.iterdir()) == sorted(FILES)
    assert [path.name for path in saved.parent.iterdir()] == [saved.name]


def test_the_version_names_the_content_and_not_the_moment() -> None:
    facts, onnx = trained().facts, trained().onnx
    version = make_bundle(facts, onnx, created=CREATED).manifest.version
    assert make_bundle(facts, onnx, created=CREATED + 1).manifest.version == version
    assert make_bundle(facts, onnx + b"\0", created=CREATED).manifest.version != version
    assert make_bundle(changed_facts(threshold=9.0), onnx, created=CREATED).manifest.version != version


def test_saving_the_same_version_again_keeps_the_first(saved: Path, tmp_path: Path) -> None:
    later = trained().seal(created=CREATED + 1)
    assert save_bundle(later, tmp_path) == saved
    assert load_bundle(saved).manifest.created == CREATED


def test_saving_over_a_damaged_bundle_is_refused(saved: Path, tmp_path: Path) -> None:
    (saved / "model.onnx").write_bytes(b"")
    with pytest.raises(BundleError, match=r"model\.onnx: SHA-256"):
        save_bundle(bundle(), tmp_path)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=300)
@given(file=st.sampled_from(FILES), position=st.integers(min_value=0), bit=st.integers(0, 7))
def test_one_flipped_bit_in_any_file_is_found(saved: Path, file: str, position: int, bit: int) -> None:
    path = saved / file
    original = path.read_bytes()
    damaged = bytearray(original)
    damaged[position % len(original)] ^= 1 << bit
    path.write_bytes(damaged)
    with pytest.raises(BundleError, match=file):
        load_bundle(saved)
    path.write_bytes(original)


@pytest.mark.parametrize("file", FILES)
def test_a_missing_or_cut_off_file_is_found(saved: Path, file: str) -> None:
    path = saved / file
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(BundleError, match=file):
        load_bundle(saved)
    path.unlink()
    with pytest.raises(BundleError, match=f"{file}: cannot be read"):
        load_bundle(saved)


@pytest.mark.parametrize("content", [b'"\\ud800"', b"{}", b"\xff", b"[" * 100_000, b'{"threshold": NaN}'])
def test_a_strange_manifest_is_refused(saved: Path, content: bytes) -> None:
    (saved / "manifest.json").write_bytes(content)
    with pytest.raises(BundleError, match=r"manifest\.json"):
        load_bundle(saved)


def forge(path: Path, **changes: object) -> None:
    """Change the manifest and give it a digest that fits."""
    file = path / "manifest.json"
    document = json.loads(file.read_bytes()) | changes
    del document["digests"]["manifest.json"]
    document["digests"]["manifest.json"] = hashlib.sha256(canonical(document)).hexdigest()
    file.write_bytes(canonical(document))


def canonical(document: dict[str, Any]) -> bytes:
    return (json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"feature_hash": "0" * 12}, "feature_hash is 000000000000, but feature_definition has"),
        ({"threshold": 1e9}, "version .* does not name this content"),
        ({"surprise": 1}, "surprise: Extra inputs"),
        ({"format": "andon.bundle/2"}, "format: Input should be 'andon.bundle/1'"),
    ],
)
def test_a_forged_manifest_is_refused_though_its_digest_fits(
    saved: Path, change: dict[str, object], reason: str
) -> None:
    forge(saved)
    load_bundle(saved)
    forge(saved, **change)
    with pytest.raises(BundleError, match=reason):
        load_bundle(saved)


def test_a_bundle_from_before_a_field_was_added_is_loaded(tmp_path: Path) -> None:
    document = json.loads(trained().facts.model_dump_json())
    del document["regime_thresholds"], document["card"]["intended_use"]
    onnx = trained().onnx
    document["digests"] = {"model.onnx": hashlib.sha256(onnx).hexdigest()}
    version = hashlib.sha256(canonical(document)).hexdigest()[:12]
    (tmp_path / "model.onnx").write_bytes(onnx)
    document |= {"version": version, "created": CREATED}
    own = {"manifest.json": hashlib.sha256(canonical(document)).hexdigest()}
    (tmp_path / "manifest.json").write_bytes(canonical(document | {"digests": document["digests"] | own}))
    manifest = load_bundle(tmp_path).manifest
    assert (manifest.version, manifest.regime_thresholds, manifest.card.intended_use) == (version, {}, "")


def test_features_must_be_in_the_definitions_order() -> None:
    facts = trained().facts.model_dump() | {"features": trained().facts.features[::-1]}
    with pytest.raises(ValidationError, match="features are not those of feature_definition"):
        ModelFacts.model_validate(facts)


def test_a_graph_that_does_not_fit_the_manifest_is_refused(tmp_path: Path) -> None:
    path = save_bundle(make_bundle(trained().facts, b"no graph", created=CREATED), tmp_path)
    with pytest.raises(BundleError, match=r"model\.onnx: ONNX Runtime does not take the graph"):
        load_bundle(path)
