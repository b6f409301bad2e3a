"""Every way a file may be written gives the same frames."""

from __future__ import annotations

import gzip
import io
import lzma
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from andon.errors import RecordingError
from andon.recordings.files import natural_key, read_chunks

from .recordings import START, flows, mapping, opened, read, rows, seconds, write

PLAIN = "t,flow\n2024-01-01T00:00:00Z,1.5\n2024-01-01T00:00:01Z,2.5\n"
STEPPED = {"start": "2024-01-01T00:00:00Z", "step": "1s"}


def frames_of(folder: Path, **changes: Any) -> tuple[list[float | None], list[float]]:
    frames, _ = read(opened(folder, mapping(**changes)))
    return flows(frames), seconds(frames)


def test_plain(tmp_path: Path) -> None:
    assert frames_of(write(tmp_path, _0=PLAIN)) == ([1.5, 2.5], [0, 1])


@pytest.mark.parametrize(("suffix", "pack"), [("gz", gzip.compress), ("xz", lzma.compress)])
def test_packed(tmp_path: Path, suffix: str, pack: Any) -> None:
    (tmp_path / f"0.csv.{suffix}").write_bytes(pack(PLAIN.encode()))
    assert frames_of(tmp_path, files=f"*.csv.{suffix}") == ([1.5, 2.5], [0, 1])


@pytest.mark.parametrize(
    ("text", "csv"),
    [
        (PLAIN.replace(",", ";"), {"separator": ";"}),
        (PLAIN.replace(",", "\t"), {"separator": "\t"}),
        (PLAIN.replace("\n", "\r\n"), {}),
        (PLAIN.replace("\n", "\n\n") + "\r\n\r\n", {}),
        (PLAIN.rstrip("\n"), {}),
        ("\ufeff" + PLAIN, {}),
        (PLAIN.replace("flow", '"flow"').replace("1.5", '"1.5"'), {}),
        (PLAIN.replace(",", " , "), {}),
        (PLAIN.replace(",", "  \t ").replace("2024", "   2024"), {"separator": "whitespace"}),
        (PLAIN.replace(",", ";").replace(".5", ",5"), {"separator": ";", "decimal": ","}),
        ("Exported today\n\n" + PLAIN, {"skip_lines": 2}),
        (PLAIN.replace("flow\n", "flow\n[UTC],[l/min]\n"), {"skip_lines_after_header": 1}),
        (PLAIN.removeprefix("t,flow\n"), {"header": ["t", "flow"]}),
        ("t,2024-01-01T00:00:00Z,2024-01-01T00:00:01Z\nflow,1.5,2.5\n", {"transposed": True}),
        (
            " 2024-01-01T00:00:00Z  2024-01-01T00:00:01Z\n 1.5  2.5\n",
            {"transposed": True, "separator": "whitespace", "header": ["t", "flow"]},
        ),
    ],
)
def test_ways_of_writing_a_text(tmp_path: Path, text: str, csv: dict[str, Any]) -> None:
    assert frames_of(write(tmp_path, _0=text), csv=csv) == ([1.5, 2.5], [0, 1])


def test_other_encodings(tmp_path: Path) -> None:
    (tmp_path / "0.csv").write_bytes(PLAIN.replace("flow", "Durchfluß °C").encode("cp1252"))
    assets = [{"asset": "hall/pump-0", "columns": {"Durchfluß °C": "flow"}}]
    assert frames_of(tmp_path, csv={"encoding": "cp1252"}, assets=assets) == ([1.5, 2.5], [0, 1])
    with pytest.raises(RecordingError, match="encoding"):
        opened(tmp_path, mapping(assets=assets))


@pytest.mark.parametrize(
    ("texts", "time"),
    [
        (("2024-01-01T00:00:00", "2024-01-01T00:00:01"), {}),
        (("2024-01-01 01:00:00", "2024-01-01 01:00:01.000"), {"zone": "Europe/Berlin"}),
        (("2024-01-01T02:00:00+02:00", "2024-01-01T01:00:01+0100"), {}),
        (("1704067200", "1704067201.0"), {"format": "epoch_s"}),
        (("1704067200000", "1704067201000"), {"format": "epoch_ms"}),
        (("1704067200000000", "1704067201000000"), {"format": "epoch_us"}),
        (("01.01.2024 00-00-00", "01.01.2024 00-00-01"), {"format": "%d.%m.%Y %H-%M-%S"}),
        (("00:00:00 2024/001 +0000", "01:00:01 2024/001 +0100"), {"format": "%H:%M:%S %Y/%j %z"}),
        (("0", "1"), STEPPED | {"format": "steps"}),
        (("what", "ever"), STEPPED | {"column": None}),
    ],
)
def test_ways_of_writing_a_time(tmp_path: Path, texts: tuple[str, str], time: dict[str, Any]) -> None:
    folder = write(tmp_path, _0=f"t,flow\n{texts[0]},1\n{texts[1]},2\n")
    assert frames_of(folder, time={"column": "t", **time}) == ([1, 2], [0, 1])


