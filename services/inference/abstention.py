"""Why a model is not asked about a window, or not believed."""

from __future__ import annotations

from enum import StrEnum


class Abstention(StrEnum):
    """Code at the start of an inference's `reason`, before the first colon."""

    NO_MODEL = "no_model"
    """The class has no trusted model."""
    FEATURE_HASH = "feature_hash"
    """The vector was made by another feature definition than the model learned from."""
    STALE_FEATURES = "stale_features"
    """A live window had ended long before its data came in."""
    INSUFFICIENT_GOOD_SAMPLES = "insufficient_good_samples"
    """Too few good samples were in the window, or none of what the model looks at."""
    SCORE_NOT_FINITE = "score_not_finite"
    """The model's graph returned no number."""
