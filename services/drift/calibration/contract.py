"""The false-alarm contract: how rarely drift may be reported of a machine that has not changed."""

from __future__ import annotations

from andon.clock import SECOND

#: The period that contracts are made for, microseconds.
PERIOD = 30 * 86_400 * SECOND


def patience(false_alarms: float, step: int) -> float:
    """Return the average run length that keeps the contract: windows between false alarms of one machine.

    Args:
        false_alarms: how many a machine may have in 30 days.
        step: time between a machine's windows, microseconds.

    Raises:
        ValueError: one of them is not positive.
    """
    if not (false_alarms > 0 and step > 0):
        raise ValueError(f"a contract needs false alarms and a step above 0, not {false_alarms} and {step}")
    return PERIOD / step / false_alarms
