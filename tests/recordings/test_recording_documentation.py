"""The mapping in the documentation is a mapping."""

from __future__ import annotations

from pathlib import Path

from andon.recordings.mapping import load_mapping
from services.ingest.recording.config import RecordingConfig

DOCUMENT = Path(__file__).parents[2] / "docs" / "recordings.md"


def test_the_example_is_valid_and_shows_every_field(tmp_path: Path) -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    path = tmp_path / "mapping.yaml"
    path.write_text(text.split("```yaml\n")[1].split("```")[0], encoding="utf-8")
    mapping = load_mapping(path)
    assert [entry.key_columns for entry in mapping.assets] == [("Machine No",), ()]
    for part in (mapping, mapping.csv, mapping.time):
        assert not [name for name in type(part).model_fields if name not in text]


def test_every_setting_is_explained() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    assert not [name for name in RecordingConfig.model_fields if f"`{name}`" not in text]
