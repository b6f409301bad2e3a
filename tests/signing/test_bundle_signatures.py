"""A bundle counts only as it was signed, by whom it must be, in the role that is asked for."""

from __future__ import annotations

import base64
import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from andon.errors import BundleError, SignatureError, SigningError
from andon.models import make_bundle, save_bundle
from andon.signing import Signature, Signer, Trust, check_four_eyes, generate_key
from andon.signing.claim import canonical
from tests.models.sample import trained
from tests.signing.people import APPROVER, AUTHOR, People, new_bundle

STATEMENT: dict[str, str | int | bool] = {
    "alias": "production",
    "serial": 1_700_000_000_000_000,
    "rollback": False,
    "reason": "Prüfung bestanden",
}
FILES = ("model.onnx", "manifest.json", "reference.parquet")
READ_ONLY = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> People:
    return People.at(tmp_path_factory.mktemp("people"))


@pytest.fixture(scope="module")
def trust(people: People) -> Trust:
    return people.trusting()


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return new_bundle(tmp_path)


@pytest.fixture
def signed(bundle: Path, people: People) -> bytes:
    return people.signer("paul").sign(bundle, APPROVER, STATEMENT)


def refusal(trust: Trust, bundle: Path, signature: bytes, role: Any = APPROVER) -> str:
    with pytest.raises(SignatureError) as refused:
        trust.verify(bundle, signature, role)
    assert str(refused.value).startswith(f"{bundle}: signature of its {role}: ")
    return str(refused.value)


def test_what_is_signed_comes_back_with_who_signed_it(
    bundle: Path, people: People, trust: Trust, signed: bytes
) -> None:
    found = trust.verify(bundle, signed, APPROVER)
    assert isinstance(found, Signature)
    assert (found.role, found.signer, found.key) == (APPROVER, "paul", people.signer("paul").key)
    assert found.statement == STATEMENT
    assert set(found.files) == set(FILES)


def test_signatures_in_the_bundles_folder_are_no_part_of_it(bundle: Path, trust: Trust, signed: bytes) -> None:
    (bundle / "signatures").mkdir()
    (bundle / "signatures" / "approver.sig").write_bytes(signed)
    assert trust.verify(bundle, signed, APPROVER).signer == "paul"
    assert trust.verify_kept(bundle, APPROVER).signer == "paul"
    with pytest.raises(SignatureError, match="signature of its author: there is none"):
        trust.verify_kept(bundle, AUTHOR)


@READ_ONLY
@given(data=st.data(), name=st.sampled_from(FILES))
def test_no_bit_of_any_file_can_change(
    bundle: Path, trust: Trust, signed: bytes, data: st.DataObject, name: str
) -> None:
    sound = (bundle / name).read_bytes()
    place, bit = data.draw(st.integers(0, len(sound) - 1)), data.draw(st.integers(0, 7))
    (bundle / name).write_bytes(flipped(sound, place, bit))
    try:
        assert f"is not for this {name}" in refusal(trust, bundle, signed)
    finally:
        (bundle / name).write_bytes(sound)


@settings(READ_ONLY, max_examples=300)
@given(data=st.data())
def test_no_bit_of_the_signature_can_change(bundle: Path, trust: Trust, signed: bytes, data: st.DataObject) -> None:
    place, bit = data.draw(st.integers(0, len(signed) - 1)), data.draw(st.integers(0, 7))
    assert "sign again" in refusal(trust, bundle, flipped(signed, place, bit))


def flipped(content: bytes, place: int, bit: int) -> bytes:
    return content[:place] + bytes([content[place] ^ 1 << bit]) + content[place + 1 :]


@settings(READ_ONLY, max_examples=200)
@given(data=st.data())
def test_nothing_else_than_a_refusal_comes_of_a_well_formed_but_wrong_signature(
    bundle: Path, trust: Trust, signed: bytes, data: st.DataObject
) -> None:
    document = json.loads(signed)
    document["payload"] = json.loads(base64.b64decode(document["sigstore"]["dsseEnvelope"]["payload"]))
    place = data.draw(st.sampled_from(places(document)))
    replace(document, place, data.draw(VALUES))
    payload = json.dumps(document.pop("payload", None)).encode()
    if place[0] == "payload":
        document["sigstore"]["dsseEnvelope"]["payload"] = base64.b64encode(payload).decode()
    changed = (canonical(document) + "\n").encode("utf-8", "surrogatepass")
    if changed != signed:
        refusal(trust, bundle, changed)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


