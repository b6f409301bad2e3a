"""What cannot be watched, in words: what is missing and what to do."""

from __future__ import annotations

import math

from services.drift.calibration.cumulants import SURETY
from services.drift.calibration.model import POOL, Refusal
from services.drift.calibration.whitening import Whitening

#: Fewest windows of a reference: below, tails and memory of the scores are anybody's guess.
FEWEST = 300
_HOUR = 3_600_000_000


def windows_needed(whitening: Whitening) -> list[int]:
    """Return the windows of reference that each stream's level takes.

    A lasting shift by one standard deviation of the stream moves the residuals by `Whitening.gain`; the reference's
    mean of them is uncertain by 1 / sqrt(windows). The shift must be worth twice `SURETY` of such errors. That is what
    a slow stream's reference is worth: with a correlation of .99 from window to window, 20,000 are like 100 unrelated.
    """
    needed = [math.ceil((2 * SURETY / gain) ** 2) if gain > 1e-6 else 0 for gain in whitening.gain]
    return [max(FEWEST, each) if each else 0 for each in needed]


def refuse_machine(asset: str, regime: str, windows: int, step: int) -> Refusal:
    """Say that a machine has too few windows in a regime for anything."""
    more = FEWEST - windows
    text = f"{_who(asset, regime)}: {windows} windows of reference, {FEWEST} are needed; {_more(more, step)}"
    return Refusal(asset, regime, "", "too_short", windows, FEWEST, text)


def refuse_pool(regime: str, machines: int, windows: int) -> Refusal:
    """Say that the machines of a reference do not speak for another one."""
    why = "the machines of the reference differ" if machines > 1 else "the reference has one machine"
    text = f"{_who(POOL, regime)}: {why}, which does not tell what is normal for another; train with its own data"
    return Refusal(POOL, regime, "", "unlike" if machines > 1 else "one_machine", windows, 0, text)


def refuse_streams(
    asset: str, regime: str, streams: tuple[str, ...], whitening: Whitening, windows: list[int], step: int
) -> list[Refusal]:
    """Say which streams of a machine have no level chart: constant ones, and those that wander too slowly."""
    found = []
    for index, (stream, count, needed) in enumerate(zip(streams, windows, windows_needed(whitening), strict=True)):
        who = f"{_who(asset, regime)}, {stream}"
        if whitening.scale[index] == 0:
            text = f"{who}: never varies in the reference; take a period in which it does, or leave it out"
            found.append(Refusal(asset, regime, stream, "constant", count, 0, text))
        elif needed == 0:
            text = (
                f"{who}: has no level to keep to in the reference; watch its changes instead, or take a calmer period"
            )
            found.append(Refusal(asset, regime, stream, "wanders", count, 0, text))
        elif count < needed:
            text = f"{who}: {count} windows of reference, {needed} are needed; {_more(needed - count, step)}"
            found.append(Refusal(asset, regime, stream, "too_short", count, needed, text))
    return found


def _who(asset: str, regime: str) -> str:
    name = asset or "a machine without a reference of its own"
    return f"{name} in regime '{regime}'" if regime else name


def _more(windows: int, step: int) -> str:
    return f"add {windows} ({windows * step / _HOUR:.1f} h)"
