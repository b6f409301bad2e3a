"""Recordings of others: a rig that runs as it should, and gas sensors that age."""

from __future__ import annotations

import gzip
from collections import Counter
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from andon.clock import SECOND
from bench.common import table
from services.drift.calibration import calibrate
from services.drift.finding import Finding
from services.drift.monitor import Monitor
from services.drift.rehearsal import rehearse

Floats = npt.NDArray[np.float64]

_RIG = Path("skab/anomaly-free/anomaly-free.csv")
_GAS = "gas_drift/batch{}.dat.gz"
_BATCHES = range(1, 6)
#: Rows of the first batch that are the reference; the rest of it is the control, in which nothing has drifted.
_GAS_REFERENCE = 300


def show_recordings(data: Path | None, gas_alarms: float) -> dict[str, float]:
    """Show what is found in the recordings that are there; return figures for programs.

    Args:
        data: folder with the recordings.
        gas_alarms: the contract for the gas sensors, in 30 days of one sample a second.
    """
    found: dict[str, float] = {}
    if data is not None and (data / _RIG).exists():
        found |= _show_rig(data / _RIG)
    else:
        print(f"skipped: no {_RIG} (give --data DIR)")
    if data is not None and (data / _GAS.format(1)).exists():
        found |= _show_gas(data, gas_alarms)
    else:
        print("skipped: no gas_drift (give --data DIR)")
    return found


def _show_rig(file: Path) -> dict[str, float]:
    """Judge the rig's second half by its first, at one false alarm in 30 days."""
    rig = _rig(file)
    half = rig.height // 2
    calibration = calibrate(rig[:half], 1.0, SECOND)
    found = [f for f in Monitor(calibration).update(rig[half:]) if f.active]
    why = {refusal.subject: refusal for refusal in calibration.refusals}
    first = {stream: [f for f in found if f.subject == stream] for stream in (*calibration.streams, "joint")}
    rows = [
        [
            stream,
            f"{why[stream].needed:,}" if stream in why else "watched",
            *_eighths(rig[stream].to_numpy()),
            _told(first[stream], int(rig["time"][half])),
        ]
        for stream in calibration.streams
    ]
    rows.append(["joint", "watched", "", "", _told(first["joint"], int(rig["time"][half]))])
    columns = ("sensor", f"level needs (of {half:,})", "mean by eighths, in sd of the 1st half", "noise, same", "found")
    table("SKAB anomaly-free: second half by the first, one false alarm in 30 days", columns, rows)
    rehearsal = rehearse(rig[:half], SECOND)
    if rehearsal is not None:
        print(f"rehearsed within the first half: {rehearsal.alarms} alarms, {rehearsal.allowed:.0f} allowed")
    return {"skab_findings": len(found), "skab_steady_findings": sum(f.subject in _STEADY for f in found)}


#: Sensors of the rig whose level the first half can tell.
_STEADY = ("Current", "Pressure", "Voltage")


def _rig(file: Path) -> pl.DataFrame:
    rows = pl.read_csv(file, separator=";", try_parse_dates=True)
    known = {"asset": pl.lit("rig"), "time": pl.col("datetime").dt.epoch("us"), "regime": pl.lit(None, pl.String)}
    return rows.with_columns(**known).drop("datetime")


def _eighths(values: Floats) -> tuple[str, str]:
    """Return means and noise (spread of the steps from sample to sample) of eight parts, against the first half."""
    first, parts = values[: len(values) // 2], np.array_split(values, 8)
    means = [(part.mean() - first.mean()) / first.std() for part in parts]
    noise = [np.diff(part).std() / np.diff(first).std() for part in parts]
    return " ".join(f"{each:+.1f}" for each in means), " ".join(f"{each:.2f}" for each in noise)


def _told(found: list[Finding], begin: int) -> str:
    if not found:
        return "nothing"
    return f"{len(found)} x {found[0].detector}, first after {(found[0].time - begin) // SECOND} s"


def _show_gas(data: Path, false_alarms: float) -> dict[str, float]:
    """Judge each batch by the first 300 rows of batch 1, at the same mixture of gases."""
    batches = {number: _batch(data / _GAS.format(number)) for number in _BATCHES}
    common = set.intersection(*(set(batch["gas"]) for batch in batches.values()))
    share = {gas: count for gas, count in Counter(batches[1]["gas"]).items() if gas in common}
    mixed = {number: _mixture(batch, share, number) for number, batch in batches.items()}
    calibration = calibrate(mixed[1][:_GAS_REFERENCE], false_alarms, SECOND)
    rows, delays = [], []
    for number, batch in (("1, the rest", mixed[1][_GAS_REFERENCE:]), *((str(n), mixed[n]) for n in _BATCHES[1:])):
        found = [f for f in Monitor(calibration).update(batch) if f.active]
        delay = (found[0].time - int(batch["time"][0])) // SECOND + 1 if found else None
        subjects = len({f.subject for f in found})
        rows.append([number, str(batch.height), str(delay or "none"), str(subjects), _first_subject(found)])
        delays.append(delay)
    columns = ("batch", "samples", "found after", "subjects", "first")
    table("Gas sensors over 16 months, by batch 1, one false alarm in 10,000 samples", columns, rows)
    later = [delay for delay in delays[1:] if delay]
    return {"gas_batches_found": len(later), "gas_control_findings": float(delays[0] is not None)}


def _batch(file: Path) -> pl.DataFrame:
    with gzip.open(file) as lines:
        rows = pl.read_csv(lines.read(), has_header=False)
    gas, concentration, *_ = rows.columns
    features = pl.exclude("gas").cast(pl.String).str.strip_chars().cast(pl.Float64)  # the last one has a space
    return rows.rename({gas: "gas"}).drop(concentration).with_columns(features)


def _mixture(batch: pl.DataFrame, share: dict[str, int], seed: int) -> pl.DataFrame:
    """Return all samples that a mixture of gases allows, shuffled: files are sorted by gas, not time."""
    count = Counter(batch["gas"])
    factor = min(count[gas] / of for gas, of in share.items())
    parts = [
        batch.filter(pl.col("gas") == gas).sample(int(of * factor), seed=seed) for gas, of in sorted(share.items())
    ]
    mixed = pl.concat(parts).sample(fraction=1.0, shuffle=True, seed=seed).drop("gas")
    return mixed.with_columns(
        asset=pl.lit("nose"),
        time=(seed * 100_000 + pl.int_range(mixed.height)) * SECOND,
        regime=pl.lit(None, pl.String),
    )


def _first_subject(found: list[Finding]) -> str:
    return f"{found[0].detector} of {found[0].subject}" if found else ""
