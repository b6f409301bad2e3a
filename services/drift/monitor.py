"""The monitor of one asset class: feature vectors in, changes out. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import polars as pl

from services.drift.arrivals import Round, admit, regime_number, rounds
from services.drift.calibration import POOL, Calibration, Refusal
from services.drift.calibration.stretches import long_gap
from services.drift.circumstances import missing, missing_limits, note_missing, note_regimes, regime
from services.drift.finding import Finding
from services.drift.fleet import Fleet, State
from services.drift.lookup import Lookup
from services.drift.models import NEW_REGIME, Models
from services.drift.readings import Readings, read
from services.drift.verdicts import Change, judge
from services.drift.weighing import weigh

Ints = npt.NDArray[np.int64]


class Monitor:
    """Watches machines for drift, against what the calibration says is normal for them.

    Its state is of fixed size: about 0.8 KiB a stream of each machine.
    """

    def __init__(self, calibration: Calibration, assets: Iterable[str] = ()) -> None:
        self._calibration = calibration
        self._lookup, self._models = Lookup.of(calibration), Models(calibration)
        self._watched = np.asarray(np.isfinite(self._lookup.cumulants).all(axis=-1))
        self._limits = missing_limits(calibration)
        self._regimes: dict[int, str] = {}
        self._rows: dict[str, int] = {}
        self._fleet = Fleet.of(calibration, 0)
        self._enrol(assets)

    @property
    def assets(self) -> tuple[str, ...]:
        """All machines that it has heard of."""
        return tuple(self._rows)

    def watches(self, asset: str) -> bool:
        """Return whether anything of a machine can be watched; `refusals` says why not."""
        return self._models.watches(asset)

    def refusals(self, asset: str) -> tuple[Refusal, ...]:
        """Return what of a machine is not watched, and why; of one that is not in the reference, why it is not."""
        given = tuple(refusal for refusal in self._calibration.refusals if refusal.asset == asset)
        own = any(name == asset for name, _ in self._calibration.models)
        return given if own else given + tuple(r for r in self._calibration.refusals if r.asset == POOL)

    def update(self, vectors: pl.DataFrame) -> list[Finding]:
        """Take windows in, in the order of their arrival; return what has changed by them.

        A window that came before, or ends before one that came, is left out. After a pause of more than three steps,
        and where the regime changes, scores wait until the whitening has seen enough; the evidence stays. Machines
        that were not named yet are watched from now on.

        Args:
            vectors: `asset`, `time` (Int64, microseconds), `regime` (String; null: none), the features and `score`
                (floating point; null or not finite: no value). Features that the reference lacks are left out; those
                of the reference that are not here have no values.
        """
        self._enrol(vectors["asset"].unique(maintain_order=True))
        self._regimes |= {regime_number(name): name or "" for name in vectors["regime"].unique()}
        found: list[Finding] = []
        for arrived in rounds(vectors, self._rows, self._calibration.streams):
            found += self._take(arrived)
        return found

    def readings(self) -> Readings:
        """Return what every chart says at the moment."""
        models = self._models.of(list(self._rows), self._fleet.regime)
        return read(self.assets, self._fleet, self._calibration, self._watched[models] & (models >= 0)[:, None])

    def snapshot(self, asset: str) -> State:
        """Return a machine's state, which JSON can hold; it goes with this calibration only.

        Raises:
            KeyError: the machine is not known.
        """
        return self._fleet.snapshot(self._rows[asset])

    def restore(self, asset: str, state: State) -> None:
        """Go on from a snapshot.

        Raises:
            ValueError: it was made with another calibration, as far as can be seen.
        """
        self._enrol([asset])
        self._fleet.restore(self._rows[asset], state)

    def _enrol(self, assets: Iterable[str]) -> None:
        strangers = [asset for asset in dict.fromkeys(assets) if asset not in self._rows]
        if strangers:
            self._rows |= {asset: len(self._rows) + i for i, asset in enumerate(strangers)}
            self._fleet.join(Fleet.of(self._calibration, len(strangers)))

    def _take(self, arrived: Round) -> list[Finding]:
        """Take one window of each of some machines in."""
        fleet, step = self._fleet, self._calibration.step
        arrived = admit(fleet, arrived, step)
        machine, names = arrived.machine, self.assets
        broken = arrived.time - fleet.last[machine] > long_gap(step)
        broken |= (arrived.time < fleet.last[machine]) | (arrived.regime != fleet.regime[machine])
        fleet.history[machine[broken]] = np.nan
        fleet.last[machine], fleet.regime[machine] = arrived.time, arrived.regime
        models = self._models.of([names[row] for row in machine.tolist()], arrived.regime)
        found = self._regime_findings(arrived, models == NEW_REGIME)
        seen = models >= 0
        arrived, models = arrived.take(seen), models[seen]
        return found + self._missing_findings(arrived) + self._drift_findings(arrived, models)

    def _regime_findings(self, arrived: Round, is_new: npt.NDArray[np.bool_]) -> list[Finding]:
        changed = note_regimes(self._fleet, arrived.machine, is_new)
        return [
            regime(asset, bool(is_new[row]), time, self._calibration.step, name)
            for row, (asset, time, name) in zip(changed, self._named(arrived, changed), strict=True)
        ]

    def _missing_findings(self, arrived: Round) -> list[Finding]:
        changed = note_missing(self._fleet, arrived.machine, arrived.values, self._limits)
        rows = np.array([row for row, *_ in changed], dtype=np.int64)
        streams, limits, step = self._calibration.streams, self._limits, self._calibration.step
        return [
            missing(asset, streams[stream], active, windows, int(limits[stream]), time, step, name)
            for (_, stream, active, windows), (asset, time, name) in zip(
                changed, self._named(arrived, rows), strict=True
            )
        ]

    def _drift_findings(self, arrived: Round, models: Ints) -> list[Finding]:
        """Weigh what the windows say."""
        if not len(models):
            return []
        calibration = self._calibration
        weigh(self._fleet, self._lookup, arrived, models, calibration.step)
        watched = self._watched[models].sum(axis=1)
        changes = judge(self._fleet, arrived.machine, watched, calibration.patience)
        row = {machine: i for i, machine in enumerate(arrived.machine.tolist())} if changes else {}
        named = self._named(arrived, np.array([row[change.machine] for change in changes], dtype=np.int64))
        return [self._finding(change, *name) for change, name in zip(changes, named, strict=True)]

    def _finding(self, change: Change, asset: str, time: int, regime_name: str) -> Finding:
        chart = self._calibration.charts[change.chart]
        return Finding(
            asset=asset,
            detector=chart.detector,
            subject=chart.subject,
            active=change.active,
            time=time,
            since=round(change.since),
            statistic=math.log1p(change.evidence),
            threshold=math.log1p(change.threshold),
            e_value=change.evidence / max(change.age, 1),
            shift=change.shift if chart.detector == "level" and math.isfinite(change.shift) else None,
            regime=regime_name,
        )

    def _named(self, arrived: Round, rows: Ints) -> list[tuple[str, int, str]]:
        """Return asset, time and regime of rows, for people."""
        names = self.assets
        return [
            (names[arrived.machine[row]], int(arrived.time[row]), self._regimes[int(arrived.regime[row])])
            for row in rows
        ]
