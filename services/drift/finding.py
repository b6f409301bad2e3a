"""What the monitor finds: a change that has begun, or is over."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """A detector's change of mind about one subject of one machine, in terms a person can check."""

    asset: str
    detector: str
    """`level`, `spread` or `joint` (see docs/drift-contract.md); `missing` for a feature without values, `regime` for
    a regime that the reference has not seen."""
    subject: str
    """The feature; `score`; `joint` for all features together; `regime`."""
    active: bool
    """Whether it has begun, or else is over."""
    time: int
    """End of the window with which it changed, microseconds UTC."""
    since: int
    """When it began, as far as can be told, microseconds UTC; of what is over: since when it is quiet."""
    statistic: float
    """Natural logarithm of one plus the evidence; of `missing` the windows without a value."""
    threshold: float
    """The statistic at which this is found, by the false-alarm contract."""
    e_value: float | None
    """Evidence over the windows since the detector began: 1 or less on average while nothing has changed; none where
    no evidence is weighed."""
    shift: float | None
    """How far the mean has moved since then, in standard deviations of the reference; none but for `level`."""
    regime: str
    """Regime of operation in which it was seen."""
