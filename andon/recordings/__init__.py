"""Recordings: files of history, read as frames by a mapping file; the ingest service replays, the trainer learns."""

from andon.recordings.findings import Findings, describe
from andon.recordings.mapping import Mapping, load_mapping
from andon.recordings.merge import merge
from andon.recordings.recording import Recording, open_recording

__all__ = ["Findings", "Mapping", "Recording", "describe", "load_mapping", "merge", "open_recording"]
