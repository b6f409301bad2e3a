"""What the tests of the notify service share: a plant, alerts, and records of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from andon.contracts import Alert, AlertState
from andon.contracts.alerting import Severity
from andon.plant import Plant
from services.notify.courier import Parcel
from services.notify.notification import Notification, read_record

T0 = 1_700_000_000_000_000
SECOND = 1_000_000
PUMP, OTHER, FAN = "water/line-1/pump-1", "water/line-1/pump-2", "water/line-2/fan-1"


def content(site: str = "north", *routes: dict[str, Any]) -> dict[str, Any]:
    """A plant of two pumps and a fan, as it stands in plant.yaml."""
    case = {"name": "Dry running", "asset_class": "pump", "owner": "Maintenance North", "kpi": "stops"}
    return {
        "enterprise": "acme",
        "site": site,
        "classes": {"pump": {"tags": {"flow": {}}}, "fan": {"tags": {"speed": {}}}},
        "assets": {PUMP: {"class": "pump"}, OTHER: {"class": "pump"}, FAN: {"class": "fan"}},
        "use_cases": [case | {"baseline": 3, "target": 1}],
        "routes": list(routes),
    }


def plant(site: str = "north", *routes: dict[str, Any]) -> Plant:
    return Plant.model_validate(content(site, *routes))


def alert(
    asset: str = PUMP,
    number: int = 0,
    *,
    severity: Severity = "warning",
    state: AlertState = AlertState.OPEN,
    **other: Any,
) -> Alert:
    """The alert of an asset, changed for the n-th time."""
    fields = {
        "id": f"{asset}@{T0 + number}:alert:{T0}-{state}",
        "asset": asset,
        "time": T0 + number,
        "ingest_time": T0 + number,
        "alert": f"{asset}@{T0}:alert",
        "asset_class": "fan" if asset == FAN else "pump",
        "state": state,
        "severity": severity,
        "opened": T0,
        "since": T0,
        "message": "Check the suction valve.",
        "use_case": None if asset == FAN else "Dry running",
        "owner": None if asset == FAN else "Maintenance North",
        "inference": "i",
    }
    return Alert.model_validate(fields | other)


@dataclass(frozen=True)
class Read:
    """A record as a consumer gives it."""

    value: bytes | None
    key: bytes | None = PUMP.encode()
    offset: int = 0
    topic: str = "uns.v1.acme.north.alert"
    partition: int = 0
    timestamp: int = T0 // 1_000
    headers: Sequence[tuple[str, bytes]] = field(default=())


def record(event: Alert, offset: int = 0) -> Read:
    return Read(event.model_dump_json().encode(), event.asset.encode(), offset)


def parcel(asset: str = PUMP, number: int = 0, **other: Any) -> Parcel:
    read = record(alert(asset, number, **other), number)
    notification = read_record(read)
    assert isinstance(notification, Notification)
    return Parcel(read, notification)
