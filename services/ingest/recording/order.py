"""In which order a recording's frames are replayed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from andon.recordings import Recording
from andon.recordings.frames import Chunk
from andon.recordings.merge import merge


def oldest_first(recording: Recording) -> Iterator[Chunk]:
    """Yield the frames of all files in ascending time."""
    return merge(recording.streams())


def newest_first(recording: Recording, stretch: int) -> Iterator[Chunk]:
    """Yield the frames stretch by stretch, the newest file's last rows first; inside of a stretch they ascend.

    Rows are counted from each file's beginning, so a recording that has grown begins with what is new.

    Args:
        recording: what to replay.
        stretch: rows in a stretch.
    """
    for file in sorted(recording.files, key=lambda each: each.begins, reverse=True):
        alone = replace(recording, files=(file,))
        for number in reversed(range(-(-recording.count_rows(file) // stretch))):
            skipped = number * stretch
            left = stretch if recording.max_rows is None else min(stretch, recording.max_rows - skipped)
            yield from merge(replace(alone, skip_rows=recording.skip_rows + skipped, max_rows=left).streams())
