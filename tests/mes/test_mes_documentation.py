"""docs/mes.md: its mapping is tried and run, and says what the code does; and `andon mes check`."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner, Result

from andon.telemetry.catalogue import CATALOGUE
from services.mes.cli import app
from services.mes.mapping import System, Table
from services.mes.settings import MesSettings
from tests.mes.plant import LINE, content
from tests.mes.rig import Rig, orders, until

PAGE = (Path(__file__).parents[2] / "docs" / "mes.md").read_text(encoding="utf-8")
ROWS = """
INSERT INTO production_orders VALUES
    ('4711', '1000', 'WC20', 'M-1', 500, '2026-03-01 06:00+00', '2026-03-01 08:00+00'),
    ('4712', '1000', 'WC10', 'M-1', 100, NULL, NULL),
    ('4713', '1000', 'WC77', 'M-1', 100, '2026-03-01 08:00+00', NULL),
    ('4714', '2000', 'WC10', 'M-1', 100, '2026-03-01 08:00+00', NULL);
INSERT INTO materials VALUES ('M-1', 'Valve', 'ST', 2.5, '2026-01-01 00:00')
"""


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


async def check(rig: Rig, *options: str) -> Result:
    """Run `andon mes check` on the rig's mapping file."""
    plant = rig.folder / "plant.yaml"
    plant.write_text(yaml.safe_dump(content(rig.plant.site)))
    arguments = ["check", str(rig.folder / "mes.yaml"), "--plant", str(plant), *options]
    return await asyncio.to_thread(CliRunner().invoke, app, arguments)


async def test_its_mapping_is_tried_and_run(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    (tables,), (mapping,) = blocks("sql"), blocks("yaml")
    await rig.mes.do("DROP TABLE production_orders; " + tables + ROWS)
    monkeypatch.setenv("SAP_DSN", rig.mes.dsn)
    (rig.folder / "mes.yaml").write_text(mapping)
    tried = await check(rig)
    assert tried.exit_code == 0, tried.output
    assert tried.output.splitlines() == [
        "sap / order: public.production_orders",
        f"  sap/order/4711  {LINE}  4711  2026-03-01T06:00:00.000+00:00 - 2026-03-01T08:00:00.000+00:00  "
        "product=M-1 quantity=500",
        "  4712: has not begun",
        "  4713: dead letter unknown_asset: place: work_centre is 'WC77', which `map` does not name (add it)",
        "sap / product: public.materials",
        "  sap/product/M-1  (site)  M-1  2025-12-31T23:00:00.000+00:00 -   description=Valve unit=pieces",
    ]
    async with rig.serving(*yaml.safe_load(mapping)["systems"]):
        for kind in ("order", "product"):
            await until(lambda kind=kind: rig.value("andon_mes_polls_total", system="sap", kind=kind) == 1)
        assert {event["id"] for event in await rig.told()} == {"sap/order/4711", "sap/product/M-1"}
        assert [letter.reason for letter in await rig.letters()] == ["unknown_asset"]


async def test_what_does_not_fit_is_shown_with_its_line(rig: Rig) -> None:
    await rig.mes.do("CREATE VIEW broken AS SELECT *, 1 / 0 AS boom FROM production_orders")
    await rig.mes.order("1")
    batches = orders(kind="batch", watermark="work_centre", end="finishd_at", where={"plan": 1})
    shifts = orders(kind="shift", name="boom", **{"from": "public.broken"})
    missing = orders(kind="recipe", **{"from": "public.recipes"})
    away = rig.system(orders(), name="away")
    (rig.folder / "away.dsn").write_text("postgresql://nobody@127.0.0.1:1/none")
    file = rig.write(rig.system(batches, shifts, missing, orders()), away)
    tried = await check(rig)
    assert tried.exit_code == 2
    assert "sap/order/1" in tried.output, "the table that fits is shown"
    lines = file.read_text().splitlines()
    for told, where in (
        ("systems.0.tables.0.watermark: work_centre is of type text, not a timestamp", "watermark: work_centre"),
        ("systems.0.tables.0.end: there is no column 'finishd_at' (did you mean 'finished_at'?)", "end: finishd_at"),
        ("systems.0.tables.0.where.plan: there is no column 'plan' (did you mean 'plant'?)", "plan: 1"),
        ("systems.0.tables.1.from: division by zero", "from: public.broken"),
        ("systems.0.tables.2.from: there is no table or view public.recipes", "from: public.recipes"),
        ("systems.1.dsn: the system cannot be reached: ", "dsn:"),
    ):
        (found,) = [line for line in tried.output.splitlines() if told in line]
        assert where in lines[int(found.split(":")[1]) - 1]


async def test_doubts_are_shown_and_are_no_mistakes(rig: Rig) -> None:
    await rig.mes.do("ALTER TABLE production_orders ALTER changed_at DROP NOT NULL")
    await rig.mes.order("1")
    await rig.mes.order("2")
    await rig.mes.do("UPDATE production_orders SET changed_at = NULL WHERE order_no = '2'")
    rig.write(rig.system(orders(key="material_no")))
    tried = await check(rig, "--sample", "1")
    assert tried.exit_code == 0, tried.output
    assert "watermark: changed_at is null in some rows, which are never read" in tried.output
    assert "key: several rows have the key 'water': the newest counts" in tried.output


def test_the_names_on_the_page_are_those_of_the_code() -> None:
    for name in re.findall(r"`ANDON_MES__(\w+)`", PAGE):
        assert name.lower() in MesSettings.model_fields
    assert set(re.findall(r"andon_\w+_(?:total|seconds|away)", PAGE)) <= set(CATALOGUE)
    for name, field in (*Table.model_fields.items(), *System.model_fields.items()):
        assert re.search(rf"`{field.alias or name}`|^ +(- )?{field.alias or name}:", PAGE, re.MULTILINE), name
