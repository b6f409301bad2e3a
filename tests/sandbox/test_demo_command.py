"""`andon demo` and `andon up` as a user runs them: real broker, real services, real signals."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import orjson
import psutil
import pytest
import yaml
from typer.testing import CliRunner

from andon.cli import app
from sandbox.demo.scenario import examples
from sandbox.mosquitto import program
from sandbox.station.record import write_recording
from sandbox.station.simulate import StationConfig, simulate

ANDON = (sys.executable, "-c", "from andon.cli import main; main()")


def andon(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*ANDON, *arguments], capture_output=True, text=True, timeout=150, check=False)


@pytest.mark.alone
@pytest.mark.parametrize("source", ["recording", "opcua", "sparkplug"])
def test_the_demo_finds_the_events_whatever_way_the_machines_are_read(source: str, tmp_path: Path) -> None:
    if source == "sparkplug" and program() is None:
        pytest.skip("Mosquitto is not installed")
    # A real server cannot be read as fast as a file.
    options = ("--source", source, "--seconds", "8" if source == "recording" else "40")
    done = andon("demo", *options, "--directory", str(tmp_path), "--picture", str(tmp_path / "demo.svg"))
    assert done.returncode == 0, done.stdout + done.stderr
    report = orjson.loads((tmp_path / "report.json").read_bytes())
    assert report["events"] == report["events_found"] + len(report["missed"]) == 10
    assert report["events_found"] >= 8
    assert report["false_alarms_per_hour"] < 2
    assert report["dead_letters"] == {}
    assert report["vectors_recomputed"] > 1_000
    assert report["parity_mismatches"] == 0
    assert report["frames_per_s"] > 100
    assert 0 < report["p50_ms"] <= report["p99_ms"]
    assert "events found" in done.stdout
    assert (tmp_path / "demo.svg").read_text().startswith("<svg")
    page = (tmp_path / "report.html").read_text()
    assert f"<h1>Found {report['events_found']} of 10 faults" in page
    assert "approved request 1 of anna" in page  # the alert is walked back to the people behind its model
    assert str(tmp_path / "report.html") in done.stdout.replace("\n", "")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--recording", "nowhere"), "nowhere"),
        (("--recording", ".", "--source", "opcua"), "leave out --recording"),
        (("--seconds", "0"), "seconds"),
        (("--speed", "fast"), "fast"),
        (("--recording", ".", "--plant", "none.yaml", "--mapping", "none.yaml"), "none.yaml"),
    ],
)
def test_a_wrong_option_is_named_without_a_traceback(arguments: tuple[str, ...], said: str, tmp_path: Path) -> None:
    runner = CliRunner(env={"COLUMNS": "200"})
    done = runner.invoke(app, ["demo", "--directory", str(tmp_path / "demo"), *arguments], prog_name="andon")
    assert isinstance(done.exception, SystemExit), done.exception  # of any other, Python shows a traceback
    assert done.exit_code != 0
    assert said in done.output


async def test_up_runs_until_ctrl_c_and_leaves_no_process(tmp_path: Path) -> None:
    write_recording(simulate(StationConfig()).live, tmp_path / "live")
    plant = tmp_path / "plant.yaml"
    plant.write_text(yaml.safe_dump(yaml.safe_load((examples() / "pumps" / "plant.yaml").read_text())))
    (tmp_path / "bundles").mkdir()
    options = ("--plant", str(plant), "--bundles", str(tmp_path / "bundles"), "--directory", str(tmp_path / "up"))
    process = await asyncio.create_subprocess_exec(
        *(*ANDON, "up", *options, "--recording", str(tmp_path / "live")),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={**os.environ, "COLUMNS": "200"},
    )
    try:
        said = await said_until(process, "alert: metrics and health at")
        assert any("broker at 127.0.0.1" in line for line in said)
        children = psutil.Process(process.pid).children(recursive=True)
        assert len(children) >= 6  # broker, database, four services, source
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGINT)
        async with asyncio.timeout(60):
            await process.communicate()
    assert process.returncode == 0
    assert not [child for child in children if child.is_running() and child.status() != psutil.STATUS_ZOMBIE]


async def said_until(process: asyncio.subprocess.Process, last: str) -> list[str]:
    """Return the lines that a process writes, up to the one that holds *last*."""
    assert process.stdout is not None
    said: list[str] = []
    async with asyncio.timeout(90):
        while not said or last not in said[-1]:
            said.append((await process.stdout.readline()).decode())
            assert said[-1], said
    return said
