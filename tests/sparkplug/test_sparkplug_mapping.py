"""Which assets edge nodes and devices are, and which tags their metrics."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from andon.plant import Plant
from andon.uns import SparkplugTopic, parse_sparkplug
from services.ingest.readings import Signals
from services.ingest.sparkplug.mapping import Mapping

from .floor import config

PLANT = Plant.model_validate(
    {
        "enterprise": "acme",
        "site": "north",
        "classes": {"press": {"tags": {"motor.bearing_temperature": {}, "RPM": {}}}},
        "assets": {f"shop/line-{line}/press-{press}": {"class": "press"} for line in (1, 2) for press in (1, 2)},
    }
)
SIGNALS = Signals(PLANT)
RULE = {"node": "Line {line}", "device": "P{press}", "asset": "shop/line-{line}/press-{press}"}


def found(topic: str, metric: str, **fields: Any) -> tuple[str, str] | None:
    parsed = parse_sparkplug(topic)
    assert isinstance(parsed, SparkplugTopic)
    mapping = Mapping(config(**fields), PLANT, SIGNALS)
    signal = mapping.signal(mapping.places(parsed), metric)
    return None if signal is None else SIGNALS.name(signal)


def test_ids_that_follow_the_convention_need_no_rule() -> None:
    topic = "spBv1.0/acme:%s/DDATA/shop:line-1/press-2"
    assert found(topic % "north", "RPM") == ("shop/line-1/press-2", "RPM")
    assert found("spBv1.0/acme:north/NDATA/shop:line-1:press-2", "RPM") == ("shop/line-1/press-2", "RPM")
    assert found(topic % "south", "RPM") is None


@pytest.mark.parametrize(
    ("metric", "tag"),
    [
        ("motor.bearing_temperature", "motor.bearing_temperature"),
        ("Motor/Bearing Temperature", "motor.bearing_temperature"),
        ("RPM", "RPM"),
        ("rpm", None),
        ("Motor", None),
    ],
)
def test_names_of_metrics_become_tags(metric: str, tag: str | None) -> None:
    expected = tag and ("shop/line-1/press-2", tag)
    assert found("spBv1.0/acme:north/DDATA/shop:line-1/press-2", metric) == expected


def test_rules_take_assets_out_of_ids() -> None:
    assert found("spBv1.0/Plant 7/DDATA/Line 2/P1", "RPM", rules=[RULE]) == ("shop/line-2/press-1", "RPM")
    assert found("spBv1.0/Plant 7/DDATA/Line 9/P1", "RPM", rules=[RULE]) is None  # no such asset
    assert found("spBv1.0/Plant 7/NDATA/Line 2", "RPM", rules=[RULE]) is None  # the rule is for devices
    assert found("spBv1.0/Plant 7/DDATA/Line 2/P1", "RPM", rules=[RULE | {"group": "Plant 8"}]) is None


def test_rules_rename_metrics() -> None:
    rule = RULE | {"prefix": "Drive/", "tags": {"Drive/n": "RPM"}}
    topic = "spBv1.0/Plant 7/DDATA/Line 2/P1"
    asset = "shop/line-2/press-1"
    assert found(topic, "Drive/n", rules=[rule]) == (asset, "RPM")
    assert found(topic, "Drive/RPM", rules=[rule]) == (asset, "RPM")
    assert found(topic, "RPM", rules=[rule]) is None


def test_one_device_may_have_the_metrics_of_several_machines() -> None:
    rules = [{"node": "PLC", "asset": f"shop/line-1/press-{number}", "prefix": f"Press{number}/"} for number in (1, 2)]
    assert found("spBv1.0/g/NDATA/PLC", "Press1/RPM", rules=rules) == ("shop/line-1/press-1", "RPM")
    assert found("spBv1.0/g/NDATA/PLC", "Press2/RPM", rules=rules) == ("shop/line-1/press-2", "RPM")


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"rules": [RULE | {"asset": "shop/{hall}"}]}, "{hall}, which is in none of group, node and device"),
        ({"rules": [RULE | {"device": "{line}"}]}, "{line} is in the ids twice"),
        ({"host_id": "a/b"}, "is no Sparkplug id"),
        ({"rebirth_first": "10min"}, "`rebirth_first` is longer"),
    ],
)
def test_mistakes_are_named(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said.replace("{", r"\{").replace("}", r"\}")):
        config(**fields)
