"""Features as people on the shop floor call them, and the units that they have."""

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
_WITHOUT_UNIT = frozenset({Aggregate.KURTOSIS, Aggregate.CREST_FACTOR, Aggregate.GOOD_RATIO})

#: A feature within so many standard deviations of its mean is not unusual by itself.
USUAL = 2.0


def is_level(aggregate: str) -> bool:
    """Return whether *aggregate* tells where a signal is, rather than how it moves."""
    return aggregate in _LEVELS


def signal_in_words(tag: str, aggregate: str) -> str:
    """Return what the value of a feature is of: a level is called as its tag, ``spread of vibration`` is no level."""
    shape = _SHAPES.get(aggregate)
    return f"{shape} of {name_in_words(tag)}" if shape else name_in_words(tag)


def feature_in_words(tag: str, aggregate: str) -> str:
    """Return a name that tells a feature from all others of its tag: ``vibration mean``, ``vibration spread``."""
    return f"{name_in_words(tag)} {_LEVELS.get(aggregate) or _SHAPES.get(aggregate) or aggregate}"


def feature_unit(aggregate: str, unit: str | None) -> str | None:
    """Return the unit of an aggregate of a tag in *unit*, None for none: a slope's is by the second."""
    if aggregate in _WITHOUT_UNIT:
        return None
    if aggregate != Aggregate.SLOPE:
        return unit
    return "1/s" if unit in (None, "dimensionless") else f"{unit}/s"


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
