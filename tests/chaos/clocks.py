"""Clocks that step while a service runs: libfaketime, which reads how far they are off from a file again and again."""

from __future__ import annotations

import glob
from pathlib import Path

_PLACES = ("/usr/lib/*/faketime/libfaketimeMT.so.1", "/usr/local/lib/faketime/libfaketimeMT.so.1")


def library() -> str | None:
    """Return where libfaketime is; None when it is not installed."""
    return next((found for place in _PLACES for found in glob.glob(place)), None)  # noqa: PTH207 - an absolute pattern


class SteppingClock:
    """The wall clock of one service; its monotonic clock goes on as it was."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.set(0)

    def set(self, seconds: int) -> None:
        """Let the clock be off by this much, within a second."""
        new = self._file.with_suffix(".new")
        new.write_text(f"{seconds:+d}\n")
        new.rename(self._file)

    def environment(self) -> dict[str, str]:
        """Return what a process needs to read this clock."""
        return {
            "LD_PRELOAD": library() or "",
            "FAKETIME_TIMESTAMP_FILE": str(self._file.resolve()),
            "FAKETIME_CACHE_DURATION": "1",
            # Times of files stay as they are, or Python would take all its compiled modules for outdated ones.
            "NO_FAKE_STAT": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "DONT_FAKE_MONOTONIC": "1",
        }
