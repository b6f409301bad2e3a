"""Which alerts are not over, as metrics show it. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from andon.clock import SECOND
from andon.contracts import Alert, AlertState, Origin
from andon.plant import Plant
from andon.stream.stage import Level

Labels = Mapping[str, str]
_WEEKS_ALARMS, _DOWNTIME, _ASSETS = "andon_allowed_alarms", "andon_avoidable_downtime_seconds", "andon_assets"


class Standing:
    """Knows the newest change of each alert that is not over. Made anew from the whole topic at each start.

    An asset has one alert at a time; alerts of history need nobody and are left out.
    """

    def __init__(self) -> None:
        self._standing: dict[str, Labels] = {}

    def take(self, change: Alert) -> tuple[Labels | None, Labels | None]:
        """Take a change; return the labels that no longer hold for its asset, and those that do now."""
        if change.origin is Origin.BACKFILL:
            return None, None
        before = self._standing.pop(change.asset, None)
        if change.state is AlertState.RESOLVED:
            return before, None
        now = {
            "asset_class": change.asset_class,
            "asset": change.asset,
            "severity": change.severity,
            "state": change.state.value,
        }
        self._standing[change.asset] = now
        return (None if before == now else before), now


def wanted(plant: Plant) -> Iterator[Level]:
    """Yield what the plant model says of each class: its machines, and what its use case allows and is to avoid.

    As for its alerts, the first use case of a class counts.
    """
    cases = {case.asset_class: case for case in reversed(plant.use_cases)}
    for name in plant.classes:
        labels, machines = {"asset_class": name}, sum(asset.asset_class == name for asset in plant.assets.values())
        yield Level(_ASSETS, labels, machines)
        if name not in cases:
            continue
        allowed, avoided = cases[name].criteria.max_false_alarms_per_week, cases[name].avoided_downtime
        if allowed is not None:
            yield Level(_WEEKS_ALARMS, labels, allowed * machines)
        if avoided is not None:
            yield Level(_DOWNTIME, labels, avoided / SECOND)
