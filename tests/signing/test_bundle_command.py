"""`andon bundle`, and docs/signing.md: its commands and files do what the page says."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from andon.errors import BundleError, SigningError
from andon.signing import Role
from andon.signing.cli import app
from tests.signing.people import ANNA, PAUL, certified, new_bundle

PAGE = (Path(__file__).parents[2] / "docs" / "signing.md").read_text(encoding="utf-8")
NAMED = "models/pump/pump-pca-0123456789ab"


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def andon_bundle(*arguments: str | Path) -> Result:
    return CliRunner(env={"COLUMNS": "200"}).invoke(app, [str(each) for each in arguments])


@pytest.fixture
def bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A bundle in the folder that the page's commands are run in."""
    monkeypatch.chdir(tmp_path)
    return new_bundle(Path("models"))


def run(block: str, bundle: Path) -> list[Result]:
    """Run the page's `andon bundle` commands."""
    commands = [shlex.split(line, comments=True) for line in block.replace(NAMED, str(bundle)).splitlines()]
    assert all(command[:2] == ["andon", "bundle"] for command in commands)
    return [andon_bundle(*command[2:]) for command in commands]


def test_the_pages_commands_make_keys_sign_and_verify(bundle: Path) -> None:
    keygen, sign, _ = blocks("sh")
    made = run(keygen, bundle)
    assert [result.exit_code for result in made] == [0, 0]
    trust = blocks("yaml")[0]
    Path("trust.yaml").write_text(trust)
    shown, by_anna, by_paul, verified = run(sign, bundle)
    assert [result.exit_code for result in (shown, by_anna, by_paul, verified)] == [0, 0, 0, 0], verified.output
    assert "purpose       Does the pump run as usual?" in shown.output
    assert "signed as author with key" in by_anna.output
    fingerprints = [result.output.split()[2] for result in made]
    for role, name, key in zip(("author", "approver"), ("anna", "paul"), fingerprints, strict=True):
        assert re.search(rf"{role} +{name} +{key}", verified.output)


@pytest.mark.skipif(shutil.which("jq") is None, reason="the page's commands for auditors use jq")
def test_an_auditor_needs_nothing_of_andon(bundle: Path) -> None:
    keygen, sign, auditor = blocks("sh")
    run(keygen, bundle)
    Path("trust.yaml").write_text(blocks("yaml")[0])
    run(sign, bundle)
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    script = auditor.replace(" paul.pub", f" {Path('keys/paul.pub').resolve()}")
    audit = subprocess.run(["sh", "-ec", script], cwd=bundle, env=environment, capture_output=True, text=True)
    assert audit.returncode == 0, audit.stderr
    assert "Verification succeeded" in audit.stdout
    assert audit.stdout.endswith("manifest.json: OK\nmodel.onnx: OK\nreference.parquet: OK\n")


def test_what_keygen_prints_is_a_trust_file(bundle: Path) -> None:
    printed = andon_bundle("keygen", "anna", "--output", "keys").output
    Path("trust.yaml").write_text(printed)
    andon_bundle("sign", bundle, "--key", "keys/anna.key", "--role", "author")
    verified = andon_bundle("verify", bundle, "--trust", "trust.yaml")
    assert re.search(r"author +anna", verified.output)
    assert (verified.exit_code, verified.stderr.count("\n")) == (1, 1)
    assert "signature of its approver: there is none; sign with `andon bundle sign`" in verified.stderr


def test_a_private_key_is_for_its_owner_only_and_never_overwritten(bundle: Path) -> None:
    andon_bundle("keygen", "anna", "--output", "keys")
    key = Path("keys/anna.key")
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    before = key.read_bytes()
    again = andon_bundle("keygen", "anna", "--output", "keys")
    assert isinstance(again.exception, SigningError)
    assert "keys/anna.key cannot be written: File exists; choose another name" in str(again.exception)
    assert key.read_bytes() == before


def test_a_password_is_read_from_its_file(bundle: Path) -> None:
    Path("password").write_text("open sesame\n")
    andon_bundle("keygen", "anna", "--output", "keys", "--password-file", "password")
    assert "ENCRYPTED" in Path("keys/anna.key").read_text()
    arguments = ("sign", bundle, "--key", "keys/anna.key", "--role", "author")
    assert isinstance(andon_bundle(*arguments).exception, SigningError)
    assert andon_bundle(*arguments, "--password-file", "password").exit_code == 0


def test_people_with_certificates_sign_too(bundle: Path) -> None:
    root = certified("acme-root")
    _, file = root.write(Path(), "acme-root")
    file.rename("acme-root.pem")
    Path("trust.yaml").write_text(blocks("yaml")[1])
    for role, mail in (("author", ANNA), ("approver", PAUL)):
        key, certificate = certified(mail, root, mail=mail).write(Path(), role)
        andon_bundle("sign", bundle, "--key", key, "--certificate", certificate, "--role", role)
    assert andon_bundle("verify", bundle, "--trust", "trust.yaml").exit_code == 0


def test_every_reason_is_shown(bundle: Path) -> None:
    Path("trust.yaml").write_text(andon_bundle("keygen", "anna", "--output", "keys").output)
    (bundle / "model.onnx").write_bytes(b"")
    (bundle / "signatures").mkdir()
    (bundle / "signatures" / "author.sig").symlink_to("/dev/zero")
    verified = andon_bundle("verify", bundle, "--trust", "trust.yaml")
    reasons = verified.stderr.splitlines()
    assert (verified.exit_code, len(reasons)) == (1, 3)
    assert "signature of its author: " in reasons[0]
    assert "author.sig is no file of its own, but a link" in reasons[0]
    assert "signature of its approver: there is none" in reasons[1]
    assert "model.onnx: SHA-256 is" in reasons[2]


def test_one_person_in_both_roles_is_not_enough(bundle: Path) -> None:
    printed = andon_bundle("keygen", "anna", "--output", "keys").output
    Path("trust.yaml").write_text(printed.replace("  - author\n", "  - author\n  - approver\n"))
    for role in Role:
        andon_bundle("sign", bundle, "--key", "keys/anna.key", "--role", role)
    verified = andon_bundle("verify", bundle, "--trust", "trust.yaml")
    assert verified.exit_code == 1
    assert "anna approved what they made themselves" in verified.stderr


def test_a_damaged_bundle_is_not_signed(bundle: Path) -> None:
    andon_bundle("keygen", "anna", "--output", "keys")
    (bundle / "model.onnx").write_bytes(b"")
    signed = andon_bundle("sign", bundle, "--key", "keys/anna.key", "--role", "author")
    assert isinstance(signed.exception, BundleError)
    assert not (bundle / "signatures").exists()
