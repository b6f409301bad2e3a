"""Kinds of features beside the aggregates of each tag; a class of machines has those that its plant model names."""

from __future__ import annotations

from typing import Any, get_args

from pydantic import BaseModel, ConfigDict, SerializerFunctionWrapHandler, model_serializer

from andon.features.kinds.base import Kind
from andon.features.kinds.circumstances import Context, Regime
from andon.features.kinds.cross import Correlation, Ratio
from andon.features.kinds.robust import Mad, Quantiles
from andon.features.kinds.spectral import BandEnergy, EnvelopeEnergy, Spectral, SpectralCentroid, SpectralKurtosis
from andon.features.kinds.state import Changes, Increase, TimeAbove, TimeInState
from andon.features.kinds.trend import Ewma, LaggedMeans, Rate


class Extra(BaseModel):
    """Features beside the aggregates, by kind; see docs/features.md."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    quantiles: tuple[Quantiles, ...] = ()
    """Quantiles of the samples."""
    mad: tuple[Mad, ...] = ()
    """Median absolute deviation."""
    rate: tuple[Rate, ...] = ()
    """Largest and mean speed of change, per second."""
    ewma: tuple[Ewma, ...] = ()
    """Exponentially weighted mean at the window's end."""
    lagged_means: tuple[LaggedMeans, ...] = ()
    """Means of the window's equal parts, oldest first."""
    correlation: tuple[Correlation, ...] = ()
    """Correlation of each pair of tags."""
    ratio: tuple[Ratio, ...] = ()
    """Mean of one tag divided by the mean of another."""
    band_energy: tuple[BandEnergy, ...] = ()
    """Mean square of a signal in bands of frequency."""
    spectral_centroid: tuple[SpectralCentroid, ...] = ()
    """Frequency around which a signal's power lies."""
    spectral_kurtosis: tuple[SpectralKurtosis, ...] = ()
    """How impulsive a signal is at the frequency where it is most so."""
    envelope_energy: tuple[EnvelopeEnergy, ...] = ()
    """Mean square of a signal's envelope in bands of frequency."""
    time_in_state: tuple[TimeInState, ...] = ()
    """How long a state or boolean tag was in states."""
    time_above: tuple[TimeAbove, ...] = ()
    """How long a tag was above levels."""
    changes: tuple[Changes, ...] = ()
    """How often a tag changed."""
    increase: tuple[Increase, ...] = ()
    """How far a counter counted on."""
    context: tuple[Context, ...] = ()
    """Share of the frames with a product, recipe or machine state."""
    regime: tuple[Regime, ...] = ()
    """Which range a tag's mean lies in."""

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """All that is there, in the order of the fields."""
        return tuple(kind for name in type(self).model_fields for kind in getattr(self, name))

    @model_serializer(mode="wrap")
    def _what_is_there(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out kinds that are not there, so that new ones change no hash of a definition without them."""
        return {name: kinds for name, kinds in handler(self).items() if kinds}


#: Name of a kind, as in a definition, to its class.
KINDS: dict[str, type[Kind]] = {name: get_args(field.annotation)[0] for name, field in Extra.model_fields.items()}

__all__ = ["KINDS", "Extra", "Kind", "Spectral"]
