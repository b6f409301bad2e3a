"""Rows as frames: values by kind, several assets in a file, what is counted, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from andon.errors import RecordingError
from andon.recordings.findings import Finding, Problem, describe

from .recordings import SECOND, START, flows, mapping, opened, read, rows, seconds, write

ONE_PUMP = "hall/pump-0"


def one_tag(tag: str, **changes: Any) -> Any:
    return mapping(assets=[{"asset": ONE_PUMP, "columns": {"x": tag}}], **changes)


def converted(folder: Path, tag: str, *texts: str) -> tuple[list[object], int]:
    """Values of a tag made of texts, and how many were counted as unreadable."""
    body = "".join(f"2024-01-01T00:00:{i:02}Z,{text}\n" for i, text in enumerate(texts))
    frames, findings = read(opened(write(folder, _0="t,x\n" + body), one_tag(tag)))
    return frames["values"].struct.field(tag).to_list(), findings[Finding("0.csv, column 'x'", Problem.UNREADABLE)]


@pytest.mark.parametrize(
    ("tag", "texts", "values", "unreadable"),
    [
        ("flow", ["1", "-2.5e3", " 3 ", "", " ", "x"], [1.0, -2500.0, 3.0, None, None, None], 1),
        ("count", ["1", "2.0", "2.5", "9007199254740993", "", "x"], [1, 2, None, 9007199254740993, None, None], 2),
        ("running", ["1", "FALSE", "true", "0.0", "", "-1"], [True, False, True, False, None, None], 1),
        ("mode", ["auto", "hand", "", "3"], ["auto", "hand", None, "3"], 0),
    ],
)
def test_values_become_the_kind_of_their_tag(
    tmp_path: Path, tag: str, texts: list[str], values: list[object], unreadable: int
) -> None:
    assert converted(tmp_path, tag, *texts) == (values, unreadable)


def test_every_tag_of_the_class_has_its_place(tmp_path: Path) -> None:
    frames, _ = read(opened(write(tmp_path, _0=rows(1))))
    assert frames["values"].to_list() == [{"flow": 1.0, "count": None, "running": None, "mode": None}]
    assert frames["values"].struct.fields == ["flow", "count", "running", "mode"]


def test_what_is_not_finite_becomes_null_and_is_counted(tmp_path: Path) -> None:
    frames, findings = read(opened(write(tmp_path, _0=rows(1, "NaN", "inf", "-inf", 2))))
    assert flows(frames) == [1, None, None, None, 2]
    assert findings == {Finding("0.csv, column 'flow'", Problem.NON_FINITE): 3}
    assert describe(findings) == [
        "0.csv, column 'flow': 3 values that are not finite, which JSON cannot carry; sent as null"
    ]


def test_texts_that_stand_for_no_value_are_no_finding(tmp_path: Path) -> None:
    spec = mapping(csv={"null_values": ["-9999", "n/a"]})
    frames, findings = read(opened(write(tmp_path, _0=rows(1, -9999, "n/a")), spec))
    assert flows(frames) == [1, None, None]
    assert not findings


def test_a_row_without_a_readable_time_is_left_out_and_counted(tmp_path: Path) -> None:
    text = rows(1, 2) + "end of file,\n,3\n"
    frames, findings = read(opened(write(tmp_path, _0=text)))
    assert flows(frames) == [1, 2]
    assert findings == {Finding("0.csv", Problem.NO_TIME): 2}


def test_a_last_line_that_was_cut_off_keeps_what_it_has(tmp_path: Path) -> None:
    frames, findings = read(opened(write(tmp_path, _0=rows(1, 2) + "2024-01-01T00:00:02Z")))
    assert flows(frames) == [1, 2, None]
    assert not findings


def test_assets_come_from_file_names_folders_and_columns(tmp_path: Path) -> None:
    (tmp_path / "hall").mkdir()
    write(tmp_path / "hall", _0="t,flow,n\n2024-01-01T00:00:00Z,1,0\n2024-01-01T00:00:01Z,2, 3\n")
    spec = mapping(files="**/*.csv", assets=[{"asset": "{folder}/pump-{n}", "columns": {"flow": "flow"}}])
    assert read(opened(tmp_path, spec))[0]["asset"].to_list() == ["hall/pump-0", "hall/pump-3"]
    spec = mapping(files="**/*.csv", assets=[{"asset": "hall/pump-{stem}", "columns": {"flow": "flow"}}])
    assert read(opened(tmp_path, spec))[0]["asset"].to_list() == ["hall/pump-0", "hall/pump-0"]


def test_a_file_may_hold_assets_in_groups_of_columns(tmp_path: Path) -> None:
    text = "t,a,b\n2024-01-01T00:00:00Z,5,6\n2024-01-01T00:00:01Z,7,8\n"
    pumps = [{"asset": f"hall/pump-{i}", "columns": {column: "flow"}} for i, column in enumerate("ab")]
    frames, _ = read(opened(write(tmp_path, _0=text), mapping(assets=pumps)))
    assert sorted(zip(frames["asset"], seconds(frames), flows(frames), strict=True)) == [
        ("hall/pump-0", 0, 5),
        ("hall/pump-0", 1, 7),
        ("hall/pump-1", 0, 6),
        ("hall/pump-1", 1, 8),
    ]


def test_a_column_may_name_assets_of_several_classes(tmp_path: Path) -> None:
    text = "t,who,flow\n2024-01-01T00:00:00Z,pump-0,1\n2024-01-01T00:00:01Z,fan-0,2\n2024-01-01T00:00:02Z,pump-0,3\n"
    spec = mapping(assets=[{"asset": "hall/{who}", "columns": {"flow": "flow"}}])
    recording = opened(write(tmp_path, _0=text), spec)
    (chunk,) = recording.chunks(recording.files[0])
    assert {name: flows(frames) for name, frames in chunk.frames.items()} == {"pump": [1, 3], "fan": [2]}


def test_a_row_without_its_asset_is_left_out_and_counted(tmp_path: Path) -> None:
    text = "t,flow,n\n2024-01-01T00:00:00Z,1,0\n2024-01-01T00:00:01Z,2,\n"
    spec = mapping(assets=[{"asset": "hall/pump-{n}", "columns": {"flow": "flow"}}])
    frames, findings = read(opened(write(tmp_path, _0=text), spec))
    assert flows(frames) == [1]
    assert findings == {Finding("0.csv", Problem.NO_ASSET): 1}


def test_files_are_moved_side_by_side(tmp_path: Path) -> None:
    folder = write(tmp_path, _0=rows(1, 2), _1=rows(3, 4, start=100))
    spec = mapping(time={"column": "t", "start": "2024-01-01T00:00:10Z"})
    assert seconds(read(opened(folder, spec))[0]) == [10, 11, 10, 11]
    assert seconds(read(opened(folder, spec, skip_rows=1))[0]) == [11, 11]


def test_labels_are_apart_from_frames(tmp_path: Path) -> None:
    body = "2024-01-01T00:00:01Z,1,1,leak\n2024-01-01T00:00:00Z,2,0.0,\n"
    folder = write(tmp_path, _0="t,flow,bad,why\n" + body)
    recording = opened(folder, mapping(labels=["bad", "why"]))
    assert recording.labels().rows() == [(ONE_PUMP, START, 0.0, None), (ONE_PUMP, START + SECOND, 1.0, "leak")]
    frames, _ = read(recording)
    assert not {"bad", "why"} & {*frames.columns, *frames["values"].struct.fields}
    assert opened(folder, mapping(labels=["bad"]), skip_rows=1).labels()["bad"].to_list() == [0.0]


def test_labels_that_are_not_there(tmp_path: Path) -> None:
    folder = write(tmp_path, _0=rows(1))
    with pytest.raises(RecordingError, match="names no `labels`"):
        opened(folder).labels()
    with pytest.raises(RecordingError, match=r"0\.csv has no column 'bad'; its columns are 't', 'flow'"):
        opened(folder, mapping(labels=["bad"])).labels()


@pytest.mark.parametrize(
    ("text", "changes", "says"),
    [
        ("", {}, r"0\.csv is empty: take it out"),
        ("t,flow\n", {}, r"0\.csv holds no rows: take it out"),
        ("", {"csv": {"transposed": True}}, r"0\.csv is empty"),
        ("t;flow\n", {}, r"0\.csv has no column 't'; its columns are 't;flow': .*`csv\.separator`"),
        ("t,Flow\n", {}, r"has no column 'flow'; its columns are 't', 'Flow': correct the mapping"),
        ("t,flow,flow\n", {}, r"has two columns 'flow'"),
        (rows(1) + "2024-01-01T00:00:01Z,1,2\n", {}, r"cannot be read .*found more fields.*separator"),
        ("2024-01-01T00:00:00Z;1\n", {"csv": {"header": ["t", "flow"]}}, r"cannot be read .*separator, header"),
        ("t,2024-01-01T00:00:00Z\n", {"csv": {"transposed": True, "header": ["t", "flow"]}}, r"1 lines, .* names 2"),
        (
            rows(1),
            {"time": {"column": "t", "format": "epoch_s"}},
            r"'2024-01-01T00:00:00Z', the first row's 't', is no",
        ),
        ("t,flow\n1.1.2024,1\n", {}, r"'1\.1\.2024', the first row's 't', is no time of format 'iso': correct `time`"),
        ("t,flow\n[UTC],[bar]\n", {}, r"skip the line \(`csv\.skip_lines_after_header`\)"),
        (
            "t,flow\n1704067200000000,1\n",
            {"time": {"column": "t", "format": "epoch_s"}},
            r"no time of format 'epoch_s'",
        ),
        (rows(1), {"assets": [{"asset": "hall/press", "columns": {"flow": "flow"}}]}, r"asset 'hall/press' is not in"),
        (rows(1), {"assets": [{"asset": ONE_PUMP, "columns": {"flow": "head"}}]}, r"'flow' gives tag 'head', .*'pump'"),
        (rows(1), {"assets": [{"asset": "hall/fan-0", "columns": {"flow": "shake"}}]}, r"String, but tag .* waveform"),
        (rows(1), {"format": "parquet"}, r"0\.csv cannot be read \(.*`format`"),
    ],
)
def test_what_cannot_be_read_is_named_with_what_to_do(
    tmp_path: Path, text: str, changes: dict[str, Any], says: str
) -> None:
    with pytest.raises(RecordingError, match=says) as caught:
        opened(write(tmp_path, _0=text), mapping(**changes))
    assert str(tmp_path / "0.csv") in str(caught.value)


@pytest.mark.parametrize("suffix", ["gz", "xz"])
def test_a_damaged_archive_is_a_clear_error(tmp_path: Path, suffix: str) -> None:
    (tmp_path / f"0.csv.{suffix}").write_bytes(b"no archive at all")
    with pytest.raises(RecordingError, match=rf"0\.csv\.{suffix} cannot be read .*check that the file is whole"):
        opened(tmp_path, mapping(files="*"))


def test_an_asset_that_shows_up_later_and_is_unknown_stops_the_reading(tmp_path: Path) -> None:
    text = "t,flow,n\n" + "2024-01-01T00:00:00Z,1,0\n" * 5_000 + "2024-01-01T00:00:01Z,2,77\n"
    spec = mapping(assets=[{"asset": "hall/pump-{n}", "columns": {"flow": "flow"}}])
    recording = opened(write(tmp_path, _0=text), spec)
    with pytest.raises(RecordingError, match="asset 'hall/pump-77' is not in the plant model: add it"):
        read(recording)


@pytest.mark.parametrize(
    ("column", "tag", "says"),
    [
        ([{"a": 1}], "speed", r"column 'x' is Struct.*tag 'speed' of kind number"),
        ([[1.0]], "speed", r"column 'x' is List.*tag 'speed' of kind number"),
        ([1.0], "shake", r"column 'x' is Float64.*tag 'shake' of kind waveform"),
        ([{"a": 1}], "shake", r"types of its columns do not fit \(.*\): correct `columns`"),
    ],
)
def test_columns_of_parquet_that_do_not_fit_their_tag(
    tmp_path: Path, column: list[object], tag: str, says: str
) -> None:
    pl.DataFrame({"t": [START], "x": column}).write_parquet(tmp_path / "0.parquet")
    spec = mapping(
        files="*.parquet",
        format="parquet",
        time={"column": "t", "format": "epoch_us"},
        assets=[{"asset": "hall/fan-0", "columns": {"x": tag}}],
    )
    with pytest.raises(RecordingError, match=says):
        opened(tmp_path, spec)


def test_whole_numbers_need_a_unit_to_be_times(tmp_path: Path) -> None:
    pl.DataFrame({"t": [START], "flow": [1.0]}).write_parquet(tmp_path / "0.parquet")
    with pytest.raises(RecordingError, match=r"'t' holds Int64: set `time\.format` .* epoch_us or steps"):
        opened(tmp_path, mapping(files="*.parquet", format="parquet"))


def test_no_folder_and_no_file(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="is no folder: correct the path"):
        opened(tmp_path / "absent")
    with pytest.raises(RecordingError, match=r"holds no file '\*\.csv'"):
        opened(tmp_path)
