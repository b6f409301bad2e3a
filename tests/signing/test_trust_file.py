"""trust.yaml is checked as a whole, and every mistake is shown with its line and what to do."""

from __future__ import annotations

from typing import Any

import pytest

from andon.errors import ConfigError
from andon.signing import Trust
from tests.signing.people import ANNA, People, certified

ROOT = certified("Acme Root")
BELOW = certified("Acme Plant", ROOT)
LEAF = certified("Anna", ROOT, mail=ANNA)


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> People:
    return People.at(tmp_path_factory.mktemp("people"))


def findings(people: People, **content: Any) -> str:
    with pytest.raises(ConfigError) as refused:
        people.trusting(**content)
    return str(refused.value)


def test_all_mistakes_are_shown_with_their_lines(people: People) -> None:
    path = people.folder / "trust.yaml"
    path.write_text(
        """\
keys:
  - name: anna
    roles: [autor]
    public_key: anna.key
  - name: paul
    roles: [approver]
    public_key: pual.pub
    not_after: tomorrow
    keyfile: paul.pub
revoked:
  - {key: AB:CD, since: 2026-05-01}
"""
    )
    with pytest.raises(ConfigError) as refused:
        Trust.load(path)
    found = str(refused.value)
    for line in (
        f"{path}:3: keys.0.roles.0: 'autor' is not known here (did you mean 'author'?)",
        f"{path}:4: keys.0.public_key: is a private key, which nobody but its owner may have",
        f"{path}:7: keys.1.public_key: {people.folder / 'pual.pub'} cannot be read: No such file or directory",
        f"{path}:8: keys.1.not_after: ",
        f"{path}:9: keys.1.keyfile: is no known field",
        f"{path}:11: revoked.0.key: ",
        f"{path}:11: revoked.0.reason: is missing",
    ):
        assert line in found


def test_a_key_can_stand_in_the_file_itself(people: People) -> None:
    keys = people.keys
    keys[0]["public_key"] = (people.folder / "anna.pub").read_text()
    people.trusting(keys=keys)


def test_the_file_must_be_there_and_trust_somebody(people: People) -> None:
    with pytest.raises(ConfigError, match=r"none\.yaml: cannot be read: No such file .*name the trust file"):
        Trust.load(people.folder / "none.yaml")
    assert "names nobody to trust" in findings(people, keys=[])


def test_a_key_is_there_once(people: People) -> None:
    again = {"name": "anna too", "roles": ["approver"], "public_key": "anna.pub"}
    assert "is there twice (remove one; an entry can have both roles)" in findings(people, keys=[*people.keys, again])


def test_somebody_can_have_an_old_and_a_new_key(people: People) -> None:
    keys = people.keys
    keys[1] |= {"name": "anna", "roles": ["author"]}
    people.trusting(keys=keys)


@pytest.mark.parametrize(
    ("certificate", "reason"),
    [
        (BELOW.pem, "is no certificate of a root authority: put the root here"),
        (LEAF.pem, "is no certificate of a root authority"),
        (ROOT.pem + BELOW.pem, "holds 2 certificates; give each authority an entry of its own"),
        ("anna.pub", "holds no certificate in PEM form"),
    ],
)
def test_only_a_root_is_an_authority(people: People, certificate: str, reason: str) -> None:
    authority = {"name": "acme", "certificate": certificate, "authors": [ANNA]}
    assert reason in findings(people, authorities=[authority])


def test_an_authority_is_there_once(people: People) -> None:
    one = {"name": "acme", "certificate": ROOT.pem, "authors": [ANNA]}
    two = {"name": "again", "certificate": ROOT.pem, "approvers": ["paul@acme.example"]}
    assert "the authority CN=Acme Root is there twice" in findings(people, authorities=[one, two])
