"""How far a replay has come, kept in a file: written whole or not at all."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from andon.errors import RecordingError
from andon.telemetry import get_logger

_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Position:
    """What a replay has done.

    Attributes:
        session: name of the replay's session; it goes on in it.
        frames: how many frames, in the replay's order, Kafka has.
        ended: whether there are no more.
    """

    session: str
    frames: int = 0
    ended: bool = False


class PositionFile:
    """The position of one replay.

    Args:
        path: the file.
        digest: of everything that decides the order of frames; a position of another digest does not count.
    """

    def __init__(self, path: Path, digest: str) -> None:
        self._path, self._digest = path, digest

    def load(self) -> Position | None:
        """Return the position; None when there is none for this recording.

        Raises:
            RecordingError: the file is there and cannot be read.
        """
        try:
            found = json.loads(self._path.read_text(encoding="utf-8"))
            if found.pop("digest") != self._digest:
                _log.warning("recording, mapping or order have changed: replaying from the start", file=str(self._path))
                return None
            return Position(**found)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise RecordingError(
                f"{self._path} holds no position that can be used: {error!r} (remove it to replay from the start)"
            ) from None

    def save(self, position: Position) -> None:
        """Replace the position.

        Raises:
            RecordingError: it cannot be written.
        """
        new = self._path.with_name(f".{self._path.name}.new")
        try:
            with new.open("w", encoding="utf-8") as out:
                json.dump(asdict(position) | {"digest": self._digest}, out)
                out.flush()
                os.fsync(out.fileno())
            new.replace(self._path)
        except OSError as error:
            raise RecordingError(f"the position cannot be written to {self._path}: {error.strerror}") from None


def digest_of(files: Iterable[Path], settings: str) -> str:
    """Return the digest of files, by name, size and time of change, and of the settings that order their frames."""
    found = hashlib.sha256(settings.encode())
    for path in files:
        state = path.stat()
        found.update(f"{path.name}|{state.st_size}|{state.st_mtime_ns}\n".encode())
    return found.hexdigest()[:16]
