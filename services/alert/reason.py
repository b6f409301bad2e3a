"""From the shares of a score to the one reason that a person can act on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from andon.contracts import Context, Contribution, Decision, Inference
from andon.features.wording import is_level
from andon.plant import Message
from andon.plant.alarms import Circumstance


@dataclass(frozen=True, slots=True)
class Reason:
    """The feature that stands for the main reason of an anomaly."""

    feature: Contribution

    @property
    def tag(self) -> str:
        """The tag that the feature is made of."""
        return self.feature.tag

    @property
    def aggregate(self) -> str:
        """The statistic that the feature is."""
        return self.feature.feature.removeprefix(f"{self.tag}_")

    @property
    def is_level(self) -> bool:
        """Whether it tells where the signal is, rather than how it moves."""
        return is_level(self.aggregate)

    @property
    def direction(self) -> Literal["low", "high"]:
        """On which side of normal it is."""
        return "low" if self.feature.value < self.feature.normal else "high"

    def fits(self, message: Message) -> bool:
        """Return whether *message* is for it. `low` and `high` speak of levels: a restless signal is not a high one."""
        if message.tag not in (None, self.tag):
            return False
        return message.direction == "any" or (self.is_level and message.direction == self.direction)


def main_reason(contributions: Sequence[Contribution]) -> Reason | None:
    """Return the main reason of a score; None without contributions.

    A tag's share is spread over its features and people think in tags, so the tag with the largest sum of shares
    comes first; of its features the largest, but a level before all others.
    """
    if not contributions:
        return None
    shares: dict[str, float] = {}
    for part in contributions:
        shares[part.tag] = shares.get(part.tag, 0.0) + part.share
    main = max(shares, key=shares.__getitem__)
    reasons = [Reason(part) for part in contributions if part.tag == main]
    return max(reasons, key=lambda reason: (reason.is_level, reason.feature.share))


def is_anomalous(inference: Inference) -> bool:
    """Return whether the model says so, or a limit is broken."""
    return inference.decision is Decision.ANOMALY or bool(inference.limit_violations)


def suspect(inference: Inference) -> str | None:
    """Return ``<tag>:anomaly`` of the model's main reason; ``anomaly`` where no signal stands out, None without one."""
    if inference.decision is not Decision.ANOMALY:
        return None
    reason = main_reason(inference.contributions)
    return f"{reason.tag}:{Decision.ANOMALY}" if reason else Decision.ANOMALY.value


def is_suspect(cause: str) -> bool:
    """Return whether a cause of an alert is one that a model found (`suspect`)."""
    return cause.rpartition(":")[2] == Decision.ANOMALY


def circumstances(context: Context | None) -> frozenset[str]:
    """Return what a machine is in the middle of: ``maintenance``, and its state."""
    if context is None:
        return frozenset()
    maintenance = Circumstance.MAINTENANCE.value if context.maintenance is not None else None
    state = context.machine_state.value if context.machine_state else None
    return frozenset(each for each in (maintenance, state) if each)


def broken_limits(inference: Inference) -> frozenset[str]:
    """Return ``<tag>:<bound>`` of every limit that is broken; beyond `low_low`, `low` is broken, too."""
    return frozenset(
        f"{violation.tag}:{bound}"
        for violation in inference.limit_violations
        for bound in (violation.bound, violation.bound.partition("_")[0])
    )
