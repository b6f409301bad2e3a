"""The mapping file: what it says, and what is said when it is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from andon.errors import ConfigError, RecordingError
from andon.recordings.mapping import load_mapping

from .recordings import START

GOOD = """
files: "*.csv"
time: {column: t}
assets: [{asset: "hall/pump-{stem}", columns: {flow: flow}}]
"""


def load(folder: Path, text: str) -> None:
    path = folder / "mapping.yaml"
    path.write_text(text, encoding="utf-8")
    load_mapping(path)


def test_defaults_are_comma_iso_and_utc(tmp_path: Path) -> None:
    path = tmp_path / "mapping.yaml"
    path.write_text(GOOD, encoding="utf-8")
    mapping = load_mapping(path)
    assert (mapping.format, mapping.csv.separator, mapping.time.format, mapping.time.zone) == ("csv", ",", "iso", "UTC")
    assert mapping.assets[0].key_columns == ()


@pytest.mark.parametrize(
    ("start", "zone", "hours"),
    [
        ("2024-01-01T00:00:00Z", "Europe/Berlin", 0),
        ("2024-01-01 01:00:00", "Europe/Berlin", 0),
        ("2024-01-01", "UTC", 0),
    ],
)
def test_start_without_offset_is_in_the_zone(tmp_path: Path, start: str, zone: str, hours: int) -> None:
    path = tmp_path / "mapping.yaml"
    text = GOOD.replace("{column: t}", f"{{column: t, start: '{start}', zone: {zone}}}")
    path.write_text(text, encoding="utf-8")
    assert load_mapping(path).time.origin == START + hours * 3_600_000_000


@pytest.mark.parametrize(
    ("old", "new", "field", "says"),
    [
        ('"*.csv"', '"../*.csv"', "files", "must stay inside the recording's folder"),
        ('"*.csv"', '"**.csv"', "files", "whole folders only"),
        ("time:", "format: excel\ntime:", "format", "'csv' or 'parquet'"),
        ("time:", "colour: red\ntime:", "colour", "not permitted"),
        ("time:", "csv: {separator: ab}\ntime:", "csv.separator", "neither one ASCII character nor 'whitespace'"),
        ("time:", "csv: {skip_lines: -1}\ntime:", "csv.skip_lines", "greater than or equal to 0"),
        ("{column: t}", "{column: t, zone: Mars/Crater}", "time.zone", "IANA"),
        ("{column: t}", "{column: t, format: tuesday}", "time", "iso, epoch_s, epoch_ms, epoch_us, steps"),
        ("{column: t}", "{}", "time", "needs `start` and `step`"),
        ("{column: t}", "{column: t, format: steps, step: 1s}", "time", "needs `start` and `step`"),
        ("{column: t}", "{column: t, step: 1s}", "time", "`step` is for format steps"),
        ("{column: t}", "{start: 2024-01-01, step: 0s}", "time.step", "greater than 0"),
        ("{column: t}", "{start: 2024-01-01, step: soon}", "time.step", "is no duration"),
        ("hall/pump-{stem}", "hall/pump {stem}", "assets.0", "letters, digits"),
        ("hall/pump-{stem}", "hall/{stem", "assets.0", "letters, digits"),
        ("{flow: flow}", "{}", "assets.0.columns", "at least 1"),
        ("{flow: flow}", "{flow: the flow}", "assets.0.columns.flow", "letters, digits"),
        ("{flow: flow}", "{a: flow, b: flow}", "assets.0", "'flow' is given by more than one column"),
        ("time:", "labels: [flow]\ntime:", "file", "ground truth must not reach the frames"),
        ("time:", "labels: [time]\ntime:", "file", "rename the column"),
    ],
)
def test_a_wrong_field_is_named_with_its_file(tmp_path: Path, old: str, new: str, field: str, says: str) -> None:
    with pytest.raises(RecordingError) as caught:
        load(tmp_path, GOOD.replace(old, new))
    assert "mapping.yaml" in str(caught.value)
    assert f"\n  {field}: " in str(caught.value)
    assert says in str(caught.value)


@pytest.mark.parametrize("text", ["files: [", "", "- 1", "\x00"])
def test_what_is_no_mapping_is_a_clear_error(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError, match=r"mapping\.yaml"):
        load(tmp_path, text)


def test_a_mapping_that_is_absent_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match=r"absent\.yaml: cannot be read: No such file"):
        load_mapping(tmp_path / "absent.yaml")
