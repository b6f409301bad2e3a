"""Features as people on the shop floor call them."""

from __future__ import annotations

from andon.features.definition import Aggregate
from andon.words import name_in_words, number

#: Aggregates that tell where a signal is; only of these can a person say that it is too low or too high.
_LEVELS: dict[str, str] = {
    Aggregate.MEAN: "mean",
    Aggregate.MEDIAN: "median",
    Aggregate.MIN: "minimum",
    Aggregate.MAX: "maximum",
    Aggregate.RMS: "RMS",
}
#: The others tell how it moves, or how well it is known.
_SHAPES: dict[str, str] = {
    Aggregate.STD: "spread",
    Aggregate.PEAK_TO_PEAK: "swing",
    Aggregate.SLOPE: "slope",
    Aggregate.KURTOSIS: "kurtosis",
    Aggregate.CREST_FACTOR: "crest factor",
    Aggregate.GOOD_RATIO: "share of good samples",
}

#: A feature within so many standard deviations of its mean is not unusual by itself.
USUAL = 2.0


def is_level(statistic: str) -> bool:
    """Return whether *statistic* tells where a signal is, rather than how it moves."""
    return statistic in _LEVELS


def signal_in_words(tag: str, statistic: str) -> str:
    """Return what the value of a feature is of: a level is called as its tag, ``spread of vibration`` is no level."""
    signal = name_in_words(tag)
    return signal if is_level(statistic) else f"{_statistic_in_words(statistic)} of {signal}"


def feature_in_words(tag: str, statistic: str) -> str:
    """Return a name that tells a feature from all others of its tag: ``vibration mean``, ``vibration spread``."""
    return f"{name_in_words(tag)} {_statistic_in_words(statistic)}"


def _statistic_in_words(statistic: str) -> str:
    return _LEVELS.get(statistic) or _SHAPES.get(statistic) or statistic.replace("_", " ")


def difference_in_words(name: str, difference: float, unit: str, deviation: float) -> str:
    """Return a reason in plain words: ``vibration mean 3.1 mm/s above normal``.

    What lies within `USUAL` standard deviations is no news by itself; then it is the company it keeps that is.

    Args:
        name: of `feature_in_words`.
        difference: value - normal.
        unit: as it is written on a gauge, `andon.words.unit_in_words`; empty for none.
        deviation: the difference in standard deviations.
    """
    amount = f"{number(abs(difference))} {unit}" if unit else number(abs(difference))
    side = "above" if difference >= 0 else "below"
    beside = ", out of step with the other signals" if abs(deviation) < USUAL else ""
    return f"{name} {amount} {side} normal{beside}"
