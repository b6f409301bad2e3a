"""Spectral features say what the signals are made of: tones, noise, impacts, modulations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import pytest

from andon.features import FeatureDefinition
from andon.features.compute import windows

SECOND = 1_000_000
RATE = 1024.0
TIME = np.arange(4096) / RATE
NOISE = np.random.default_rng(5)
Signal = npt.NDArray[np.float64]


def features(extra: dict[str, Any], times: Sequence[int], **columns: pl.Series) -> dict[str, float | None]:
    """Return the extra features of one window of ten seconds."""
    content = {"window": "10s", "tags": ["none"], "aggregates": ["good_ratio"], "extra": extra}
    rows = pl.DataFrame({"asset": "fan", "time": times, "none": 0.0, **columns})
    (found,) = windows(rows, FeatureDefinition.model_validate(content), SECOND)["features"]
    return {name: value for name, value in found.items() if name != "none_good_ratio"}


def of_waveforms(extra: dict[str, Any], *signals: Signal | None, rate: float = RATE) -> dict[str, float | None]:
    waves = [None if signal is None else {"rate_hz": rate, "samples": signal.tolist()} for signal in signals]
    dtype = pl.Struct({"rate_hz": pl.Float64, "samples": pl.List(pl.Float64)})
    return features(extra, range(0, len(waves) * SECOND, SECOND), v=pl.Series(waves, dtype=dtype))


def of_samples(extra: dict[str, Any], signal: Signal, times: Signal) -> dict[str, float | None]:
    """Return the features of a tag's samples at *times*, seconds."""
    return features(extra, np.rint(times * SECOND).astype(int).tolist(), v=pl.Series(signal, nan_to_null=True))


def tone(hertz: float, amplitude: float = 1.0) -> Signal:
    found: Signal = amplitude * np.sin(2 * np.pi * hertz * TIME)
    return found


BANDS = {"band_energy": [{"tags": ["v"], "bands_hz": [[0, 40], [40, 60], [60, 512]]}]}
CENTROID = {"spectral_centroid": [{"tags": ["v"]}]}
KURTOSIS = {"spectral_kurtosis": [{"tags": ["v"]}]}


def test_a_tone_has_its_energy_in_its_band() -> None:
    energies = list(of_waveforms(BANDS, 7 + tone(50, amplitude=3)).values())
    assert energies == pytest.approx([0, 3**2 / 2, 0], abs=1e-6)


def test_all_bands_together_have_the_variance() -> None:
    noise = NOISE.normal(0, 2, 4096)
    energies = [value or 0.0 for value in of_waveforms(BANDS, noise).values()]
    assert sum(energies) == pytest.approx(np.var(noise), rel=0.1)
    assert energies[1] == pytest.approx(np.var(noise) * 20 / 512, rel=0.5)


def test_the_waveforms_of_a_window_are_averaged_and_bad_ones_left_out() -> None:
    energies = of_waveforms(BANDS, tone(50, amplitude=1), None, tone(50, amplitude=3)[:1024])
    assert list(energies.values())[1] == pytest.approx((1 + 9) / 2 / 2)


def test_bands_that_the_rate_or_length_cannot_tell_are_null() -> None:
    assert list(of_waveforms(BANDS, tone(50), rate=200.0).values())[2] is None
    fine = {"band_energy": [{"tags": ["v"], "bands_hz": [[50.01, 50.02]]}]}
    assert list(of_waveforms(fine, tone(50)).values()) == [None]


def test_the_centroid_is_where_the_power_is() -> None:
    assert of_waveforms(CENTROID, tone(50)) == {"v_centroid": pytest.approx(50)}
    assert of_waveforms(CENTROID, tone(50) + tone(150)) == {"v_centroid": pytest.approx(100)}


def test_spectral_kurtosis_tells_impacts_from_noise_and_tones() -> None:
    noise = NOISE.normal(size=4096)
    impacts = noise + 30 * (np.arange(4096) % 700 == 0)
    assert of_waveforms(KURTOSIS, tone(128))["v_spectral_kurtosis"] == pytest.approx(-1, abs=0.01)
    assert abs(of_waveforms(KURTOSIS, noise)["v_spectral_kurtosis"] or 9) < 1
    assert (of_waveforms(KURTOSIS, impacts)["v_spectral_kurtosis"] or 0) > 4
    assert of_waveforms(KURTOSIS, noise[:200]) == {"v_spectral_kurtosis": None}


def test_the_envelope_shows_how_often_something_hits() -> None:
    ringing = (1 + 0.5 * np.sin(2 * np.pi * 12 * TIME)) * tone(300) + tone(20, amplitude=9)
    bearing = {"tags": ["v"], "carrier_hz": [250, 350], "bands_hz": [[5, 10], [10, 14]]}
    energies = of_waveforms({"envelope_energy": [bearing]}, ringing)
    assert energies == {
        "v_envelope_5_10_hz": pytest.approx(0, abs=1e-3),
        "v_envelope_10_14_hz": pytest.approx(0.5**2 / 2, rel=0.01),
    }


SLOW = {"spectral_centroid": [{"tags": ["v"], "rate_hz": 8}]}
STEADY = np.arange(80) / 8


def test_a_windows_samples_are_a_signal_too() -> None:
    signal = np.sin(2 * np.pi * STEADY)
    assert of_samples(SLOW, signal, STEADY) == {"v_centroid": pytest.approx(1)}
    jittered = STEADY[:-1] + 0.05 + NOISE.uniform(-0.005, 0.005, 79)
    assert of_samples(SLOW, np.sin(2 * np.pi * jittered), jittered)["v_centroid"] == pytest.approx(1, abs=0.05)


def test_the_few_samples_that_lack_are_interpolated() -> None:
    signal = np.sin(2 * np.pi * STEADY)
    signal[[7, 30, 31]] = np.nan
    assert of_samples(SLOW, signal, STEADY)["v_centroid"] == pytest.approx(1, abs=0.1)
    kept = np.delete(np.arange(80), [20, 50])
    assert of_samples(SLOW, signal[kept], STEADY[kept])["v_centroid"] == pytest.approx(1, abs=0.1)


def test_with_too_many_gaps_there_is_no_spectrum() -> None:
    signal = np.sin(2 * np.pi * STEADY)
    signal[20:30] = np.nan
    assert of_samples(SLOW, signal, STEADY) == {"v_centroid": None}
    assert of_samples(SLOW, signal[:60], STEADY[:60]) == {"v_centroid": None}
    assert of_samples(SLOW, signal[::2], STEADY[::2]) == {"v_centroid": None}
