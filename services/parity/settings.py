"""Settings of the parity service."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from andon.units import Duration


class ParitySettings(BaseModel):
    """How much is checked."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    every: Duration = Field(default=10_000_000, gt=0)
    """How often vectors are checked: the newest of one partition, then of the next."""
    vectors: int = Field(default=100, ge=1, le=10_000)
    """Vectors that are checked at a time, at most."""
    records: int = Field(default=100_000, ge=1)
    """Records of the context topic that are read at a time, at most; vectors that would need more are passed over."""
    tolerance: float = Field(default=0.0, ge=0)
    """Largest relative error of a value that is no mismatch; 0 wants the same bits."""
