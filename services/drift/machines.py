"""The machines of one class in one partition: windows in, changes of their states out. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from andon.plant import AssetClass
from services.drift.abstention import Abstention
from services.drift.calibration import POOL
from services.drift.cause import Diagnosis, Scene, diagnose
from services.drift.finding import Finding
from services.drift.monitor import Monitor
from services.drift.opinions import Opinion, Opinions, weighed
from services.drift.readings import Readings
from services.drift.recent import Recent
from services.drift.settings import WatchSettings
from services.drift.standing import Standing, abstained, is_due, judged, key_of, noted
from services.drift.watch import Abstaining, Watch
from services.drift.windows import Window, Windows

#: A machine's state as JSON holds it.
Kept = dict[str, Any]
_NOTHING = Diagnosis("none")


@dataclass(frozen=True, slots=True)
class Change:
    """A change of a machine's state.

    Attributes:
        window: the window that brought it.
        standing: how the machine stands now.
        diagnosis: why.
        scene: what that was told from; None when nothing could be seen.
    """

    window: Window
    standing: Standing
    diagnosis: Diagnosis = _NOTHING
    scene: Scene | None = None


class Machines:
    """What is known of machines, as long as they are watched with the same calibration.

    Args:
        watch: what they are watched with.
        asset_class: gives the feature definition.
        settings: how machines are watched.
        opinions: what people say of alerts; nobody says anything when not given.
    """

    def __init__(
        self,
        watch: Watch | Abstaining,
        asset_class: AssetClass,
        settings: WatchSettings,
        opinions: Opinions | None = None,
    ) -> None:
        self.watch, self._definition = watch, asset_class.feature_definition
        self._settle, self._precision = settings.settle, settings.precision
        self._opinions, self._heard = opinions or Opinions(), dict[str, tuple[Opinion, ...]]()
        self._monitor = Monitor(watch.calibration) if isinstance(watch, Watch) else None
        self._recent = Recent(len(self._definition.features))
        self._standings: dict[str, Standing] = {}

    @property
    def version(self) -> str:
        """Version of the model that is compared with; empty without one."""
        return self.watch.model.version if self.watch.model else ""

    @property
    def standings(self) -> dict[str, Standing]:
        """How each machine stands."""
        return self._standings

    @property
    def readings(self) -> Readings | None:
        """What all charts say at the moment; None where nothing is watched."""
        return self._monitor.readings() if self._monitor and self._monitor.assets else None

    def take(self, rows: pl.DataFrame) -> Iterator[Change]:
        """Take windows in, each machine's in the order of arrival; yield what has changed by them.

        A machine's changes depend on its windows alone, not on how they come in batches.

        Args:
            rows: columns of `andon.contracts.FeatureVector`, none of history.
        """
        if not isinstance(self.watch, Watch):
            for window in Windows.plain(rows).first_of_each():
                yield from self._abstain(window, self.watch.reason)
            return
        windows = Windows.seen(rows.filter(self.watch.visible(rows)), self.watch)
        # One window of each machine at a time, so that what is found is told with the window that it was found in.
        for turn in windows.turns():
            yield from self._take(windows, turn, self.watch)

    def _take(self, windows: Windows, turn: Sequence[Window], watch: Watch) -> Iterator[Change]:
        found = self._watched(windows, [window for window in turn if self._unwatched(window) is None], watch)
        for window in turn:
            reason = self._unwatched(window)
            if reason is not None:
                yield from self._abstain(window, reason)
            elif window.asset in found or self._is_restless(window.asset):
                yield from self._judge(window, found.get(window.asset, []), watch)

    def snapshot(self, asset: str) -> Kept:
        """Return what is known of a machine."""
        kept: Kept = {"version": self.version, "standing": self._standing(asset).to_json()}
        if self._monitor and asset in self._monitor.assets:
            kept |= {"monitor": self._monitor.snapshot(asset), "recent": self._recent.snapshot(asset)}
        return kept

    def restore(self, asset: str, kept: Kept) -> None:
        """Take what `snapshot` returned; of another model's, only what was said of the machine last.

        Raises:
            ValueError: it was written by another version of this program; the machine begins afresh.
        """
        self._standings[asset] = Standing.of_json(kept["standing"])
        if self._monitor and "monitor" in kept and kept["version"] == self.version:
            self._monitor.restore(asset, kept["monitor"])
            self._recent.restore(asset, kept["recent"])

    def _standing(self, asset: str) -> Standing:
        return self._standings.get(asset, Standing())

    def _unwatched(self, window: Window) -> str | None:
        """Return why a machine of a watched class is not watched; None where it is."""
        if window.definition != self._definition.hash:
            return f"{Abstention.FEATURE_HASH}: its vectors are of another feature definition than the reference"
        if self._monitor is None or self._monitor.watches(window.asset):
            return None
        refusals = self._monitor.refusals(window.asset)
        texts = [each.text for each in refusals if not each.subject or each.asset == POOL]
        return f"{Abstention.REFERENCE_TOO_SHORT}: {texts[0] if texts else 'the reference does not know this machine'}"

    def _watched(self, windows: Windows, turn: Sequence[Window], watch: Watch) -> dict[str, list[Finding]]:
        """Show windows to the monitor, and remember how far they are from normal; return what was found."""
        if self._monitor is None or not turn:
            return {}
        places = [window.place for window in turn]
        values = windows.values[places]
        standard = np.full_like(values, np.nan)
        for row, window in enumerate(turn):
            if normal := watch.normals.get(window.asset, window.regime):
                standard[row] = normal.standardised(values[row])
        self._recent.update([window.asset for window in turn], standard)
        found: dict[str, list[Finding]] = {}
        for finding in (*self._monitor.update(windows.vectors[places]), *self._said(turn)):
            found.setdefault(finding.asset, []).append(finding)
        return found

    def _said(self, turn: Sequence[Window]) -> Iterator[Finding]:
        """Yield what new verdicts change. A start that has heard none yet takes nothing back."""
        for window in turn:
            opinions = self._opinions.about(window.asset, self.version)
            if opinions and self._heard.get(window.asset) is not opinions:
                self._heard[window.asset] = opinions
                finding = weighed(window.asset, opinions, self._precision, window.time, window.regime)
                if finding.active != (key_of(finding) in self._standing(window.asset).findings):
                    yield finding

    def _is_restless(self, asset: str) -> bool:
        """Return whether a machine may change its state though nothing was found in this window."""
        standing = self._standing(asset)
        return bool(standing.findings) or standing.state in ("", "abstain") or standing.version != self.version

    def _judge(self, window: Window, found: list[Finding], watch: Watch) -> Iterator[Change]:
        before = self._standing(window.asset)
        now, scene, diagnosis = noted(before, found, self.version), None, _NOTHING
        if now.findings:
            if not is_due(before, now, self._settle):
                self._standings[window.asset] = now
                return
            normal = watch.normals.get(window.asset, window.regime)
            scale = watch.scale(window.asset, window.regime)
            scene = Scene(now.active, self._definition.features, self._recent.mean(window.asset), normal, scale)
            diagnosis = diagnose(scene)
        standing = judged(now, diagnosis.cause, self.version, window.time, self._settle)
        yield from self._become(Change(window, standing, diagnosis, scene))

    def _abstain(self, window: Window, reason: str) -> Iterator[Change]:
        standing = abstained(self._standing(window.asset), reason, self.version, window.time)
        yield from self._become(Change(window, standing))

    def _become(self, change: Change) -> Iterator[Change]:
        before = self._standing(change.window.asset)
        self._standings[change.window.asset] = change.standing
        if change.standing.news_to(before):
            yield change
