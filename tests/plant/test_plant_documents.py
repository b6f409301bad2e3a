"""What users see of the plant model: the page on it, the schema for their editor, the command."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from typer.testing import CliRunner

from andon.plant import Plant, load_plant
from andon.plant.cli import app, schema_text
from andon.plant.schema import plant_schema
from andon.plant.source import read_source

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"


@pytest.fixture
def example(tmp_path: Path) -> Path:
    """The example of the documentation, as a file."""
    blocks = (DOCS / "plant.md").read_text(encoding="utf-8").split("```yaml\n")[1:]
    whole, second_line = (block.partition("```")[0] for block in blocks)
    file = tmp_path / "plant.yaml"
    file.write_text(whole.replace("\nuse_cases:", f"{second_line}\nuse_cases:"), encoding="utf-8")
    return file


def test_the_example_and_its_second_line_load(example: Path) -> None:
    plant = load_plant(example)
    assert list(plant.assets) == [f"water/line-{line}/station-1/pump-{pump}" for line in (1, 2) for pump in (1, 2)]
    assert plant.classes["pump"].tags["mode"].states == ("off", "manual", "auto")


def test_the_schema_for_editors_is_up_to_date() -> None:
    committed = (DOCS / "plant.schema.json").read_text(encoding="utf-8")
    assert committed == schema_text(), "run: andon plant schema --output docs/plant.schema.json"


def test_the_schema_accepts_what_loads_and_refuses_what_does_not(example: Path) -> None:
    Draft202012Validator.check_schema(plant_schema())
    validator = Draft202012Validator(plant_schema())
    document = read_source(example.read_bytes()).data
    assert not list(validator.iter_errors(document))
    document["classes"]["pump"]["tags"]["flow"]["rnage"] = [0, 1]
    document["assets"]["water/line-1/station-1/pump-1"] = {}
    assert len(list(validator.iter_errors(document))) == 2


def test_check_shows_what_a_good_file_makes(example: Path) -> None:
    result = CliRunner().invoke(app, ["check", str(example)])
    assert result.exit_code == 0
    assert "acme / north" in result.output
    assert ["pump", "4", "6", "33"] in [line.split() for line in result.output.splitlines()]
    assert "uns.v1.acme.north.raw" in result.output


def test_check_lists_findings_and_exits_with_2(example: Path) -> None:
    example.write_text(example.read_text().replace("kind: boolean", "kind: bolean").replace("scan: 1s", "scan: 1"))
    result = CliRunner().invoke(app, ["check", str(example)])
    assert result.exit_code == 2
    assert f"{example}:8: classes.pump.scan: 1 has no unit (write 1s, 1ms, 1min ...)" in result.output
    assert "'bolean' is not known here (did you mean 'boolean'?)" in result.output
    assert result.output.endswith("2 to correct\n")


def test_schema_goes_where_it_is_sent(tmp_path: Path) -> None:
    file = tmp_path / "plant.schema.json"
    runner = CliRunner()
    assert runner.invoke(app, ["schema", "--output", str(file)]).exit_code == 0
    assert json.loads(runner.invoke(app, ["schema"]).output) == json.loads(file.read_text(encoding="utf-8"))


@pytest.mark.parametrize("file", sorted(ROOT.glob("examples/*/plant.yaml")), ids=lambda file: file.parent.name)
def test_every_example_loads(file: Path) -> None:
    assert isinstance(load_plant(file), Plant)
