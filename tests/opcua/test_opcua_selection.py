from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from asyncua import Client
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from andon.plant import Plant
from services.ingest.opcua.address import NodeAddress, parse_node, parse_path
from services.ingest.opcua.selection import Selection, select
from services.ingest.opcua.selection_config import ListRule, NodeRule, Select
from services.ingest.opcua.tag_list import read_list
from services.ingest.readings import Signals
from tests.opcua.vendor import running_vendor
from tests.opcua.vendor_server import OTHERS, PUMPS

TAGS = ("Flow", "Starts", "Running", "Measurements.Pressure")
PLANT = Plant.model_validate(
    {
        "enterprise": "acme",
        "site": "riverside",
        "classes": {"pump": {"tags": {tag: {} for tag in TAGS}}, "tank": {"tags": {"level": {}}}},
        "assets": {
            **{f"water/line-1/{name}": {"class": "pump"} for name in ("Pump1", "Pump2", "Booster1")},
            "water/tank-1": {"class": "tank"},
        },
    }
)
SIGNALS = Signals(PLANT)
FLOW = f"nsu={PUMPS};s=Pump1.Flow"
LEVEL = {"asset": "water/tank-1", "tag": "level"}


def rules(**some: Any) -> Select:
    return Select.model_validate_json(json.dumps(some))


async def selected(url: str, config: Select) -> Selection:
    async with Client(url) as client:
        return await select(client, config, SIGNALS)


def picked(selection: Selection) -> dict[str, str]:
    return {" ".join(SIGNALS.name(item.signal)): item.address for item in selection.items}


def findings(selection: Selection) -> str:
    return "\n".join(map(str, selection.findings))


def pump(name: str) -> dict[str, str]:
    nodes = dict(zip(TAGS, ("Flow", "Starts", "Running", "Pressure"), strict=True))
    return {f"water/line-1/{name} {tag}": f"nsu={PUMPS};s={name}.{node}" for tag, node in nodes.items()}


async def test_variables_are_selected_by_node_id_and_by_the_names_on_the_way(vendor: str) -> None:
    config = rules(
        nodes=[{"node": FLOW, "asset": "water/line-1/Pump1", "tag": "Flow", "sampling": "100ms", "deadband": 0.5}],
        paths=[
            {"path": "Line 1/Tank1/Level", "namespace": PUMPS, **LEVEL},
            {
                "path": f"nsu={PUMPS};Line 1/nsu={PUMPS};Pump2/nsu={PUMPS};Flow",
                "asset": "water/line-1/Pump2",
                "tag": "Flow",
            },
        ],
    )
    selection = await selected(vendor, config)
    assert picked(selection) == {
        "water/line-1/Pump1 Flow": FLOW,
        "water/line-1/Pump2 Flow": f"nsu={PUMPS};s=Pump2.Flow",
        "water/tank-1 level": f"nsu={PUMPS};s=Tank1.Level",
    }
    assert selection.findings == ()
    assert (selection.items[0].settings.sampling, selection.items[0].settings.deadband) == (100_000, 0.5)


async def test_every_instance_of_a_type_and_of_its_subtypes_is_a_machine(vendor: str) -> None:
    selection = await selected(vendor, rules(types=[{"type": f"nsu={PUMPS};PumpType", "asset": "water/line-1/{name}"}]))
    assert picked(selection) == pump("Pump1") | pump("Pump2") | pump("Booster1")
    assert selection.findings == ()


async def test_machines_of_a_type_can_be_named_one_by_one_and_their_tags_too(vendor: str) -> None:
    rule = {
        "type": f"nsu={PUMPS};s=PumpType",
        "assets": {"Pump1": "water/line-1/Pump2", f"nsu={PUMPS};s=Booster1": "water/line-1/Booster1"},
        "tags": {"Measurements/Pressure": "Flow", "Speed": "Starts"},
    }
    selection = await selected(vendor, rules(types=[rule]))
    assert picked(selection) == {
        "water/line-1/Pump2 Flow": f"nsu={PUMPS};s=Pump1.Pressure",
        "water/line-1/Booster1 Flow": f"nsu={PUMPS};s=Booster1.Pressure",
    }
    assert "no variable Speed at water/line-1/Pump2, water/line-1/Booster1" in findings(selection)
    assert f"Pump2 (nsu={PUMPS};s=Pump2)" in findings(selection)


async def test_all_below_a_node_is_selected_through_patterns(vendor: str) -> None:
    branch = {
        "root": f"nsu={PUMPS};s=Line1",
        "include": ["Pump*/*", "Tank1/*"],
        "exclude": ["**/Starts", "**/Ser*", "Tank1/Product"],
        "asset": "water/line-1/{name}",
    }
    selection = await selected(vendor, rules(branches=[branch]))
    assert set(picked(selection)) == {f"water/line-1/Pump{n} {tag}" for n in (1, 2) for tag in ("Flow", "Running")}
    assert "branches[0]: not in the plant model, so not read: machine water/line-1/Tank1" in findings(selection)


