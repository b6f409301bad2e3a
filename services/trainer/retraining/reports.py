"""What the drift service last said of each machine. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from andon.contracts import DriftReport


@dataclass(frozen=True, slots=True)
class Heard:
    """A drift report.

    Attributes:
        report: what it says.
        told: when it was told, microseconds UTC.
    """

    report: DriftReport
    told: int


class Reports:
    """The newest report of each machine; what it said before is no reason any more."""

    def __init__(self) -> None:
        self._newest: dict[str, Heard] = {}

    def take(self, report: DriftReport, told: int) -> None:
        """Take a report, perhaps once more."""
        known = self._newest.get(report.asset)
        if known is None or (report.time, report.revision) > (known.report.time, known.report.revision):
            self._newest[report.asset] = Heard(report, told)

    def newest(self, asset: str) -> DriftReport | None:
        """Return what was said of a machine last."""
        heard = self._newest.get(asset)
        return None if heard is None else heard.report

    @property
    def asking(self) -> list[Heard]:
        """Reports on which somebody must say whether a model is trained, in the order in which they were told."""
        asking = [heard for heard in self._newest.values() if heard.report.retrain != "no"]
        return sorted(asking, key=lambda heard: (heard.told, heard.report.asset))

    @property
    def faulty(self) -> frozenset[str]:
        """Machines whose data is faulty, so that nothing can be learned from it."""
        return frozenset(asset for asset, heard in self._newest.items() if heard.report.retrain == "refused")
