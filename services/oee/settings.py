"""Settings of the oee service."""

from __future__ import annotations

from pydantic import Field

from andon.connection import Group
from andon.units import Duration


class OeeSettings(Group):
    """How often indicators are brought up to date."""

    every: Duration = Field(default=5_000_000, gt=0)
    """How often it is looked for minutes that have changed."""
    keep: Duration = Field(default=90 * 86_400_000_000, gt=0)
    """How long the minutes are kept that shifts are summed up from; older shifts are not corrected any more."""