async def test_what_describes_a_variable_is_no_variable_but_what_the_vendor_calls_a_property_may_be(
    vendor: str,
) -> None:
    selection = await selected(
        vendor, rules(branches=[{"root": f"nsu={PUMPS};s=Pump1", "asset": "water/line-1/Pump1"}])
    )
    assert set(picked(selection)) == {f"water/line-1/Pump1 {tag}" for tag in ("Flow", "Starts", "Running")}
    unknown = "tag water/line-1/Pump1 Serial, water/line-1/Pump1 Pressure (add to it, or exclude)"
    assert findings(selection) == f"branches[0]: not in the plant model, so not read: {unknown}"


async def test_what_is_wrong_with_one_rule_is_told_and_stops_no_other(vendor: str, tmp_path: Path) -> None:
    (tmp_path / "tags.csv").write_text(
        "node,asset,tag,sampling\n"
        f"nsu={PUMPS};s=Pump2.Flow,water/line-1/Pump2,Flow,1s\n"
        "ns=2;s=Pump2.Starts,water/line-1/Pump2,Starts,\n"
        f"nsu={PUMPS};s=Nothing,water/line-1/Pump2,Starts,soon\n"
    )
    config = rules(
        nodes=[
            {"node": "nsu=urn:gone;s=Level", **LEVEL},
            {"node": f"nsu={PUMPS};s=Nothing", **LEVEL},
            {"node": f"nsu={PUMPS};s=Tank1", **LEVEL},
            {"node": FLOW, "asset": "water/line-1/Pump1", "tag": "Speed"},
            {"node": FLOW, "asset": "water/line-1/Pump1", "tag": "Flow"},
            {"node": f"nsu={PUMPS};s=Pump2.Flow", "asset": "water/line-1/Pump1", "tag": "Flow"},
        ],
        paths=[{"path": "Line 2/Tank1", "namespace": PUMPS, **LEVEL}],
        types=[{"type": f"nsu={PUMPS};FanType", "asset": "{name}"}],
        branches=[{"include": ["**/Speed"], "asset": "{name}"}],
        lists=[{"file": str(tmp_path / "tags.csv"), "queue": 5}],
    )
    selection = await selected(vendor, config)
    assert picked(selection) == {
        "water/line-1/Pump1 Flow": FLOW,
        "water/line-1/Pump2 Flow": f"nsu={PUMPS};s=Pump2.Flow",
    }
    assert (selection.items[1].settings.sampling, selection.items[1].settings.queue) == (1_000_000, 5)
    told = findings(selection)
    for text in (
        "nodes[0]: nsu=urn:gone;s=Level: the server has no namespace urn:gone",
        f"nodes[1]: the server has no node nsu={PUMPS};s=Nothing",
        f"nodes[2]: nsu={PUMPS};s=Tank1 is no variable but of class Object",
        "nodes[3]: not in the plant model, so not read: tag water/line-1/Pump1 Speed",
        f"nodes[5]: water/line-1/Pump1 Flow: nsu={PUMPS};s=Pump2.Flow is not read, because {FLOW} (nodes[4]) is",
        "paths[0]: Line 2/Tank1: leads to no node",
        f"types[0]: the server has no ObjectType nsu={PUMPS};FanType",
        "branches[0]: no variable at most 8 levels below i=85 fits",
        "tags.csv:3: node: 'ns=2;s=Pump2.Starts' names a namespace by its index",
        "tags.csv:4: sampling: 'soon' is no duration",
    ):
        assert text in told
    assert len(selection.findings) == 10


def read(content: str, folder: Path, **more: Any) -> tuple[list[NodeRule], str]:
    """Read a tag list; return its rules and findings, these without the file's folder."""
    file = folder / "tags.csv"
    file.write_text(content)
    rows, wrong = read_list(ListRule.model_validate({"file": file, **more}))
    return [rule for _, rule in rows], "\n".join(str(each).replace(str(folder), ".") for each in wrong)


def test_a_tag_list_is_as_a_spreadsheet_writes_it(tmp_path: Path) -> None:
    content = "\ufeffTag;Node;Asset;Deadband\n".lower() + f'level;"{FLOW}";water/tank-1;\n;;;\nflow;i=7;water/a;2\n'
    (first, second), wrong = read(content, tmp_path, separator=";", deadband_percent=1, sampling=5)
    assert wrong == ""
    assert (first.node, first.asset, first.tag, first.sampling, first.deadband_percent) == (
        FLOW,
        "water/tank-1",
        "level",
        5,
        1,
    )
    assert (second.deadband, second.deadband_percent) == (2, None)


def test_what_is_wrong_in_a_tag_list_is_told_with_its_line(tmp_path: Path) -> None:
    assert read("node,tag,speed\n", tmp_path)[1].splitlines() == [
        "./tags.csv:1: column 'asset' is missing",
        "./tags.csv:1: column 'speed' is not known "
        "(known are node, asset, tag, sampling, queue, deadband, deadband_percent)",
    ]
    rows, wrong = read("node,asset,tag,queue\ni=7,a,b,1,x\ni=7,a,b,0\ni=7,a\n", tmp_path)
    assert rows == []
    assert wrong.splitlines() == [
        "./tags.csv:2: has more values than there are headings (put quotes round a value)",
        "./tags.csv:3: queue: Input should be greater than or equal to 1",
        "./tags.csv:4: tag: Field required",
    ]
    _, (missing,) = read_list(ListRule(file=tmp_path / "none.csv"))
    assert "none.csv: cannot be read: No such file" in str(missing)