def test_an_hour_that_the_clocks_skip_is_no_time_and_a_repeated_one_is_its_first_run(tmp_path: Path) -> None:
    text = "t,flow\n2024-03-31 01:30:00,1\n2024-03-31 02:30:00,2\n2024-10-27 02:30:00,3\n"
    frames, findings = read(opened(write(tmp_path, _0=text), mapping(time={"column": "t", "zone": "Europe/Berlin"})))
    when = [datetime(2024, 3, 31, 0, 30, tzinfo=UTC), datetime(2024, 10, 27, 0, 30, tzinfo=UTC)]
    assert frames["time"].to_list() == [int(each.timestamp()) * 1_000_000 for each in when]
    assert list(findings.values()) == [1]


@pytest.mark.parametrize(
    "times",
    [
        pl.Series([START, START + 1_000_000]).cast(pl.Datetime("us")).dt.cast_time_unit("ns"),
        pl.Series([START, START + 1_000_000]).cast(pl.Datetime("us", "Asia/Tokyo")),
        pl.Series(["2024-01-01T00:00:00Z", "2024-01-01T00:00:01Z"]),
    ],
)
def test_parquet(tmp_path: Path, times: pl.Series) -> None:
    pl.DataFrame({"t": times, "flow": [1.5, 2.5], "other": [{"a": 1}, None]}).write_parquet(tmp_path / "0.parquet")
    assert frames_of(tmp_path, files="*.parquet", format="parquet") == ([1.5, 2.5], [0, 1])


def test_parquet_of_whole_numbers_and_waveforms(tmp_path: Path) -> None:
    waves = [[0.5, 1.0], None, [float("nan")]]
    pl.DataFrame({"t": [0, 1, 2], "speed": [7, 8, 9], "wave": waves}).write_parquet(tmp_path / "0.parquet")
    spec = mapping(
        files="*.parquet",
        format="parquet",
        time={"column": "t", "format": "epoch_s"},
        assets=[{"asset": "hall/fan-0", "columns": {"speed": "speed", "wave": "shake"}}],
    )
    recording = opened(tmp_path, spec)
    (chunk,) = recording.chunks(recording.files[0])
    values = chunk.frames["fan"]["values"].struct.unnest()
    assert values["speed"].to_list() == [7.0, 8.0, 9.0]
    assert values["shake"].to_list() == [{"rate_hz": 100.0, "samples": [0.5, 1.0]}, None, None]
    assert list(chunk.findings.values()) == [1]


def test_files_come_in_natural_order(tmp_path: Path) -> None:
    spec = mapping(assets=[{"asset": "hall/pump-0", "columns": {"flow": "flow"}}])
    recording = opened(write(tmp_path, _10=PLAIN, _2=PLAIN, a=PLAIN, _1=PLAIN), spec)
    assert [file.path.name for file in recording.files] == ["a.csv", "1.csv", "2.csv", "10.csv"]


@given(st.lists(st.integers(0, 10**9), min_size=1, unique=True))
def test_numbers_in_names_sort_as_numbers(numbers: list[int]) -> None:
    names = sorted((f"run-{number}.csv" for number in numbers), key=natural_key)
    assert names == [f"run-{number}.csv" for number in sorted(numbers)]


@given(
    lines=st.lists(st.tuples(st.integers(), st.text("abc é", max_size=5)), min_size=1),
    block=st.integers(1, 100),
    newline=st.sampled_from(["\n", "\r\n"]),
)
def test_the_size_of_a_block_changes_nothing(
    tmp_path_factory: pytest.TempPathFactory, lines: list[tuple[int, str]], block: int, newline: str
) -> None:
    path = tmp_path_factory.getbasetemp() / "blocks.csv"
    text = io.StringIO()
    text.writelines(f"{number},{word}{newline}" for number, word in [("t", "flow"), *lines])
    path.write_bytes(text.getvalue().encode())
    table = pl.concat(read_chunks(path, mapping(), ("t", "flow"), block))
    assert table.rows() == [(str(number), word or None) for number, word in lines]


def test_a_chunk_is_bounded(tmp_path: Path) -> None:
    write(tmp_path, _0=rows(*range(3_000)))
    heights = [table.height for table in read_chunks(tmp_path / "0.csv", mapping(), ("t",), 1_024)]
    assert sum(heights) == 3_000
    assert max(heights) <= 1_024 // len("2024-01-01T00:00:00Z,0")


def test_rows_of_each_file_are_skipped_and_limited(tmp_path: Path) -> None:
    folder = write(tmp_path, _0=rows(0, 1, 2, 3, 4), _1=rows(10, 11, 12))
    frames, _ = read(opened(folder, skip_rows=2, max_rows=2))
    assert flows(frames) == [2, 3, 12]
    stepped, _ = read(opened(folder, mapping(time=STEPPED), skip_rows=2, max_rows=2))
    assert seconds(stepped) == [2, 3, 2]
