"""A plant and recordings of it, made by the tests themselves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from andon.plant import Plant
from andon.recordings.findings import Findings
from andon.recordings.frames import Chunk
from andon.recordings.mapping import Mapping
from andon.recordings.recording import Recording, open_recording

SECOND = 1_000_000
#: 2024-01-01T00:00:00Z
START = 1_704_067_200 * SECOND

PLANT = Plant.model_validate(
    {
        "enterprise": "acme",
        "site": "north",
        "classes": {
            "pump": {
                "scan": "1s",
                "tags": {
                    "flow": {"unit": "liter/minute"},
                    "count": {"kind": "integer"},
                    "running": {"kind": "boolean"},
                    "mode": {"kind": "state", "states": ["auto", "hand"]},
                },
            },
            "fan": {"tags": {"flow": {}, "speed": {}, "shake": {"kind": "waveform", "rate_hz": 100}}},
        },
        "assets": {
            **{f"hall/pump-{i}": {"class": "pump"} for i in range(4)},
            "hall/fan-0": {"class": "fan"},
        },
    }
)


def mapping(**changes: Any) -> Mapping:
    """A mapping of CSV files with a column `t` of ISO times and a column `flow`, one file a pump."""
    base: dict[str, Any] = {
        "files": "*.csv",
        "time": {"column": "t"},
        "assets": [{"asset": "hall/pump-{stem}", "columns": {"flow": "flow"}}],
    }
    return Mapping.model_validate(base | changes)


def write(folder: Path, **files: str) -> Path:
    """Write texts as CSV files; a name's underscores before its stem are dropped, so that `_0` makes 0.csv."""
    for name, text in files.items():
        (folder / f"{name.lstrip('_')}.csv").write_text(text, encoding="utf-8")
    return folder


def rows(*values: object, start: int = 0, step: int = 1) -> str:
    """CSV text of flows at every *step* seconds from *start* seconds after `START`."""
    times = (f"2024-01-01T00:{(start + i * step) // 60:02}:{(start + i * step) % 60:02}Z" for i in range(len(values)))
    return "t,flow\n" + "".join(f"{time},{value}\n" for time, value in zip(times, values, strict=True))


def read(recording: Recording) -> tuple[pl.DataFrame, Findings]:
    """All frames of a recording of pumps, file by file, and what was found."""
    chunks = [chunk for file in recording.files for chunk in recording.chunks(file)]
    return pumps(chunks), sum((chunk.findings for chunk in chunks), Findings())


def pumps(chunks: Iterable[Chunk]) -> pl.DataFrame:
    return pl.concat([chunk.frames["pump"] for chunk in chunks if "pump" in chunk.frames])


def opened(folder: Path, spec: Mapping | None = None, **options: Any) -> Recording:
    return open_recording(folder, spec or mapping(), PLANT, **options)


def flows(frames: pl.DataFrame) -> list[float | None]:
    return frames["values"].struct.field("flow").to_list()


def seconds(frames: pl.DataFrame) -> list[float]:
    """Times in seconds after `START`."""
    return [(time - START) / SECOND for time in frames["time"]]


def real_data(folder: str) -> Path:
    """A folder of recordings that are kept beside the project; skips where they are absent."""
    path = Path(__file__).parents[3] / "shared" / "data" / folder
    if not path.is_dir():
        pytest.skip(f"the recordings of ../shared/data/{folder} are not here")
    return path


def counting(stream: Iterator[Chunk], opened_streams: list[str], name: str) -> Iterator[Chunk]:
    """Note when a stream is first read."""
    opened_streams.append(name)
    yield from stream
