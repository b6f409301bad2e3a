"""A calibration: everything that the monitor of an asset class knows beforehand."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from services.drift.calibration.whitening import Floats, Whitening

#: The stream that is no feature: what the model says.
SCORE = "score"
#: The asset that stands for all machines of the reference together.
POOL = ""


@dataclass(frozen=True, slots=True)
class Chart:
    """One property of one stream that is watched."""

    detector: str
    """`level`, `spread` or `joint`."""
    subject: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """Something that cannot be watched, and why; the monitor abstains on it."""

    asset: str
    """`POOL`: machines without a reference of their own."""
    regime: str
    subject: str
    """A feature, `score`, `joint`; empty for the whole machine."""
    reason: str
    """`too_short`, `constant`, `wanders`; of machines without a reference of their own `unlike`, `one_machine`."""
    windows: int
    """Windows of reference that there are."""
    needed: int
    """Windows that it takes; 0 where more would not help."""
    text: str
    """The same for people, with what to do."""


@dataclass(frozen=True, slots=True)
class Model:
    """One machine's normal in one regime."""

    whitening: Whitening
    spread_mean: Floats
    """[streams]: mean of the squared level scores."""
    spread_scale: Floats
    joint_mean: float
    joint_scale: float
    tilts: Floats
    """[tilts]"""
    cumulants: Floats
    """[charts, tilts]; infinite for what is not watched, whose evidence stays at 0."""

    silence: npt.NDArray[np.int64]
    """[streams]: the most windows in a row without a value in the reference."""

    @property
    def watched(self) -> npt.NDArray[np.bool_]:
        """Which charts are watched; [charts]."""
        return np.asarray(np.isfinite(self.cumulants).all(axis=1))


@dataclass(frozen=True, slots=True)
class Calibration:
    """What is normal for the machines of a class, and when it is not, by a false-alarm contract."""

    features: tuple[str, ...]
    streams: tuple[str, ...]
    """The features, and `score` where the reference has scores."""
    step: int
    """Time between a machine's windows, microseconds."""
    patience: float
    """Windows of one machine between false alarms, on average, at least."""
    promised: float
    """False alarms of a machine in 30 days, by the contract."""
    models: dict[tuple[str, str], Model]
    """By asset and regime; asset `POOL`: for machines without a model of their own, where those in the reference are
    alike."""
    precision: dict[str, Floats]
    """By regime: [features, features], for the joint chart."""
    refusals: tuple[Refusal, ...]

    @property
    def charts(self) -> tuple[Chart, ...]:
        """All charts of a machine, in the order of the arrays: levels, spreads, joint."""
        single = [Chart(detector, stream) for detector in ("level", "spread") for stream in self.streams]
        return (*single, Chart("joint", "joint"))

    @property
    def order(self) -> int:
        """The longest memory of all models, windows."""
        return max(len(model.whitening.ar) for model in self.models.values())

    def model(self, asset: str, regime: str) -> Model | None:
        """Return what is normal for a machine in a regime: its own, or else that of machines like it."""
        return self.models.get((asset, regime)) or self.models.get((POOL, regime))
