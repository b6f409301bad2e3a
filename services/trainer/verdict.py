"""Go or no go: what a model must show at its training before anybody may let it act."""

from __future__ import annotations

from andon.models import Criterion, Verdict

#: A share of flagged windows has sampling error; beyond twice what was asked for, the threshold does not hold.
_SLACK = 2.0
_MIN_USED = 0.5
_MAX_MIB = 64.0


def judge_training(
    *, calibration_alarms: float, false_alarm_rate: float, windows: int, used: int, features: int, size: int
) -> Verdict:
    """Return the verdict on a trained model.

    Args:
        calibration_alarms: share of calibration windows that the threshold flags.
        false_alarm_rate: share that was asked for.
        windows: number of calibration windows.
        used: features that the model looks at.
        features: features that the class has.
        size: of the graph, bytes.
    """
    return Verdict(
        criteria=(
            Criterion(
                name="calibration_alarms",
                value=calibration_alarms,
                limit=_SLACK * false_alarm_rate,
                at_most=True,
                evidence=f"share of {windows} calibration windows that the threshold flags",
            ),
            Criterion(
                name="features_used",
                value=used / features,
                limit=_MIN_USED,
                at_most=False,
                evidence=f"{used} of {features} features varied enough to learn from",
            ),
            Criterion(
                name="size_mib",
                value=size / 2**20,
                limit=_MAX_MIB,
                at_most=True,
                evidence="size of model.onnx",
            ),
        )
    )
