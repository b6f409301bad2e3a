"""The three jobs as somebody would write them who has a batch of records in hand: orjson and numpy, nothing else.

What both bare loops run. No state survives a restart, a late frame is not noticed, and nothing is counted, traced or
set aside: this is the limit of what the language and its libraries give, not a service.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from operator import itemgetter

import numpy as np
import orjson
from numpy.typing import NDArray

from andon.clock import SECOND
from bench.frames import TAGS
from bench.subjects.job import Job, Order
from bench.subjects.scoring import Scoring, open_model

NAMES = tuple(f"{tag}_{name}" for tag in TAGS for name in ("mean", "std", "min", "max"))
Pair = tuple[bytes, bytes]
#: Keys and values of a batch to keys and values of what is published.
Step = Callable[[Sequence[Pair]], Iterable[Pair]]
_of_tags = itemgetter(*TAGS)
_Ints = NDArray[np.int64]
_Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Closed:
    """Whole windows: keys, starts (microseconds UTC) and features ``[n, 32]`` in the order of `NAMES`."""

    keys: list[bytes]
    starts: list[int]
    features: _Floats


@dataclass
class OpenWindows:
    """Frames whose windows are open. A window closes when its machine sends a frame behind its end."""

    keys: list[bytes] = field(default_factory=list)
    numbers: dict[bytes, int] = field(default_factory=dict)
    newest: _Ints = field(default_factory=lambda: np.zeros(0, np.int64))
    asset: _Ints = field(default_factory=lambda: np.zeros(0, np.int64))
    second: _Ints = field(default_factory=lambda: np.zeros(0, np.int64))
    values: _Floats = field(default_factory=lambda: np.zeros((0, len(TAGS))))

    def add(self, pairs: Sequence[Pair]) -> Closed:
        """Add frames; return the windows that they close."""
        frames = [orjson.loads(value) for _, value in pairs]
        asset = np.array([self._number(key) for key, _ in pairs], np.int64)
        second = np.array([frame["time"] for frame in frames], np.int64) // SECOND
        values = np.array([_of_tags(frame["values"]) for frame in frames])
        np.maximum.at(self.newest, asset, second)
        self.asset = np.concatenate((self.asset, asset))
        self.second = np.concatenate((self.second, second))
        self.values = np.concatenate((self.values, values))
        return self._close()

    def _number(self, key: bytes) -> int:
        number = self.numbers.get(key)
        if number is None:
            number = self.numbers[key] = len(self.keys)
            self.keys.append(key)
            self.newest = np.append(self.newest, 0)
        return number

    def _close(self) -> Closed:
        due = self.second < self.newest[self.asset]
        asset, second, values = self.asset[due], self.second[due], self.values[due]
        self.asset, self.second, self.values = self.asset[~due], self.second[~due], self.values[~due]
        order = np.lexsort((second, asset))
        asset, second, values = asset[order], second[order], values[order]
        first = np.flatnonzero(np.append(True, (np.diff(asset) != 0) | (np.diff(second) != 0))[: len(asset)])
        keys = [self.keys[number] for number in asset[first].tolist()]
        return Closed(keys, (second[first] * SECOND).tolist(), _features(values, first))


def _features(values: _Floats, first: _Ints) -> _Floats:
    """Return mean, std, min and max of each run of rows; *first* are the rows where one begins."""
    if not len(first):
        return np.zeros((0, len(NAMES)))
    count = np.diff(np.append(first, len(values)))[:, None]
    mean = np.add.reduceat(values, first) / count
    squares = np.add.reduceat((values - np.repeat(mean, count[:, 0], axis=0)) ** 2, first)
    with np.errstate(invalid="ignore"):  # no spread of one value
        std = np.sqrt(squares / (count - 1))
    least, most = np.minimum.reduceat(values, first), np.maximum.reduceat(values, first)
    return np.stack((mean, std, least, most), axis=2).reshape(len(first), -1)


def step_of(order: Order) -> Step:
    """Return the order's job, with a state of its own."""
    if order.job is Job.PASS:
        return pass_on
    windows, score = OpenWindows(), open_model(order.model) if order.job is Job.SCORE else None
    return lambda pairs: _published(windows.add(pairs), score)


def pass_on(pairs: Sequence[Pair]) -> Iterable[Pair]:
    """Decode and encode each frame."""
    return [(key, orjson.dumps(orjson.loads(value))) for key, value in pairs]


def _published(closed: Closed, score: Scoring | None) -> Iterable[Pair]:
    if score is None:
        named = ({"features": dict(zip(NAMES, row, strict=True))} for row in closed.features.tolist())
    else:
        scores = score(closed.features).tolist() if closed.keys else []
        named = ({"score": value} for value in scores)
    for key, start, result in zip(closed.keys, closed.starts, named, strict=True):
        yield key, orjson.dumps({"start": start, **result})
