"""docs/ingest.md: its sources file is one, and its first machine is connected by its commands."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from andon.cli import app
from andon.plant.load import load_plant
from sandbox.broker import free_port
from sandbox.station.record import DATA, write_recording
from sandbox.station.simulate import StationConfig, simulate
from services.ingest.opcua.config import OpcUaConfig
from services.ingest.settings import IngestSettings
from services.ingest.sources import load_sources

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "ingest.md").read_text(encoding="utf-8")


def test_the_example_is_a_sources_file(tmp_path: Path) -> None:
    (example,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    (tmp_path / "sources.yaml").write_text(example)
    assert [source.kind for source in load_sources(tmp_path / "sources.yaml").sources] == [
        "opcua",
        "mqtt",
        "sparkplug",
        "recording",
    ]


def test_the_variables_that_it_names_are_settings() -> None:
    for name in re.findall(r"`ANDON_INGEST__(\w+?)(?:__\*)?`", PAGE):
        assert name.lower() in IngestSettings.model_fields


def test_a_first_machine_is_connected_by_its_commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commands = re.findall(r"^(?:andon|python -m) .*$", PAGE, re.MULTILINE)
    write_recording(simulate(StationConfig(training=0, live=60, faults=())).live, tmp_path / "run" / "station" / "live")
    monkeypatch.chdir(tmp_path)
    port = str(free_port())
    (serve,) = [command for command in commands if "sandbox.machines.plc" in command]
    serve = serve.replace("4840", port).replace("examples/", f"{ROOT}/examples/")
    assert DATA in serve
    plc = subprocess.Popen([sys.executable, *serve.split()[1:]], stdout=subprocess.PIPE, text=True)
    try:
        assert plc.stdout is not None
        assert "OPC UA server at" in plc.stdout.readline()
        for command in (command for command in commands if re.match("andon (browse|plant)", command)):
            done = CliRunner().invoke(app, command.replace("4840", port).split()[1:])
            assert done.exit_code == 0, f"{command}: {done.output}"
    finally:
        plc.kill()
        plc.wait()
    assert len(load_plant(tmp_path / "run" / "first" / "plant.yaml").assets) == 4
    (source,) = load_sources(tmp_path / "run" / "first" / "sources.yaml").sources
    assert isinstance(source, OpcUaConfig)
    (up,) = [command for command in commands if command.startswith("andon up")]
    assert "--plant run/first/plant.yaml --sources run/first/sources.yaml" in up