def places(value: Any, above: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    below = [place for step, inner in entries for place in places(inner, (*above, step))]
    return [above, *below] if above else below


def replace(value: Any, place: tuple[Any, ...], new: Any) -> None:
    for step in place[:-1]:
        value = value[step]
    value[place[-1]] = new


@READ_ONLY
@given(content=st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_bytes_of_any_kind_are_no_signature(bundle: Path, trust: Trust, content: bytes) -> None:
    refusal(trust, bundle, content)


@READ_ONLY
@given(share=st.floats(0, 1, exclude_max=True))
def test_a_truncated_signature_does_not_count(bundle: Path, trust: Trust, signed: bytes, share: float) -> None:
    refusal(trust, bundle, signed[: int(share * len(signed))])


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "there is none; sign with `andon bundle sign`"),
        (b" " * 100_000_000, "has 100000000 bytes, a signature has at most 65536"),
        (b"[" * 60_000, "is no signature that is understood here"),
        (b"{}", "see `claim` in it"),
    ],
)
def test_what_is_no_signature_is_called_so(bundle: Path, trust: Trust, content: bytes, reason: str) -> None:
    assert reason in refusal(trust, bundle, content)


def test_an_authors_signature_is_no_approvers_and_the_other_way_round(
    bundle: Path, people: People, trust: Trust, signed: bytes
) -> None:
    by_author = people.signer("anna").sign(bundle, AUTHOR)
    assert "was given as author, which never counts as approver" in refusal(trust, bundle, by_author)
    assert "was given as approver" in refusal(trust, bundle, signed, AUTHOR)


def test_an_author_cannot_sign_as_approver(bundle: Path, people: People, trust: Trust) -> None:
    presumed = people.signer("anna").sign(bundle, APPROVER)
    assert "the key of anna is trusted as author, not as approver" in refusal(trust, bundle, presumed)


def test_nobody_approves_what_they_made(bundle: Path, people: People) -> None:
    keys = [{"name": "anna", "roles": ["author", "approver"], "public_key": "anna.pub"}, *people.keys[1:]]
    trust = people.trusting(keys=keys)
    made = trust.verify(bundle, people.signer("anna").sign(bundle, AUTHOR), AUTHOR)
    approved = trust.verify(bundle, people.signer("anna").sign(bundle, APPROVER), APPROVER)
    with pytest.raises(SignatureError, match="anna approved what they made themselves; have somebody else approve it"):
        check_four_eyes(made, approved)
    check_four_eyes(made, trust.verify(bundle, people.signer("paul").sign(bundle, APPROVER), APPROVER))


def test_a_claim_cannot_take_another_ones_seal(bundle: Path, people: People, trust: Trust, signed: bytes) -> None:
    """An approval of one thing, put around another claim by the same approver."""
    other = json.loads(people.signer("paul").sign(bundle, APPROVER, {"alias": "canary"}))
    mixed = json.loads(signed) | {"sigstore": other["sigstore"]}
    assert "signs something else than the claim beside it" in refusal(trust, bundle, (canonical(mixed) + "\n").encode())


@pytest.mark.parametrize("payload", ["[" * 40_000, '{"predicate": {"resources": []}}', "[]", '{"predicate": 1}'])
def test_a_signature_over_nothing_does_not_count(bundle: Path, trust: Trust, signed: bytes, payload: str) -> None:
    document = json.loads(signed)
    document["sigstore"]["dsseEnvelope"]["payload"] = base64.b64encode(payload.encode()).decode()
    refusal(trust, bundle, (canonical(document) + "\n").encode())


