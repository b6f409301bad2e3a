"""What the configurations of all kinds of source share."""

from __future__ import annotations

from pydantic import Field

from andon.connection import Group


class NamedSource(Group):
    """Base of every source's configuration."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$")
    """Unique; on every metric, log line and event about it."""
