"""A certificate counts while it leads to a trusted root today, and names somebody who may sign."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from andon.clock import to_micros
from andon.errors import SignatureError, SigningError
from andon.signing import Role, Signer, Trust, check_four_eyes
from andon.signing.claim import canonical
from andon.signing.keys import fingerprint, public_pem
from tests.signing.people import ANNA, APPROVER, AUTHOR, DAY, NOW, PAUL, Certified, People, certified, new_bundle

ROOT = certified("Acme Root", days=1_000)
PLANT = certified("Acme Plant", ROOT)
HER = certified("Anna Schmidt", PLANT, mail=ANNA)


#: Such certificates also make cryptography warn that it will not read them for much longer.
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return new_bundle(tmp_path)


def trusting(folder: Path, *, root: Certified = ROOT, **content: Any) -> Trust:
    authority = {"name": "acme", "certificate": root.pem, "authors": [ANNA], "approvers": [PAUL]}
    return People(folder).trusting(**{"authorities": [authority], **content})


def signed_with(bundle: Path, leaf: Certified, *above: Certified, role: Any = AUTHOR) -> bytes:
    folder = bundle.parent
    key, own = leaf.write(folder, "leaf")
    files = [certificate.write(folder, f"above-{index}")[1] for index, certificate in enumerate(above)]
    return Signer.load(key, chain=(own, *files)).sign(bundle, role, {"serial": 1})


def refusal(trust: Trust, bundle: Path, signature: bytes, role: Any = AUTHOR) -> str:
    with pytest.raises(SignatureError) as refused:
        trust.verify(bundle, signature, role)
    return str(refused.value)


def test_a_certificate_below_a_trusted_root_signs(tmp_path: Path, bundle: Path) -> None:
    found = trusting(tmp_path).verify(bundle, signed_with(bundle, HER, PLANT), AUTHOR)
    assert (found.signer, found.key, found.statement) == (ANNA, fingerprint(HER.key.public_key()), {"serial": 1})


@settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), which=st.integers(0, 1))
def test_no_byte_of_any_certificate_can_change(tmp_path: Path, bundle: Path, data: st.DataObject, which: int) -> None:
    trust, document = trusting(tmp_path), json.loads(signed_with(bundle, HER, PLANT))
    entry = document["sigstore"]["verificationMaterial"]["x509CertificateChain"]["certificates"][which]
    sound = bytearray(base64.b64decode(entry["rawBytes"]))
    place = data.draw(st.integers(0, len(sound) - 1))
    sound[place] = data.draw(st.integers(0, 255).filter(lambda value: value != sound[place]))
    entry["rawBytes"] = base64.b64encode(sound).decode()
    refusal(trust, bundle, (canonical(document) + "\n").encode())


def test_a_subject_names_somebody_too(tmp_path: Path, bundle: Path) -> None:
    authority = {"name": "acme", "certificate": ROOT.pem, "authors": ["CN=Anna Schmidt"]}
    found = trusting(tmp_path, authorities=[authority]).verify(bundle, signed_with(bundle, HER, PLANT), AUTHOR)
    assert found.signer == "CN=Anna Schmidt"


def test_all_certificates_up_to_the_root_must_come_with_it(tmp_path: Path, bundle: Path) -> None:
    reason = refusal(trusting(tmp_path), bundle, signed_with(bundle, HER))
    assert "does not lead to a trusted authority" in reason
    assert "comes with all between it and an authority of the trust file" in reason


def test_an_unknown_authority_does_not_count(tmp_path: Path, bundle: Path) -> None:
    impostor = certified("Acme Root")
    signature = signed_with(bundle, certified("Anna Schmidt", impostor, mail=ANNA), impostor)
    assert "does not lead to a trusted authority" in refusal(trusting(tmp_path), bundle, signature)


def test_an_expired_certificate_does_not_count_whenever_it_signed(tmp_path: Path, bundle: Path) -> None:
    signature = signed_with(bundle, HER, PLANT)
    path = tmp_path / "trust.yaml"
    trusting(tmp_path).verify(bundle, signature, AUTHOR)
    late = Trust.load(path, lambda: to_micros(NOW + 11 * DAY))
    assert "is valid only from" in refusal(late, bundle, signature)
    expired = certified("Anna Schmidt", PLANT, mail=ANNA, days=-1)
    assert "is valid only from" in refusal(trusting(tmp_path), bundle, signed_with(bundle, expired, PLANT))


def test_an_expired_authority_between_does_not_count(tmp_path: Path, bundle: Path) -> None:
    expired = certified("Acme Plant", ROOT, days=-1)
    signature = signed_with(bundle, certified("Anna Schmidt", expired, mail=ANNA), expired)
    assert "one above it is valid only from" in refusal(trusting(tmp_path), bundle, signature)


@pytest.mark.parametrize("revoked", [HER, PLANT, ROOT])
def test_a_revoked_key_anywhere_in_the_chain_ends_it(tmp_path: Path, bundle: Path, revoked: Certified) -> None:
    key = fingerprint(revoked.key.public_key())
    revocation = {"key": key, "reason": "key lost", "since": "2026-01-01T06:00:00+01:00"}
    reason = refusal(trusting(tmp_path, revoked=[revocation]), bundle, signed_with(bundle, HER, PLANT))
    assert f"key {key} is revoked since 2026-01-01T05:00:00.000+00:00: key lost" in reason


def test_who_is_certified_but_not_listed_does_not_sign(tmp_path: Path, bundle: Path) -> None:
    signature = signed_with(bundle, certified("Carl", PLANT, mail="carl@acme.example"), PLANT)
    reason = refusal(trusting(tmp_path), bundle, signature)
    assert "carl@acme.example, CN=Carl is not among the authors of authority acme; add who may sign" in reason


def test_an_author_cannot_sign_as_approver(tmp_path: Path, bundle: Path) -> None:
    signature = signed_with(bundle, HER, PLANT, role=APPROVER)
    assert "is not among the approvers" in refusal(trusting(tmp_path), bundle, signature, APPROVER)


def test_whoever_may_do_both_has_one_name_in_both(tmp_path: Path, bundle: Path) -> None:
    authority = {"name": "acme", "certificate": ROOT.pem, "authors": [ANNA], "approvers": ["CN=Anna Schmidt"]}
    trust = trusting(tmp_path, authorities=[authority])
    author, approver = (trust.verify(bundle, signed_with(bundle, HER, PLANT, role=role), role) for role in Role)
    assert author.signer == approver.signer == ANNA
    with pytest.raises(SignatureError, match="approved what they made themselves"):
        check_four_eyes(author, approver)


def test_a_key_that_is_listed_for_the_other_role_gains_none_by_a_certificate(tmp_path: Path, bundle: Path) -> None:
    signature = signed_with(bundle, HER, PLANT)
    (tmp_path / "anna.pub").write_bytes(public_pem(HER.key.public_key()))
    keys = [{"name": "a.schmidt", "roles": ["approver"], "public_key": "anna.pub"}]
    assert "is trusted as approver, not as author" in refusal(trusting(tmp_path, keys=keys), bundle, signature)


def test_whoever_is_certified_cannot_certify_others(tmp_path: Path, bundle: Path) -> None:
    friend = certified("Anna Schmidt", certified("Carl", PLANT, mail="carl@acme.example"), mail=ANNA)
    assert "does not lead to a trusted" in refusal(trusting(tmp_path), bundle, signed_with(bundle, friend, HER, PLANT))


def test_a_certificate_for_something_else_does_not_sign(tmp_path: Path, bundle: Path) -> None:
    hers = certified("Anna Schmidt", PLANT, mail=ANNA, signs=False)
    reason = refusal(trusting(tmp_path), bundle, signed_with(bundle, hers, PLANT))
    assert "does not hold: Signing certificate cannot be used for signing" in reason


def test_a_certificate_of_another_key_is_refused_before_it_signs(tmp_path: Path) -> None:
    key, _ = HER.write(tmp_path, "anna")
    _, other = PLANT.write(tmp_path, "plant")
    with pytest.raises(SigningError, match=r"plant\.crt is for another key: name the signer's own certificate first"):
        Signer.load(key, chain=(other,))
    with pytest.raises(SigningError, match=r"anna\.key holds no certificate in PEM form"):
        Signer.load(key, chain=(key,))


def test_keys_of_other_kinds_sign_nothing(tmp_path: Path) -> None:
    key = rsa.generate_private_key(65537, 2048)
    path = tmp_path / "rsa.key"
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    with pytest.raises(SigningError, match=r"only elliptic curve keys on P-256, P-384 or P-521 sign bundles"):
        Signer.load(path)
