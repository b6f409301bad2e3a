"""Why nothing can be said of a machine."""

from __future__ import annotations

from enum import StrEnum


class Abstention(StrEnum):
    """Code at the start of a report's `reason`, before the first colon."""

    NO_MODEL = "no_model"
    """The class has no trusted model, so nobody has said what its normal period is."""
    NO_REFERENCE = "no_reference"
    """The model's bundle has no reference, or one that cannot be used."""
    REFERENCE_TOO_SHORT = "reference_too_short"
    """The reference does not say enough of the class, or of this machine, to keep the false-alarm contract."""
    FEATURE_HASH = "feature_hash"
    """The vector was made by another feature definition than the reference."""
