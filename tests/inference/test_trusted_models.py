"""What the registry says is not believed: only what author and approver signed is loaded, and nothing goes back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from andon.errors import BundleError
from andon.models import Bundle
from andon.models.bundle import MANIFEST_FILE, MODEL_FILE, REFERENCE_FILE
from andon.registry.alias import alias_value
from andon.registry.approval import statement
from andon.registry.v1 import registry_pb2 as pb
from andon.serving.trusted import Known, Trusted, check_order, verify
from andon.signing import Role, Trust
from sandbox.registry import RegistrySite, make_registry_site
from tests.registry.desk import NAME, NO_GO, model, saved

SERIAL = 1_800_000_000_000_000


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> RegistrySite:
    return make_registry_site(tmp_path_factory.mktemp("site") / "registry", port=1)


def assigned(
    site: RegistrySite, folder: Path, bundle: Bundle, *, alias: str = "production", rollback: bool = False
) -> pb.Assignment:
    """Return what an honest registry says of a bundle in *folder*."""
    manifest = bundle.manifest
    said = statement(NAME, manifest.version, alias, serial=SERIAL, rollback=rollback)
    return pb.Assignment(
        alias=alias_value(alias),
        model=pb.ModelVersion(
            name=manifest.name,
            version=manifest.version,
            manifest=(folder / MANIFEST_FILE).read_bytes(),
            author_signature=site.signer("anna").sign(folder, Role.AUTHOR),
        ),
        share_permille=1_000,
        approver_signature=site.signer("boris").sign(folder, Role.APPROVER, said),
        serial=SERIAL,
    )


def test_what_both_have_signed_is_loaded_and_says_so(site: RegistrySite, tmp_path: Path) -> None:
    folder = saved(model(1), tmp_path)
    trusted = verify(folder, assigned(site, folder, model(1)), "pump", Trust.load(site.trust))
    assert (trusted.bundle.ref.version, trusted.bundle.ref.verified) == (model(1).manifest.version, "approver")
    assert not trusted.rollback


def test_a_shadow_needs_its_author_only(site: RegistrySite, tmp_path: Path) -> None:
    folder = saved(model(1, verdict=None), tmp_path)
    assignment = assigned(site, folder, model(1, verdict=None), alias="shadow")
    assignment.approver_signature = b""
    assert verify(folder, assignment, "pump", Trust.load(site.trust)).bundle.verified == "author"


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    file=st.sampled_from([MODEL_FILE, MANIFEST_FILE, REFERENCE_FILE]),
    place=st.floats(0, 1, exclude_max=True),
    bit=st.integers(0, 7),
)
def test_any_flipped_bit_is_found(site: RegistrySite, tmp_path: Path, file: str, place: float, bit: int) -> None:
    folder = saved(model(1), tmp_path)
    path = folder / file
    sound = path.read_bytes()
    assignment = assigned(site, folder, model(1))
    content = bytearray(sound)
    content[int(place * len(content))] ^= 1 << bit
    path.write_bytes(content)
    try:
        with pytest.raises(BundleError):
            verify(folder, assignment, "pump", Trust.load(site.trust))
    finally:
        path.write_bytes(sound)


def _without_author(assignment: pb.Assignment) -> None:
    assignment.model.author_signature = b""


def _without_approver(assignment: pb.Assignment) -> None:
    assignment.approver_signature = b""


def _author_as_approver(assignment: pb.Assignment) -> None:
    assignment.approver_signature = assignment.model.author_signature


def _newer_serial(assignment: pb.Assignment) -> None:
    assignment.serial += 1


def _larger_share(assignment: pb.Assignment) -> None:
    assignment.alias, assignment.share_permille = pb.ALIAS_CANARY, 500


def _other_version(assignment: pb.Assignment) -> None:
    assignment.model.version = "000000000000"


@pytest.mark.parametrize(
    ("lie", "words"),
    [
        (_without_author, "author"),
        (_without_approver, "approver"),
        (_author_as_approver, "never counts as approver"),
        (_newer_serial, "the approver signed"),
        (_larger_share, "the approver signed"),
        (_other_version, "the approver signed"),
    ],
)
def test_a_registry_that_lies_gets_nothing_loaded(
    site: RegistrySite, tmp_path: Path, lie: Callable[[pb.Assignment], None], words: str
) -> None:
    folder = saved(model(1), tmp_path)
    assignment = assigned(site, folder, model(1))
    lie(assignment)
    with pytest.raises(BundleError, match=words):
        verify(folder, assignment, "pump", Trust.load(site.trust))


def test_a_signed_model_in_place_of_another_is_not_loaded(site: RegistrySite, tmp_path: Path) -> None:
    folder, other = saved(model(1), tmp_path), saved(model(2), tmp_path)
    with pytest.raises(BundleError, match="is not for this"):
        verify(other, assigned(site, folder, model(1)), "pump", Trust.load(site.trust))


def test_a_model_for_another_class_is_not_loaded(site: RegistrySite, tmp_path: Path) -> None:
    folder = saved(model(1), tmp_path)
    with pytest.raises(BundleError, match="for class 'pump', not 'fan'"):
        verify(folder, assigned(site, folder, model(1)), "fan", Trust.load(site.trust))


@pytest.mark.parametrize("number", [1, 2])
def test_a_model_without_a_go_is_not_loaded_whoever_signed_it(site: RegistrySite, tmp_path: Path, number: int) -> None:
    bundle = model(number, verdict=NO_GO if number == 1 else None)
    folder = saved(bundle, tmp_path)
    with pytest.raises(BundleError, match="no go, or there is none"):
        verify(folder, assigned(site, folder, bundle), "pump", Trust.load(site.trust))


def test_a_revoked_key_counts_no_more(site: RegistrySite, tmp_path: Path) -> None:
    folder = saved(model(1), tmp_path)
    assignment = assigned(site, folder, model(1))
    entry = f"- {{key: {site.signer('boris').key}, reason: stolen, since: 2026-01-01T00:00:00}}"
    revoked = tmp_path / "trust.yaml"
    revoked.write_text(f"{site.trust.read_text()}revoked:\n{entry}\n")
    with pytest.raises(BundleError, match=r"revoked since .*: stolen"):
        verify(folder, assignment, "pump", Trust.load(revoked))


OLD, NEW = Trusted(model(1), rollback=False), Trusted(model(2), rollback=False)
ACTING = Known(SERIAL, model(2).manifest.created, model(2).manifest.version)


def test_a_newer_model_with_a_newer_approval_takes_over() -> None:
    newest = replace(NEW, bundle=model(3))
    known = check_order(newest, SERIAL + 1, ACTING)
    assert known == Known(SERIAL + 1, model(3).manifest.created, model(3).manifest.version)


def test_what_acts_already_may_be_loaded_again() -> None:
    assert check_order(NEW, SERIAL, ACTING) == ACTING


def test_an_approval_from_before_is_refused_even_of_a_newer_model() -> None:
    with pytest.raises(BundleError, match="replays an old one"):
        check_order(replace(NEW, bundle=model(3)), SERIAL - 1, ACTING)


def test_an_older_model_takes_over_only_when_that_was_signed() -> None:
    with pytest.raises(BundleError, match="nobody signed to go back"):
        check_order(OLD, SERIAL + 1, ACTING)
    assert check_order(replace(OLD, rollback=True), SERIAL + 1, ACTING).version == model(1).manifest.version
