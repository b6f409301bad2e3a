"""Payloads made by the reference encoder of Eclipse Tahu, against what it says that they hold."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from andon.sparkplug.v1.payload_pb2 import Metric
from services.ingest.sparkplug.payload import bdseq, parse, status

RECORDED = Path(__file__).parents[3] / "shared" / "data" / "payloads" / "sparkplug" / "tahu_python_encoder"
#: Kept whole and not looked into.
OPAQUE = ("dataset_value", "template_value")

pytestmark = pytest.mark.skipif(not RECORDED.is_dir(), reason="needs the recorded Sparkplug payloads")


def seen(metric: Metric) -> dict[str, Any]:
    """Return what of a metric is there, as protobuf's own JSON would say it (64-bit integers are text)."""
    found = {field.name: value for field, value in metric.ListFields() if field.name != "properties"}
    return {
        name: str(value) if name in ("alias", "timestamp", "long_value") else value for name, value in found.items()
    }


@pytest.mark.parametrize("name", sorted(path.stem for path in RECORDED.glob("*.bin")))
def test_every_field_is_read_as_it_was_written(name: str) -> None:
    payload = parse((RECORDED / f"{name}.bin").read_bytes())
    expected = json.loads((RECORDED / f"{name}.json").read_text())
    assert str(payload.seq) == expected.get("seq", "0")
    assert payload.HasField("timestamp") == ("timestamp" in expected)
    assert len(payload.metrics) == len(expected["metrics"])
    for metric, wanted in zip(payload.metrics, expected["metrics"], strict=True):
        properties = wanted.pop("properties", None)
        assert status(metric) == (0 if "Quality" not in str(properties) else 0x40900000)
        for field in OPAQUE:
            assert metric.HasField(field) == (wanted.pop(field, None) is not None)
            metric.ClearField(field)
        if "bytes_value" in wanted:
            wanted["bytes_value"] = base64.b64decode(wanted["bytes_value"])
        got = seen(metric)
        for number in ("float_value", "double_value"):
            if number in wanted:
                assert got.pop(number) == pytest.approx(wanted.pop(number), rel=1e-6)
        assert got == wanted
    if name.endswith("BIRTH") and "NBIRTH" in name:
        assert bdseq(payload) == 0