def test_a_signature_of_another_bundle_does_not_count(
    tmp_path: Path, bundle: Path, people: People, trust: Trust
) -> None:
    other = tmp_path / "other"
    shutil.copytree(bundle, other)
    (other / "model.onnx").write_bytes(b"another graph")
    signature = people.signer("paul").sign(other, APPROVER)
    assert "is not for this model.onnx" in refusal(trust, bundle, signature)


def test_a_manifest_cannot_be_swapped(
    tmp_path: Path, bundle: Path, people: People, trust: Trust, signed: bytes
) -> None:
    (bundle / "manifest.json").write_bytes((bundle / "manifest.json").read_bytes() + b"\n")
    assert "is not for this manifest.json" in refusal(trust, bundle, signed)


def test_a_strangers_key_does_not_count(tmp_path: Path, bundle: Path, trust: Trust) -> None:
    stranger = generate_key("stranger", tmp_path / "keys")
    signature = Signer.load(stranger.private).sign(bundle, APPROVER)
    assert f"key {stranger.fingerprint} is not in the trust file" in refusal(trust, bundle, signature)


def test_a_stranger_who_names_a_trusted_key_does_not_count(tmp_path: Path, bundle: Path, people: People) -> None:
    stranger, trusted = generate_key("stranger", tmp_path / "keys"), people.signer("paul")
    pretender = Signer.load(stranger.private)
    genuine = json.loads(trusted.sign(bundle, APPROVER))
    forged = json.loads(pretender.sign(bundle, APPROVER))
    forged["claim"] = forged["claim"].replace(pretender.key, trusted.key)
    assert forged["claim"] == genuine["claim"]
    genuine["sigstore"]["dsseEnvelope"]["signatures"] = forged["sigstore"]["dsseEnvelope"]["signatures"]
    content = (canonical(genuine) + "\n").encode()
    assert "does not hold: InvalidSignature; sign again" in refusal(people.trusting(), bundle, content)


def test_a_revoked_key_never_counts_again(bundle: Path, people: People, signed: bytes) -> None:
    key = people.signer("paul").key
    revoked = [{"key": key, "reason": "laptop stolen", "since": "2026-05-01"}]
    for keys in (people.keys, people.keys[:1]):  # whether or not it was also taken off the list
        reason = refusal(people.trusting(keys=keys, revoked=revoked), bundle, signed)
        assert f"key {key} is revoked since 2026-05-01T00:00:00.000+00:00: laptop stolen" in reason


def test_a_key_counts_until_its_end(bundle: Path, people: People, signed: bytes) -> None:
    keys = people.keys
    keys[1]["not_after"] = "2030-01-01"
    path = people.write({"keys": keys})
    end = 1_893_456_000_000_000
    assert Trust.load(path, lambda: end - 1).verify(bundle, signed, APPROVER).signer == "paul"
    reason = refusal(Trust.load(path, lambda: end), bundle, signed)
    assert "the key of paul ended on 2030-01-01T00:00:00.000+00:00; sign with a new one" in reason


def test_files_that_nobody_signed_are_refused(bundle: Path, people: People, trust: Trust, signed: bytes) -> None:
    (bundle / "weights.bin").write_bytes(b"")
    assert "holds what is not signed: weights.bin" in refusal(trust, bundle, signed)
    with pytest.raises(BundleError, match=r"weights\.bin"):
        people.signer("paul").sign(bundle, APPROVER)


def test_a_missing_file_is_named(bundle: Path, trust: Trust, signed: bytes) -> None:
    (bundle / "model.onnx").unlink()
    assert "has no model.onnx; copy the bundle again" in refusal(trust, bundle, signed)
    shutil.rmtree(bundle)
    assert "cannot be read" in refusal(trust, bundle, signed)


