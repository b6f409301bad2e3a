"""Go or no go: what a model must show at its training before anybody may let it act."""

from __future__ import annotations

from andon.models import Criterion, Verdict

#: A share of flagged windows has sampling error; beyond twice what was asked for, the threshold does not hold.
_SLACK = 2.0
_MIN_USED = 0.5


def share_kept(flagged: float, asked: float, windows: int) -> Criterion:
    """Return whether the share of calibration windows that the threshold flags is about what was asked for."""
    return Criterion(
        name="calibration_alarms",
        value=flagged,
        limit=_SLACK * asked,
        at_most=True,
        evidence=f"share of {windows} calibration windows that the threshold flags",
    )


def budget_kept(per_week: float, asked: float, windows: int) -> Criterion:
    """Return whether the calibration period keeps to the budget of alarms a week that was asked for."""
    return Criterion(
        name="calibration_alarms_per_week",
        value=per_week,
        limit=asked,
        at_most=True,
        evidence=f"alarms in {windows} calibration windows, for a week",
    )


def judge_training(*, alarms: Criterion, used: int, features: int, size: int, max_size_mib: float) -> Verdict:
    """Return the verdict on a trained model.

    Args:
        alarms: whether it raises no more false alarms than asked for.
        used: features that the model looks at.
        features: features that the class has.
        size: of the graph, bytes.
        max_size_mib: size that it may have.
    """
    return Verdict(
        criteria=(
            alarms,
            Criterion(
                name="features_used",
                value=used / features,
                limit=_MIN_USED,
                at_most=False,
                evidence=f"{used} of {features} features varied enough to learn from",
            ),
            size_kept(size, max_size_mib),
        )
    )


def size_kept(size: int, max_size_mib: float) -> Criterion:
    """Return whether a graph of *size* bytes is as small as asked for."""
    return Criterion(
        name="size_mib", value=size / 2**20, limit=max_size_mib, at_most=True, evidence="size of model.onnx"
    )
