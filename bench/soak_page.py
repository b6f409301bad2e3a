"""What a soak found, in words and as a table."""

from __future__ import annotations

from collections.abc import Sequence

from bench.common import machine
from bench.page import markdown
from bench.soak_samples import Finding, Measure, Samples
from bench.trend import Verdict

COLUMNS = ("service", "figure", "median", "a day adds", "95 % interval", "limit", "verdict")
_DAY_S = 86_400


def row(found: Finding) -> tuple[str, ...]:
    """Return a finding as a row of `COLUMNS`."""
    trend = found.trend
    digits = 2 if found.measure is Measure.LAG else 0
    a_day, low, high = (f"{_DAY_S * slope:+,.{digits}f}" for slope in (trend.slope, trend.low, trend.high))
    return (
        found.service,
        found.measure,
        f"{trend.level:,.{digits}f}",
        a_day,
        f"{low} to {high}",
        f"{found.limit:,.0f}",
        found.verdict,
    )


def section(capacity: float, frames_per_s: int, samples: Samples, found: Sequence[Finding]) -> str:
    """Return what the page says of a soak."""
    verdicts = [each.verdict for each in found]
    counted = ", ".join(f"{verdicts.count(verdict)} {verdict}" for verdict in Verdict if verdict in verdicts)
    minutes, share = samples.seconds[-1] / 60, frames_per_s / capacity
    lines = (
        f"{minutes:.0f} minutes at {frames_per_s:,} frames/s, {share:.0%} of the {capacity:,.0f} that the same",
        f"services had worked off a backlog with just before; {len(samples.seconds)} samples, the first",
        f"{samples.warm_up_s / 60:.0f} minutes not judged. Of {len(found)} figures: **{counted}**. The broker held",
        f"{samples.broker_mib[-1]:,.0f} MiB at the end. {machine()}.",
        "",
        "![Memory, lag, open files and threads of each service over the soak](soak.svg)",
        "",
        markdown(COLUMNS, [row(each) for each in found]),
    )
    return "\n".join(lines)