def test_a_reference_is_neither_taken_away_nor_slipped_in(
    tmp_path: Path, bundle: Path, people: People, trust: Trust, signed: bytes
) -> None:
    reference = (bundle / "reference.parquet").read_bytes()
    (bundle / "reference.parquet").unlink()
    assert "is over files ['manifest.json', 'model.onnx', 'reference.parquet'], a bundle has" in refusal(
        trust, bundle, signed
    )
    old = save_bundle(make_bundle(trained().facts, trained().onnx, created=1), tmp_path)
    signature = people.signer("paul").sign(old, APPROVER)
    assert set(trust.verify(old, signature, APPROVER).files) == {"manifest.json", "model.onnx"}
    (old / "reference.parquet").write_bytes(reference)
    assert "is over files ['manifest.json', 'model.onnx'], a bundle has" in refusal(trust, old, signature)


def test_no_link_leaves_the_folder(tmp_path: Path, bundle: Path, trust: Trust, signed: bytes) -> None:
    (bundle / "model.onnx").rename(tmp_path / "model.onnx")
    (bundle / "model.onnx").symlink_to(tmp_path / "model.onnx")
    assert "model.onnx is no file of its own, but a link or a folder" in refusal(trust, bundle, signed)
    (bundle / "model.onnx").unlink()
    os.mkfifo(bundle / "model.onnx")
    assert "model.onnx is no file of its own" in refusal(trust, bundle, signed)


def test_a_link_is_no_folder_of_signatures(tmp_path: Path, bundle: Path, trust: Trust, signed: bytes) -> None:
    (bundle / "signatures").symlink_to(tmp_path)
    assert "holds what is not signed: signatures" in refusal(trust, bundle, signed)


def test_files_outside_the_bundle_cannot_be_signed_for(bundle: Path, trust: Trust, signed: bytes) -> None:
    document = json.loads(signed)
    document["claim"] = document["claim"].replace("model.onnx", "../model.onnx")
    refusal(trust, bundle, (canonical(document) + "\n").encode())


def test_without_room_for_temporary_files_nothing_counts(
    bundle: Path, trust: Trust, signed: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(bundle / "nowhere"))
    assert "set TMPDIR to a folder with some room" in refusal(trust, bundle, signed)


@pytest.mark.parametrize("statement", [{"share": 0.5}, {"assets": ["a"]}, {"reason": None}, {"reason": "\ud800"}])
def test_only_texts_whole_numbers_and_booleans_are_stated(bundle: Path, people: People, statement: Any) -> None:
    with pytest.raises(SigningError, match="only texts, whole numbers, true and false can"):
        people.signer("paul").sign(bundle, APPROVER, statement)


def test_what_would_not_be_read_is_not_signed(bundle: Path, people: People) -> None:
    with pytest.raises(SigningError, match="at most 65536 are read; say less"):
        people.signer("paul").sign(bundle, APPROVER, {"reason": "so " * 30_000})


def test_a_password_opens_its_key_and_no_other_does(tmp_path: Path, bundle: Path, people: People, trust: Trust) -> None:
    locked = generate_key("vera", tmp_path / "keys", SecretStr("open sesame"))
    Signer.load(locked.private, SecretStr("open sesame")).sign(bundle, AUTHOR)
    with pytest.raises(SigningError, match=r"vera\.key is encrypted; give its password"):
        Signer.load(locked.private)
    with pytest.raises(SigningError, match=r"the password is wrong, or the file is damaged"):
        Signer.load(locked.private, SecretStr("open barley"))
    with pytest.raises(SigningError, match=r"anna\.key is not encrypted; give no password"):
        Signer.load(people.folder / "anna.key", SecretStr("open sesame"))


def test_a_key_that_cannot_sign_is_refused(tmp_path: Path, people: People) -> None:
    with pytest.raises(SigningError, match=r"anna\.pub holds no private key; name the file .* NAME\.key"):
        Signer.load(people.folder / "anna.pub")
    with pytest.raises(SigningError, match=r"none\.key cannot be read: No such file"):
        Signer.load(tmp_path / "none.key")


def test_a_key_that_changed_in_the_meantime_does_not_sign(tmp_path: Path, bundle: Path) -> None:
    mine = generate_key("mine", tmp_path / "keys")
    signer = Signer.load(mine.private)
    generate_key("other", tmp_path / "keys").private.rename(mine.private)
    with pytest.raises(SigningError, match="holds another key than before"):
        signer.sign(bundle, AUTHOR)
