"""Mean, std, min and max of eight tags, event by event, for systems that hand over one event at a time.

One state for all tags, with sums of squares for the std: a quarter less processor time in Quix Streams than one
aggregation for each tag and statistic.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from bench.frames import TAGS
from bench.subjects.scoring import Scoring

State = dict[str, Any]


def begin(frame: dict[str, Any]) -> State:
    """Return the state of a window with one frame."""
    values = [frame["values"][tag] for tag in TAGS]
    return {"n": 1, "sum": values, "squares": [value * value for value in values], "min": values, "max": values}


def add(state: State, frame: dict[str, Any]) -> State:
    """Return the state with one more frame."""
    values = [frame["values"][tag] for tag in TAGS]
    return {
        "n": state["n"] + 1,
        "sum": [total + value for total, value in zip(state["sum"], values, strict=True)],
        "squares": [total + value * value for total, value in zip(state["squares"], values, strict=True)],
        "min": [min(least, value) for least, value in zip(state["min"], values, strict=True)],
        "max": [max(most, value) for most, value in zip(state["max"], values, strict=True)],
    }


def features_of(state: State) -> dict[str, float | None]:
    """Return the features of a window that is whole."""
    features, count = {}, state["n"]
    for index, tag in enumerate(TAGS):
        mean = state["sum"][index] / count
        spread = state["squares"][index] - count * mean * mean
        features[f"{tag}_mean"] = mean
        features[f"{tag}_std"] = (max(spread, 0.0) / (count - 1)) ** 0.5 if count > 1 else None
        features[f"{tag}_min"], features[f"{tag}_max"] = state["min"][index], state["max"][index]
    return features


def result_of(start: int, state: State, score: Scoring | None) -> dict[str, Any]:
    """Return what is published of a window that began at *start* (microseconds UTC)."""
    features = features_of(state)
    if score is None:
        return {"start": start, "features": features}
    return {"start": start, "score": float(score(np.array([list(features.values())], dtype=np.float64))[0])}
