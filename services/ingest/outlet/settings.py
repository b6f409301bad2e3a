"""Settings of the spool: what becomes of frames while Kafka is away."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

from pydantic import Field

from andon.connection import FilePath, Group
from andon.units import Duration


class Overflow(StrEnum):
    """What to do when neither Kafka nor the disk takes any more; a full disk counts like a full spool."""

    STOP_READING = "stop_reading"
    """Stop reading the sources until there is room. Andon loses nothing; what a source cannot hold back itself, it
    loses at its side (an OPC UA server's queue overflows, an MQTT broker drops what is not persistent)."""
    DROP_OLDEST = "drop_oldest"
    """Delete the oldest segment (an eighth of the spool at most) and go on reading. Every frame is counted."""
    DROP_NEWEST = "drop_newest"
    """Keep what is there and drop what comes. Every frame is counted."""


class Fsync(StrEnum):
    """When spooled frames are forced to the disk, which decides what can be lost.

    Under every policy, a process that is killed (`kill -9`) loses nothing that was spooled: the system has it.
    Under every policy, what a source delivered and that is neither acknowledged by Kafka nor spooled yet (at most what
    arrives within `patience`) dies with the process, and is lost unless the source sends it again.
    """

    ALWAYS = "always"
    """Before a frame counts as taken. A power cut loses nothing that was spooled."""
    INTERVAL = "interval"
    """Every `fsync_interval`. A power cut loses what was spooled since the last time: at most one interval, and the
    time that the disk takes to do it."""
    NEVER = "never"
    """When the operating system sees fit. A power cut loses what it had not written by itself, on Linux commonly the
    last 30 seconds."""


class SpoolSettings(Group):
    """The bounded disk spool that takes frames while Kafka does not."""

    directory: FilePath = Path("spool")
    """Where it lies; one process at a time. Must survive a restart of the container."""
    max_bytes: int = Field(default=1 << 30, ge=16 << 20)
    """Most disk space that it takes. Frames are compressed to about a fifth; a sixteenth is set aside for events and
    dead letters."""
    overflow: Overflow = Overflow.STOP_READING
    """What to do when it is full: stop_reading, drop_oldest or drop_newest."""
    fsync: Fsync = Fsync.INTERVAL
    """When to force frames to the disk: always, interval or never. `kill -9` loses nothing that was spooled under any
    of them; a power cut loses nothing, up to `fsync_interval`, or what the operating system had not written yet."""
    fsync_interval: Duration = Field(default=1_000_000, gt=0)
    """How often, for `interval`."""
    patience: Duration = Field(default=5_000_000, gt=0)
    """How long Kafka may take to acknowledge, or to let a client connect, before it counts as away."""
    drain_factor: float = Field(default=5.0, gt=0, le=1_000)
    """When Kafka is back, the spool is drained at this many times the present live rate ..."""
    drain_floor: int = Field(default=1_000, ge=1)
    """... but not slower than this, frames a second."""
