"""docs/registry.md: its commands run as they stand there, and its names are those of the code."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from andon.cli import app
from andon.registry.settings import ModelSettings
from andon.settings import DatabaseSettings
from andon.telemetry.catalogue import CATALOGUE
from sandbox.broker import free_port
from sandbox.registry import RegistrySite, make_registry_site
from services.registry.access import Access, Role
from services.registry.settings import RegistrySettings
from tests.registry.desk import andon_registry, model, promote, registry, saved

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "registry.md").read_text(encoding="utf-8")
FIRST, SECOND = model(1), model(2)
VERSION = "1f2e3d4c5b6a"
RECEIPT = "9:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"


def commands(heading: str) -> list[list[str]]:
    """Return the arguments of each `andon` command in the block below a heading."""
    (block,) = re.findall(rf"## {heading}\n.*?```sh\n(.*?)```", PAGE, re.DOTALL)
    found = [shlex.split(line, comments=True) for line in block.splitlines()]
    assert all(command[0] == "andon" for command in found)
    return [command[1:] for command in found]


def with_keys(folder: Path) -> RegistrySite:
    """Return a site whose people have just made their keys, by the page's own commands."""
    site = make_registry_site(folder / "registry", free_port())
    keys = []
    for command in commands("Keys"):
        made = CliRunner().invoke(app, command)
        assert made.exit_code == 0, made.output
        keys += yaml.safe_load(made.output)["keys"]
    site.trust.write_text(yaml.safe_dump({"keys": keys}))
    for file in Path("keys").iterdir():
        file.rename(site.folder / "keys" / file.name)
    Path("keys").rmdir()
    Path("keys").symlink_to(site.folder / "keys")
    return site


async def test_its_promotion_runs_step_by_step(
    database: DatabaseSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with_keys(tmp_path)
    async with registry(tmp_path, database) as site:
        await promote(site, FIRST, tmp_path)
        bundle, version = saved(SECOND, tmp_path), SECOND.manifest.version
        said = {f"bundles/pump/pump-{VERSION}": str(bundle), VERSION: version}
        for command in commands("A promotion, step by step"):
            arguments = [said.get(argument, argument) for argument in command]
            assert arguments.pop(0) == "registry"
            who = "boris" if arguments[0] in ("approve", "rollback") else "anna"
            result = await andon_registry(site, who, *arguments)
            assert result.exit_code == 0, (command, result.output, result.exception)
            if receipt := re.search(r"^receipt (.*)$", result.output, re.MULTILINE):
                said[RECEIPT] = receipt[1]
        assert "sound: 9 entries" in result.output
        assert (tmp_path / "audit.jsonl").read_text().count("\n") == 9


def test_its_access_file_is_one() -> None:
    (content,) = re.findall(r"```yaml\n# access.yaml\n(.*?)```", PAGE, re.DOTALL)
    access = Access.model_validate(yaml.safe_load(content))
    assert access.roles_of("anna") == {Role.AUTHOR}
    assert set(re.findall(r"^\| `([a-z]+)` \|", PAGE, re.MULTILINE)) == set(Role)


def test_every_name_on_the_page_is_one_of_the_code() -> None:
    for prefix, settings in (("REGISTRY", RegistrySettings), ("MODELS", ModelSettings)):
        named = re.findall(rf"ANDON_{prefix}__([A-Z]+(?:_[A-Z]+)*)", PAGE)
        assert named
        assert {name.lower() for name in named} <= set(settings.model_fields)
    assert set(re.findall(r"\bandon_\w+", PAGE)) <= set(CATALOGUE)
    for path in re.findall(r"tests/[\w/]+(?:\.py)?", PAGE):
        assert (ROOT / path).exists(), path
