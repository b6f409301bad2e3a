"""The commands of the documents are right: each renders, with the files that it names."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.helm.chart import CHART, helm, of_kind

pytestmark = pytest.mark.chart

ROOT = CHART.parents[1]
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
OPERATIONS = ROOT / "docs" / "operations.md"


def blocks(page: Path, language: str) -> list[str]:
    return [text for found, text in _BLOCK.findall(page.read_text()) if found == language]


def commands(page: Path, *verbs: str) -> list[list[str]]:
    lines = "\n".join(blocks(page, "sh")).replace("\\\n", " ").splitlines()
    return [shlex.split(line) for line in lines if line.startswith(tuple(f"helm {verb}" for verb in verbs))]


INSTALLS = [
    pytest.param(command, id=f"{page.stem}-{number}")
    for page in (ROOT / "README.md", OPERATIONS)
    for number, command in enumerate(commands(page, "install"))
]


def render(arguments: list[str], folder: Path) -> tuple[dict[str, object], ...]:
    """Render what a command would install, in a folder with the files that it names."""
    (folder / "helm").symlink_to(ROOT / "helm")
    (folder / "plant.yaml").write_text("enterprise: acme\nsite: north\n")
    (folder / "sources.yaml").write_text("sources: []\n")
    known = [each for each in arguments if each not in ("--install", "--create-namespace")]
    result = subprocess.run([helm(), "template", *known], cwd=folder, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return tuple(each for each in yaml.safe_load_all(result.stdout) if each)


@pytest.mark.parametrize("command", INSTALLS)
def test_the_command_to_install_is_right(command: list[str], tmp_path: Path) -> None:
    manifests = render(command[2:], tmp_path)
    assert len(of_kind(manifests, "Deployment")) >= 8


def test_the_values_of_the_plant_profile_are_enough(tmp_path: Path) -> None:
    (command,) = (each for each in commands(OPERATIONS, "upgrade") if "--install" in each)
    (site,) = (text for text in blocks(OPERATIONS, "yaml") if "certManager" in text)
    (tmp_path / "site.yaml").write_text(site)
    (tmp_path / "any.yaml").write_text("{}")
    files = re.findall(
        r"`((?:plant|services|models)\.[^`]*)`",
        OPERATIONS.read_text().split("by `--set-file`:")[1].split("Identities")[0],
    )
    given = [part for file in files for part in ("--set-file", f"{file}=any.yaml")]
    names = of_kind(render([*command[2:], *given], tmp_path), "Deployment", "StatefulSet")
    assert {"andon-registry", "andon-trainer", "andon-drift"} <= names.keys()


def test_every_switch_that_is_named_exists() -> None:
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    table = OPERATIONS.read_text().split("## What each switch does")[1].split("##")[0]
    for name in re.findall(r"^\| `([\w.]+)` \|", table.replace("services.NAME", "defaults"), re.MULTILINE):
        found = values
        for part in name.split("."):
            assert part in found or name == "services.registry.enabled", name
            found = found.get(part, {})
