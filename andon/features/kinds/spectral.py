"""What a signal is made of by frequency.

A waveform tag brings its own rate: its features are the means of those of the window's good waveforms. Of a number tag
the window's samples are the signal, laid on an even grid.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from typing import Annotated, ClassVar, Self

import numpy as np
import polars as pl
from pydantic import AfterValidator, Field, model_validator

from andon.features.feature import Feature, UnitRule
from andon.features.kinds.base import NUMBERS, OfTags
from andon.features.kinds.spectrum import Spectrum, envelope, even, kurtosis
from andon.features.samples import WindowSamples
from andon.features.segments import Floats, Ints


def _check_band(band: tuple[float, float]) -> tuple[float, float]:
    if not 0 <= band[0] < band[1]:
        raise ValueError(f"a band must ascend from 0 or more: {band[0]:g} is not below {band[1]:g}")
    return band


Band = Annotated[tuple[float, float], AfterValidator(_check_band)]
"""From (inclusive) and to (exclusive), Hz."""


class Spectral(OfTags):
    """Features of a signal's spectrum."""

    takes: ClassVar[frozenset[str]] = NUMBERS | {"waveform"}
    rate_hz: float | None = Field(default=None, gt=0)
    """Of number tags: samples per second. Null for waveforms, which say it themselves."""
    coverage: float = Field(default=0.9, gt=0, le=1)
    """Of number tags: a window with a smaller share of its samples has no features. The few that lack are
    interpolated."""

    @model_validator(mode="after")
    def _rate_reaches_bands(self) -> Self:
        beyond = [high for _, high in self.bands if self.rate_hz is not None and high > self.rate_hz / 2]
        if beyond:
            raise ValueError(f"a band ends at {beyond[0]:g} Hz, above half of `rate_hz` (it cannot be measured so)")
        return self

    @property
    def bands(self) -> tuple[Band, ...]:
        """All bands of frequency that it looks at."""
        return ()

    @abstractmethod
    def of_signals(self, signals: Floats, rate_hz: float) -> Floats:
        """Return the features of even signals.

        Args:
            signals: [signals, samples].
            rate_hz: samples per second.

        Returns:
            [features of a tag, signals].
        """

    def compute(self, samples: WindowSamples) -> Floats:
        """Return the features, [tags x features, windows]; NaN without a signal."""
        return np.concatenate([self._of_tag(tag, samples) for tag in self.tags])

    def _of_tag(self, tag: str, samples: WindowSamples) -> Floats:
        width = len(self.features) // len(self.tags)
        if self.rate_hz is None:
            by_row = np.full((width, samples.inputs.height), np.nan)
            for rows, signals, rate in _alike(samples.inputs[tag]):
                by_row[:, rows] = self.of_signals(signals, rate)
            return samples.segments.mean(by_row.take(samples.rows, axis=-1))
        numbers, signals = even(samples.numbers((tag,))[0], samples, self.rate_hz, self.coverage)
        found = np.full((width, len(samples.segments.starts)), np.nan)
        found[:, numbers] = self.of_signals(signals, self.rate_hz) if len(numbers) else np.nan
        return found


def _alike(waveforms: pl.Series) -> Iterator[tuple[Ints, Floats, float]]:
    """Yield waveforms of one length and rate together: their rows, their samples as a matrix, their rate."""
    parts = waveforms.struct.unnest().with_row_index("row").drop_nulls()
    parts = parts.with_columns(length=pl.col("samples").list.len()).filter(pl.col("length") > 0)
    for group in parts.partition_by("rate_hz", "length"):
        signals = group["samples"].explode().to_numpy().reshape(group.height, -1)
        yield group["row"].to_numpy().astype(np.int64), signals, group["rate_hz"][0]


