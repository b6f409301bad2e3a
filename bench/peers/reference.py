"""What every peer must have made of the first frames, worked out here plainly, by numpy and ONNX Runtime alone."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from andon.clock import SECOND
from andon.plant import Plant
from bench.common import BenchError
from bench.frames import MACHINES, RATE_HZ, T0, TAGS, frames
from bench.subjects.job import Job
from bench.subjects.scoring import open_model

#: Seconds of event time that are compared: so many windows of each machine.
SECONDS = 8
#: Largest difference, absolute or relative, that is none.
TOLERANCE = 1e-6
#: Key of a result, and the event time of its frame or the start of its window.
Place = tuple[bytes, int]


@dataclass(frozen=True)
class Expected(Mapping[Place, Mapping[str, float]]):
    """Numbers by place.

    Attributes:
        job: what they are results of.
        numbers: each result's numbers, by name.
    """

    job: Job
    numbers: Mapping[Place, Mapping[str, float]]

    def __getitem__(self, place: Place) -> Mapping[str, float]:
        return self.numbers[place]

    def __iter__(self) -> Any:
        return iter(self.numbers)

    def __len__(self) -> int:
        return len(self.numbers)

    def compare(self, place: Place, event: Mapping[str, Any]) -> None:
        """Raise if a published *event* has other numbers than those expected at *place*.

        Raises:
            BenchError: says where and which.
        """
        found = {Job.PASS: event.get("values"), Job.WINDOW: event.get("features")}.get(self.job, event) or {}
        for name, wanted in self.numbers[place].items():
            got = found.get(name)
            if got is None or not math.isclose(got, wanted, rel_tol=TOLERANCE, abs_tol=TOLERANCE):
                raise BenchError(f"{name} of {place[0].decode()} at {place[1]} is {got}; must be {wanted}")


def expected(plant: Plant, job: Job, graph: bytes) -> Expected:
    """Return what *job* makes of the first `SECONDS` of `bench.frames`; *graph* is the model of `Job.SCORE`."""
    rows = frames(plant, 0, MACHINES * RATE_HZ * SECONDS)
    values = rows["values"].struct.unnest().select(TAGS).to_numpy()
    keys = [asset.encode() for asset in rows["asset"].to_list()]
    if job is Job.PASS:
        found = (dict(zip(TAGS, row, strict=True)) for row in values.tolist())
        return Expected(job, dict(zip(zip(keys, rows["time"].to_list(), strict=True), found, strict=True)))
    # Frame n is frame n // machines of machine n % machines.
    windows = values.reshape(SECONDS, RATE_HZ, MACHINES, len(TAGS)).swapaxes(1, 2).reshape(-1, RATE_HZ, len(TAGS))
    places = [(keys[n % MACHINES], T0 + n // MACHINES * SECOND) for n in range(len(windows))]
    return Expected(job, dict(zip(places, _numbers(windows, job, graph), strict=True)))


def _numbers(windows: NDArray[np.float64], job: Job, graph: bytes) -> list[dict[str, float]]:
    named = {"mean": windows.mean(1), "std": windows.std(1, ddof=1), "min": windows.min(1), "max": windows.max(1)}
    if job is Job.WINDOW:
        return [
            {f"{tag}_{name}": float(found[n, index]) for index, tag in enumerate(TAGS) for name, found in named.items()}
            for n in range(len(windows))
        ]
    matrix = np.stack(list(named.values()), axis=2).reshape(len(windows), -1)
    return [{"score": score} for score in open_model(graph)(matrix).tolist()]
