"""`andon probe` against the real chain: a frame is judged, or the command says where it stayed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import typer
import yaml
from typer.testing import CliRunner, Result

from andon.contracts import Frame
from andon.errors import ConfigError
from andon.plant import Plant
from andon.plant.load import load_plant
from andon.probe.cli import probe
from andon.probe.frame import probe_frame
from sandbox.chain import Chain, running_chain

DOCUMENT = {
    "enterprise": "acme",
    "site": "north",
    "classes": {
        "pump": {
            "tags": {
                "flow": {"unit": "m^3/h", "range": [0, 1000], "limits": {"high": 900, "low": 100}},
                "heat": {"unit": "degC", "source_unit": "kelvin", "range": [0, 100]},
                "starts": {"kind": "integer", "range": [0, 5]},
                "running": {"kind": "boolean"},
                "mode": {"kind": "state", "states": ["auto", "hand"]},
                "sound": {"kind": "waveform", "rate_hz": 100},
            },
            "features": {"window": "1s", "lateness": "200ms", "idle": "1s"},
        }
    },
    "assets": {"line/pump-0": {"class": "pump"}},
}


def plant_file(folder: Path, **assets: object) -> Path:
    file = folder / f"plant-{len(assets)}.yaml"
    file.write_text(yaml.safe_dump(DOCUMENT | {"assets": {"line/pump-0": {"class": "pump"}, **assets}}))
    return file


@pytest.fixture
async def chain(tmp_path: Path) -> AsyncIterator[Chain]:
    """A chain without services, on a broker of its own."""
    lines: list[str] = []
    async with running_chain(
        plant_file(tmp_path), tmp_path / "run", lambda *line: lines.append(" ".join(line)), database=False
    ) as running:
        yield running


async def probing(chain: Chain, asset: str = "line/pump-0", timeout_s: int = 60, **variables: str) -> Result:
    app = typer.Typer()
    app.command()(probe)
    arguments = [asset, "--timeout", f"{timeout_s}s"]
    return await asyncio.to_thread(CliRunner().invoke, app, arguments, env={**chain.environment, **variables})


async def test_a_frame_is_judged_or_the_stage_that_it_did_not_pass_is_named(chain: Chain, tmp_path: Path) -> None:
    nobody = await probing(chain)
    assert isinstance(nobody.exception, ConfigError)
    assert "no service of this site ran there" in str(nobody.exception)

    await chain.start("context", {"ANDON_CONTEXT__PATIENCE": "1s"})
    await chain.ready("context")
    stuck = await probing(chain, timeout_s=4)
    assert stuck.exit_code == 1, stuck.output
    assert "nothing came on the feature topic in 4s: is the feature service ready" in stuck.output

    other = plant_file(tmp_path, **{"line/pump-1": {"class": "pump"}})
    refused = await probing(chain, "line/pump-1", ANDON_PLANT=str(other))
    assert refused.exit_code == 1, refused.output
    assert "context set it aside: unknown_asset" in refused.output

    (tmp_path / "bundles").mkdir()
    chain.following = {"ANDON_INFERENCE__BUNDLES": str(tmp_path / "bundles"), "ANDON_MODELS__UNSIGNED": "allow"}
    await chain.start("feature")
    await chain.start("inference")
    await chain.ready("feature", "inference")
    judged = await probing(chain)
    assert judged.exit_code == 0, judged.output
    assert [line.split()[-1] for line in judged.output.splitlines()[1:4]] == ["context", "feature", "inference"]
    assert "its window was judged: abstain (no_model" in judged.output


@pytest.mark.parametrize(
    ("asset", "timeout", "complaint"),
    [
        ("line/pump-9", "1s", "the plant model has no asset 'line/pump-9'; it has line/pump-0"),
        ("line/pump-0", "soon", "--timeout: "),
        ("line/pump-0", "0s", "--timeout: must be more than nothing"),
    ],
)
def test_what_is_wrong_with_the_command_is_said(tmp_path: Path, asset: str, timeout: str, complaint: str) -> None:
    app = typer.Typer()
    app.command()(probe)
    environment = {"ANDON_PLANT": str(plant_file(tmp_path))}
    result = CliRunner().invoke(app, [asset, "--timeout", timeout], env=environment)
    assert isinstance(result.exception, ConfigError)
    assert complaint in str(result.exception)


def test_a_frame_holds_what_its_tags_allow(tmp_path: Path) -> None:
    plant: Plant = load_plant(plant_file(tmp_path))
    frame = probe_frame(plant, "line/pump-0", 1_700_000_000_000_000)
    assert frame == Frame.model_validate_json(frame.model_dump_json())
    assert frame.values == {
        "flow": 500.0,
        "heat": pytest.approx(323.15),
        "starts": 2,
        "running": False,
        "mode": "auto",
        "sound": None,
    }
    assert frame.session.startswith("probe@")
