from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from asyncua import Client, ua
from typer.testing import CliRunner, Result

from andon.cli import app
from andon.plant import load_plant
from services.ingest.opcua.config import OpcUaConfig
from services.ingest.opcua.selection import Selection, select
from services.ingest.opcua.units import unit_of
from services.ingest.readings import Signals
from services.ingest.sources import load_sources
from tests.opcua.vendor_server import PASSWORD, PUMPS


def browse(*options: str | Path) -> Result:
    return CliRunner().invoke(app, ["browse", *map(str, options)])


def refused(*options: str | Path) -> str:
    result = browse(*options)
    assert result.exit_code == 2
    return result.stderr


def lines(text: str) -> list[str]:
    return [line.strip("│├└─ ") for line in text.splitlines()]


async def selected(folder: Path, url: str) -> tuple[Selection, Signals]:
    """Select with the proposed source at the server, for the proposed plant."""
    (config,) = load_sources(folder / "sources.yaml").sources
    assert isinstance(config, OpcUaConfig)
    signals = Signals(load_plant(folder / "plant.yaml"))
    async with Client(url) as client:
        return await select(client, config.select, signals), signals


def test_the_tree_shows_names_addresses_types_ranges_units_and_values(vendor: str) -> None:
    result = browse(vendor, "--values")
    assert result.exit_code == 0, result.stderr
    shown = lines(result.stdout)
    for line in (
        f"Line 1  nsu={PUMPS};s=Line1  FolderType",
        f"Pump1  nsu={PUMPS};s=Pump1  PumpType",
        f"Flow  nsu={PUMPS};s=Pump1.Flow  Double 0..50 = 12.5",
        f"Pressure  nsu={PUMPS};s=Pump1.Pressure  Double bar = 4.0",
        f"Product  nsu={PUMPS};s=Tank1.Product  String = water",
    ):
        assert line in shown
    assert "not secured" in result.stderr


def test_the_tree_begins_and_ends_where_it_is_told(vendor: str) -> None:
    shown = lines(browse(vendor, "--root", f"nsu={PUMPS};s=Line1", "--depth", "1").stdout)
    assert [line.split("  ")[0] for line in shown[1:]] == ["Pump1", "Pump2", "Booster1", "Tank1"]


async def test_the_proposed_plant_is_accepted_and_its_source_reads_every_tag(vendor: str, tmp_path: Path) -> None:
    result = await asyncio.to_thread(browse, vendor, "--as-plant", "--output", tmp_path, "--site", "riverside")
    assert result.exit_code == 0, result.stderr
    assert CliRunner().invoke(app, ["plant", "check", str(tmp_path / "plant.yaml")]).exit_code == 0
    plant = load_plant(tmp_path / "plant.yaml")
    assert plant.site == "riverside"
    assert {path: asset.asset_class for path, asset in plant.assets.items()} == {
        "Line-1/Pump1": "pump",
        "Line-1/Pump2": "pump",
        "Line-1/Booster1": "booster",
        "Line-1/Tank1": "tank",
    }
    tags = plant.classes["pump"].tags
    assert {name: tag.kind.value for name, tag in tags.items()} == {
        "Flow": "number",
        "Starts": "integer",
        "Running": "boolean",
        "Measurements.Pressure": "number",
    }
    assert (tags["Flow"].range, tags["Measurements.Pressure"].unit) == ((0, 50), "bar")
    selection, signals = await selected(tmp_path, vendor)
    assert selection.findings == ()
    assert [item.signal for item in selection.items] == list(range(len(signals)))
    assert "Line-1/Tank1: left out, neither number nor boolean: Product (String)" in result.stderr


async def test_a_companion_specification_s_machines_become_a_plant(companion: str, tmp_path: Path) -> None:
    result = await asyncio.to_thread(browse, companion, "--as-plant", "--output", tmp_path)
    assert result.exit_code == 0, result.stderr
    assert CliRunner().invoke(app, ["plant", "check", str(tmp_path / "plant.yaml")]).exit_code == 0
    plant = load_plant(tmp_path / "plant.yaml")
    assert plant.class_of("Examples/Stacklights/ExampleStacklight") == "stacklight"
    assert plant.classes["stacklight"].tags["Lamp3.Intensity"].range == (0, 100)
    assert plant.classes["calibration-target"].tags["CalibrationTargetFeatures.CalibrationValue1"].unit == "meter"
    selection, signals = await selected(tmp_path, companion)
    assert selection.findings == ()
    assert [item.signal for item in selection.items] == list(range(len(signals)))


def test_what_is_pasted_is_what_is_written(vendor: str, tmp_path: Path) -> None:
    browse(vendor, "--as-plant", "--output", tmp_path)
    pasted = browse(vendor, "--as-plant").stdout
    written = [(tmp_path / name).read_text() for name in ("plant.yaml", "sources.yaml")]
    assert pasted == "# plant.yaml\n{}---\n# sources.yaml\n{}".format(*written)
    assert "cannot be written: File exists" in refused(vendor, "--as-plant", "--output", tmp_path)


def test_a_secured_server_is_browsed_with_a_login(secured_vendor: str, tmp_path: Path) -> None:
    secured = (secured_vendor, "--policy", "Basic256Sha256", "--folder", tmp_path / "pki", "--user", "andon")
    (tmp_path / "password").write_text(PASSWORD)
    (tmp_path / "wrong").write_text("wrong")
    assert "is not trusted" in refused(*secured, "--password-file", tmp_path / "password")
    (rejected,) = (tmp_path / "pki" / "rejected").iterdir()
    (tmp_path / "pki" / "trusted").mkdir()
    rejected.rename(tmp_path / "pki" / "trusted" / rejected.name)
    result = browse(*secured, "--password-file", tmp_path / "password")
    assert (result.exit_code, result.stderr) == (0, "")
    assert "the server refuses the login" in refused(*secured, "--password-file", tmp_path / "wrong")


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["opc.tcp://127.0.0.1:9"], "no server there"),
        (["opc.tcp://no-such-host.invalid:4840"], "there is no such host"),
        (["http://plc-7"], "write opc.tcp://HOST:PORT"),
        (["VENDOR", "--policy", "Aes128Sha256RsaOaep"], "does not offer Aes128Sha256RsaOaep with SignAndEncrypt, but:"),
        (["VENDOR", "--root", "ns=2;s=Line1"], "write nsu=URI;s=Line1"),
        (["VENDOR", "--root", f"nsu={PUMPS};s=Line9"], f"the server has no node nsu={PUMPS};s=Line9"),
        (["VENDOR", "--user", "andon"], "--user needs --password-file or --password-env"),
        (["VENDOR", "--as-plant", "--root", f"nsu={PUMPS};s=Pump1.Flow"], "no numbers and no booleans"),
    ],
)
def test_what_is_wrong_is_told_in_plain_words(
    vendor: str, tmp_path: Path, options: list[str], told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert told in refused(*(vendor if option == "VENDOR" else option for option in options))


@pytest.mark.parametrize(
    ("code", "name", "unit"),
    [
        (4342098, "bar", "bar"),  # BAR
        (20053, "Nm", "N*m"),  # NU: newton metre, which is no nanometre
        (0, "m³/h", "m³/h"),
        (0, "Nm", "N*m"),
        (0, "pieces per shift", None),
        (-1, "", None),
    ],
)
def test_units_are_known_by_their_code_or_else_by_their_name(code: int, name: str, unit: str | None) -> None:
    assert unit_of(ua.EUInformation("uri", code, ua.LocalizedText(name))) == unit