async def test_the_selection_is_the_same_when_the_server_numbers_its_namespaces_anew() -> None:
    config = rules(
        nodes=[{"node": f"nsu={PUMPS};s=Tank1.Level", **LEVEL}],
        types=[{"type": f"nsu={PUMPS};PumpType", "asset": "water/line-1/{name}"}],
    )
    with running_vendor("--namespaces", OTHERS[0], OTHERS[1], PUMPS) as url:
        before = await selected(url, config)
    with running_vendor("--namespaces", PUMPS, *OTHERS) as url:
        after = await selected(url, config)
    assert picked(before) == picked(after)
    assert len(picked(before)) == 13
    assert {item.node.NamespaceIndex for item in before.items} != {item.node.NamespaceIndex for item in after.items}


async def test_limits_of_the_server_are_respected_though_it_does_not_name_them(vendor: str) -> None:
    config = rules(
        paths=[{"path": "Line 1/Tank1/Level", "namespace": PUMPS, **LEVEL}] * 9,
        types=[{"type": f"nsu={PUMPS};PumpType", "asset": "water/line-1/{name}"}],
    )
    with running_vendor("--limit", "4") as url:
        assert picked(await selected(url, config)) == picked(await selected(vendor, config))


async def test_machines_of_companion_specifications_are_selected_by_their_types(companion: str) -> None:
    lamps = {f"Lamp{number}/SignalOn": f"lamp-{number}" for number in (1, 2, 3)}
    plant = Plant.model_validate(
        {
            "enterprise": "acme",
            "site": "riverside",
            "classes": {
                "stacklight": {"tags": {tag: {"kind": "boolean"} for tag in lamps.values()}},
                "machine": {"tags": {"year": {"kind": "integer"}}},
            },
            "assets": {"cell/light": {"class": "stacklight"}, "cell/ExampleMachine01": {"class": "machine"}},
        }
    )
    stacklights = {
        "type": "nsu=http://opcfoundation.org/UA/IA/;BasicStacklightType",
        "asset": "cell/light",
        "tags": lamps,
    }
    machines = {
        "type": "nsu=http://opcfoundation.org/UA/Machinery/;MachineIdentificationType",
        "root": "nsu=http://opcfoundation.org/UA/Machinery/;i=1001",
        "asset": "cell/{parent}",
        "tags": {"YearOfConstruction": "year"},
    }
    async with Client(companion) as client:
        selection = await select(client, rules(types=[stacklights, machines]), Signals(plant))
    assert [item.address.rpartition("/;")[2] for item in selection.items] == ["i=6020", "i=6022", "i=6027", "i=6027"]
    assert selection.findings == ()


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ({"nodes": [{"node": "ns=2;s=Flow", **LEVEL}]}, "write nsu=URI;s=Flow"),
        ({"nodes": [{"node": "Flow", **LEVEL}]}, "is no NodeId"),
        ({"paths": [{"path": "2:Line/Flow", "namespace": PUMPS, **LEVEL}]}, "write nsu=URI;name"),
        ({"paths": [{"path": "Line/Flow", **LEVEL}]}, "'Line' has no nsu= either"),
        ({"types": [{"type": "PumpType", "asset": "{name}"}]}, "write nsu=URI;NameOfType"),
        ({"types": [{"type": f"nsu={PUMPS};PumpType"}]}, "give `asset` or `assets`"),
        ({"branches": [{"asset": "{machine}"}]}, "names {machine}, which there is not"),
        ({"nodes": [{"node": FLOW, "deadband": 1, "deadband_percent": 1, **LEVEL}]}, "give either `deadband`"),
        ({}, "selects nothing"),
    ],
)
def test_a_rule_that_cannot_work_is_refused_with_what_to_write(rule: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError) as refused:
        rules(**rule)
    assert told in str(refused.value)


identifiers = st.one_of(
    st.tuples(st.just("i"), st.integers(0, 2**32 - 1)),
    st.tuples(st.just("s"), st.text(min_size=1)),
    st.tuples(st.just("g"), st.uuids()),
    st.tuples(st.just("b"), st.binary(min_size=1)),
)


@given(st.text(st.characters(codec="ascii", exclude_categories=["Cc", "Zs"]), min_size=1), identifiers)
def test_an_address_is_read_back_as_it_was_written(uri: str, identifier: tuple[str, Any]) -> None:
    address = NodeAddress(uri, *identifier)
    assert parse_node(str(address)) == address


@given(st.text())
def test_any_text_is_a_path_or_is_refused_as_none(text: str) -> None:
    try:
        names = parse_path(text)
    except ValueError:
        return
    assert all(each.name for each in names)
