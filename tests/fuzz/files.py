"""Files that people write: the plant model, what is beside it, and the mapping of a recording."""

from __future__ import annotations

import contextlib
import json
import tempfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from andon.errors import ConfigError
from andon.plant.load import load_plant
from andon.recordings.mapping import load_mapping as load_recording
from andon.signing import Trust, generate_key
from services.ingest.sources import load_sources
from services.mes.mapping_file import load_mapping as load_mes
from services.notify.files import load_sinks
from services.registry.access import load_access
from tests.fuzz.plant import ASSET, CONTENT, PLANT
from tests.fuzz.target import Backends, Parse, Target

_SOURCES = {
    "sources": [
        {
            "name": "plc",
            "kind": "opcua",
            "url": "opc.tcp://plc-7:4840",
            "security": {"policy": "None"},
            "select": {"nodes": [{"node": "nsu=http://vendor/;s=Flow", "asset": ASSET, "tag": "flow"}]},
        },
        {
            "name": "hall",
            "kind": "mqtt",
            "broker": {"host": "broker-2"},
            "rules": [{"topic": "a/{unit}", "asset": "water/{unit}", "time": "/t"}],
        },
        {"name": "floor", "kind": "sparkplug", "broker": {"host": "broker-3"}, "groups": ["acme:north"]},
    ]
}
_SINKS = {
    "sinks": [
        {"name": "tickets", "kind": "webhook", "url": "https://tickets.acme.example/andon", "give_up_after": "5min"},
        {"name": "scada", "kind": "mqtt", "broker": {"host": "broker-2"}, "topic": "plant/{site}/{asset}/andon"},
        {"name": "log", "kind": "log"},
    ]
}
_MES = {
    "systems": [
        {
            "name": "sap",
            "dsn": {"file": "dsn"},
            "every": "10s",
            "tables": [
                {
                    "kind": "order",
                    "from": "public.orders",
                    "watermark": "changed",
                    "key": "number",
                    "name": "number",
                    "place": {"column": "centre", "map": {"WC10": ASSET, "ALL": ""}},
                    "start": "started",
                    "attributes": {"product": "material", "unit": {"column": "uom", "map": {"ST": "pieces"}}},
                    "where": {"plant": 1000, "released": True},
                    "time_zone": "Europe/Berlin",
                }
            ],
        }
    ]
}
_RECORDING = {
    "files": "*.csv",
    "csv": {"separator": ";", "skip_lines": 1, "null_values": ["-"]},
    "time": {"column": "datetime", "format": "iso", "zone": "Europe/Berlin", "start": "2020-03-09T10:14:33Z"},
    "assets": [{"asset": "lab/valve1-{stem}", "columns": {"Current": "current"}}],
    "labels": ["anomaly"],
}
_ACCESS = {"identities": [{"name": "anna", "roles": ["author"]}, {"name": "boris", "roles": ["approver"]}]}


@cache
def _trusted() -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        generate_key("anna", Path(folder))
        key = (Path(folder) / "anna.pub").read_text()
    revoked = {"key": "0" * 64, "reason": "lost", "since": "2026-01-01T00:00:00Z"}
    return {"keys": [{"name": "anna", "roles": ["author"], "public_key": key}], "revoked": [revoked]}


def _target(name: str, load: Callable[[Path], object], content: Callable[[], dict[str, Any]]) -> Target:
    """Return the target of the file that *load* reads, which sound *content* is written to as YAML's subset JSON."""

    @contextlib.contextmanager
    def opened(_: Backends) -> Iterator[Parse]:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / f"{name}.yaml"

            def parse(data: bytes) -> None:
                file.write_bytes(data)
                load(file)

            yield parse

    promise = "the file is read, or refused with findings that name the file"
    return Target(name, promise, opened, lambda: [json.dumps(content()).encode(), _block(content())], (ConfigError,))


def _block(content: object) -> bytes:
    """Write the content in YAML's other style, of indented lines."""
    return yaml.safe_dump(content, sort_keys=False).encode()


TARGETS = (
    _target("plant", load_plant, lambda: CONTENT),
    _target("sources", load_sources, lambda: _SOURCES),
    _target("sinks", load_sinks, lambda: _SINKS),
    _target("mes-mapping", lambda file: load_mes(file, PLANT), lambda: _MES),
    _target("recording-mapping", load_recording, lambda: _RECORDING),
    _target("trust", Trust.load, _trusted),
    _target("access", load_access, lambda: _ACCESS),
)
