"""mes.yaml: every mistake is named with its line, in words that help."""

from __future__ import annotations

from pathlib import Path

import pytest

from andon.errors import ConfigError
from services.mes.mapping_file import MappingError, load_mapping
from services.mes.source import read_dsn
from tests.mes.plant import LINE, PUMP, plant

SOUND = f"""\
systems:
  - name: sap
    dsn: {{file: dsn}}
    every: 10s
    tables:
      - kind: order
        from: public.production_orders
        watermark: changed_at
        key: order_no
        name: order_no
        place: {{column: work_centre, map: {{WC10: {PUMP}, WC20: {LINE}, ALL: ""}}}}
        start: started_at
        end: finished_at
        attributes: {{product: material_no, unit: {{column: uom, map: {{ST: pieces}}}}}}
        where: {{plant: 1000, released: true}}
        time_zone: Europe/Berlin
      - kind: machine_state
        from: public.states
        watermark: id
        key: [machine, since]
        name: {{column: state, map: {{R: running}}}}
        place: machine
        start: since
"""


def findings(folder: Path, text: str) -> str:
    """Load a text as a mapping file and return what is wrong with it."""
    file = folder / "mes.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(MappingError) as raised:
        load_mapping(file, plant())
    return str(raised.value).replace(str(folder), "")


def test_a_sound_file_is_read_and_its_secrets_are_beside_it(tmp_path: Path) -> None:
    (tmp_path / "mes.yaml").write_text(SOUND)
    (system,) = load_mapping(tmp_path / "mes.yaml", plant()).systems
    orders, states = system.tables
    assert system.dsn.file == tmp_path / "dsn"
    assert orders.relation == ("public", "production_orders")
    assert orders.where == {"plant": "1000", "released": "true"}
    assert orders.columns == (
        *("changed_at", "order_no", "work_centre", "material_no", "uom", "started_at", "finished_at"),
    )
    assert (states.key, states.place.column) == (("machine", "since"), "machine")


@pytest.mark.parametrize(
    ("wrong", "right", "said"),
    [
        ("name: sap", "name: sap/1", "2: systems.0.name: 'sap/1' may hold only letters"),
        ("{file: dsn}", "{file: dsn, env: DSN}", "3: systems.0.dsn: give either `file` or `env`"),
        ("dsn: {file: dsn}", "tls: {enabled: maybe}", "3: systems.0.tls.enabled: 'maybe' is neither true nor false"),
        ("every: 10s", "every: 10", "4: systems.0.every: 10 has no unit (write 10s"),
        ("every: 10s", "every: soon", "4: systems.0.every: 'soon' is no duration"),
        ("every: 10s", "every: 1ms", "4: systems.0.every: "),
        ("every: 10s", "evry: 10s", "4: systems.0.evry: is no known field (did you mean 'every'?)"),
        ("every: 10s", "timeout: 0s", "4: systems.0.timeout: "),
        ("every: 10s", "statement_timeout: 1us", "4: systems.0.statement_timeout: "),
        ("kind: order", "kind: ordre", "6: systems.0.tables.0.kind: 'ordre' is not known here (did you mean 'order'?)"),
        ("kind: machine_state", "kind: order", "5: systems.0.tables: two tables are of kind 'order'"),
        ("public.production_orders", "orders", "7: systems.0.tables.0.from: 'orders' is no table or view with its"),
        ("public.production_orders", "'a\".\"b.c'", "7: systems.0.tables.0.from: "),
        ("from: public.production_orders", "form: public.orders", "form: is no known field (did you mean 'from'?)"),
        ("watermark: changed_at", "watermark: 7", "8: systems.0.tables.0.watermark: 7 is no text"),
        ("watermark: changed_at", 'watermark: ""', "8: systems.0.tables.0.watermark: is set to nothing"),
        ("key: order_no", "key: []", "9: systems.0.tables.0.key: is empty"),
        ("name: order_no", "name: 5", "10: systems.0.tables.0.name: names no column"),
        ("name: order_no", "name: {map: {a: b}}", "10: systems.0.tables.0.name: give either `column`"),
        ("name: order_no", "name: {value: a, map: {a: b}}", "10: systems.0.tables.0.name: `map` says what"),
        ("WC20: water/line-1", "WC20: water/line-9", "11: systems.0.tables.0.place.map.WC20: no asset is at"),
        ("place: machine", "place: {value: water/lin-1}", "(did you mean 'water/line-1'?)"),
        ("start: started_at", "", "6: systems.0.tables.0.start: is missing (add it)"),
        ("end: finished_at", "end: [a]", "13: systems.0.tables.0.end: a list is no text"),
        ("end: finished_at", "revision: {}", "13: systems.0.tables.0.revision: a mapping is no text"),
        ("product: material_no", "product: null", "14: systems.0.tables.0.attributes.product: names no column"),
        ("plant: 1000", "plant: [1]", "15: systems.0.tables.0.where.plant: a list is no text"),
        ("plant: 1000", "plant: null", "15: systems.0.tables.0.where.plant: an empty value is no text"),
        ("Europe/Berlin", "Berlin", "16: systems.0.tables.0.time_zone: 'Berlin' is no time zone"),
        ("time_zone: Europe/Berlin", "lookback: 5", "16: systems.0.tables.0.lookback: 5 has no unit"),
        ("time_zone: Europe/Berlin", "lookback_numbers: -1", "16: systems.0.tables.0.lookback_numbers: "),
        ("{R: running}", "{R: runing}", "21: systems.0.tables.1.name: 'runing' is no machine state (map it to one"),
        (SOUND, SOUND + SOUND[9:], "1: systems: two systems are named 'sap'"),
        (SOUND, "systems: []\n", "1: systems: is empty"),
        (SOUND, "", "1: "),
        ("name: sap", "name: [", "no YAML"),
        ("name: sap", "name: sap\n    name: sap", "3: is there twice, first in line 2"),
    ],
)
def test_a_mistake_is_named_with_its_line(tmp_path: Path, wrong: str, right: str, said: str) -> None:
    assert wrong in SOUND
    found = findings(tmp_path, SOUND.replace(wrong, right, 1))
    assert said in found
    assert found.startswith("/mes.yaml:")


def test_all_mistakes_are_told_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    found = findings(tmp_path, SOUND.replace("every: 10s", "every: 10").replace("R: running", "R: on")).splitlines()
    assert [line.split(":")[1] for line in found] == ["4", "21"]


def test_a_file_that_is_not_there_says_how_to_name_another(tmp_path: Path) -> None:
    with pytest.raises(MappingError, match="set ANDON_MES__FILE"):
        load_mapping(tmp_path / "none.yaml", plant())


def test_an_address_that_is_none_is_refused_and_not_shown(tmp_path: Path) -> None:
    (tmp_path / "mes.yaml").write_text(SOUND)
    (system,) = load_mapping(tmp_path / "mes.yaml", plant()).systems
    (tmp_path / "dsn").write_text("mysql://andon:hush@db")
    with pytest.raises(ConfigError, match="system sap does not begin with postgresql://") as raised:
        read_dsn(system)
    assert "hush" not in str(raised.value)