class BandEnergy(Spectral):
    """Mean square of the part of a signal that lies in each of some bands.

    The periodogram (mean removed, Hann window; Welch 1967) summed over the band: all bands together give the variance.
    """

    bands_hz: tuple[Band, ...] = Field(min_length=1)
    """Bands, from and to."""

    @property
    def bands(self) -> tuple[Band, ...]:
        """The bands."""
        return self.bands_hz

    @property
    def features(self) -> tuple[Feature, ...]:
        """``<tag>_energy_<from>_<to>_hz`` of each tag and band, in the square of the tag's unit."""
        return _of_bands(self.tags, "energy", self.bands_hz)

    def of_signals(self, signals: Floats, rate_hz: float) -> Floats:
        """Return the energy in each band; NaN where the rate is too low, or the signal too short, to tell."""
        return Spectrum.of(signals, rate_hz).energies(self.bands_hz)


class SpectralCentroid(Spectral):
    """Frequency around which the power lies: sum of f P(f) over sum of P(f) (Peeters 2004, 6.1.1)."""

    @property
    def features(self) -> tuple[Feature, ...]:
        """``<tag>_centroid`` of each tag, Hz."""
        return tuple(Feature(f"{tag}_centroid", (tag,), "centroid", UnitRule.HERTZ) for tag in self.tags)

    def of_signals(self, signals: Floats, rate_hz: float) -> Floats:
        """Return the centroids; NaN of a signal that rests."""
        return Spectrum.of(signals, rate_hz).centroid()[None]


class SpectralKurtosis(Spectral):
    """Largest spectral kurtosis over all frequencies: how impulsive a signal is where it is most so.

    SK(f) = <|X|^4> / <|X|^2>^2 - 2 over short spectra that overlap by half (Antoni 2006, The spectral kurtosis: a
    useful tool for characterising non-stationary signals): 0 for steady noise, -1 for a pure tone, large for impacts.
    """

    segment: int = Field(default=64, ge=8, multiple_of=2)
    """Samples of a short spectrum; a signal needs 4.5 times as many."""

    @property
    def features(self) -> tuple[Feature, ...]:
        """``<tag>_spectral_kurtosis`` of each tag."""
        statistic = "spectral_kurtosis"
        return tuple(Feature(f"{tag}_{statistic}", (tag,), statistic, UnitRule.NONE) for tag in self.tags)

    def of_signals(self, signals: Floats, rate_hz: float) -> Floats:
        """Return the largest kurtosis; NaN of a signal that rests or is too short."""
        return kurtosis(signals, self.segment)[None]


class EnvelopeEnergy(Spectral):
    """Mean square of the part of a signal's envelope in each of some bands, such as a bearing's fault frequencies.

    The envelope is the magnitude of the analytic signal, cut to the carrier band (Randall and Antoni 2011, Rolling
    element bearing diagnostics: a tutorial); its spectrum is as that of `BandEnergy`.
    """

    carrier_hz: Band
    """Band that rings when something hits, such as a resonance."""
    bands_hz: tuple[Band, ...] = Field(min_length=1)
    """Bands of the envelope, from and to."""

    @property
    def bands(self) -> tuple[Band, ...]:
        """The carrier's band and the envelope's."""
        return (self.carrier_hz, *self.bands_hz)

    @property
    def features(self) -> tuple[Feature, ...]:
        """``<tag>_envelope_<from>_<to>_hz`` of each tag and band, in the square of the tag's unit."""
        return _of_bands(self.tags, "envelope", self.bands_hz)

    def of_signals(self, signals: Floats, rate_hz: float) -> Floats:
        """Return the energy in each band; NaN where the rate is too low, or the signal too short, to tell."""
        if self.carrier_hz[1] > rate_hz / 2:
            return np.full((len(self.bands_hz), len(signals)), np.nan)
        return Spectrum.of(envelope(signals, rate_hz, self.carrier_hz), rate_hz).energies(self.bands_hz)


def _of_bands(tags: tuple[str, ...], what: str, bands: tuple[Band, ...]) -> tuple[Feature, ...]:
    statistics = [f"{what}_{low:g}_{high:g}_hz" for low, high in bands]
    return tuple(Feature(f"{tag}_{each}", (tag,), each, UnitRule.SQUARED) for tag in tags for each in statistics)
