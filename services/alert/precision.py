"""What people's verdicts say of the alerts: precision by asset class and model. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

from andon.contracts import Feedback, Verdict
from andon.stream.stage import Level

#: Stands for the model of alerts that limits raised, or of which nobody said it.
NO_MODEL = "none"

_Group = tuple[str, str]


class Precision:
    """Counts verdicts: of each author the newest on each alert. Made anew from the whole topic at each start.

    Precision is the share of the alerts judged real among those judged real or false; who is unsure does not count.

    Args:
        class_of: asset to its class, None for an unknown one.
    """

    def __init__(self, class_of: Callable[[str], str | None]) -> None:
        self._class_of = class_of
        self._newest: dict[tuple[str, str], Feedback] = {}
        self._counts: dict[_Group, Counter[Verdict]] = {}

    def take(self, feedback: Feedback) -> Iterator[Level]:
        """Take what a person said, perhaps once more, and yield the figures that it changes."""
        key = feedback.alert, feedback.author
        before = self._newest.get(key)
        if feedback.verdict is None or self._class_of(feedback.asset) is None:
            return
        if before is not None and (before.time, before.revision) >= (feedback.time, feedback.revision):
            return
        self._newest[key] = feedback
        for one, amount in ((before, -1), (feedback, 1)):
            if one is not None and one.verdict is not None:
                self._counts.setdefault(self._group(one), Counter())[one.verdict] += amount
        for group in {self._group(one) for one in (before, feedback) if one is not None}:
            yield from self._levels(group)

    def _group(self, feedback: Feedback) -> _Group:
        model = feedback.model
        return str(self._class_of(feedback.asset)), f"{model.name}/{model.version}" if model else NO_MODEL

    def _levels(self, group: _Group) -> Iterator[Level]:
        labels = dict(zip(("asset_class", "model"), group, strict=True))
        counts = self._counts[group]
        for verdict in Verdict:
            yield Level("andon_alert_verdicts", {**labels, "verdict": verdict.value}, counts[verdict])
        judged = counts[Verdict.REAL] + counts[Verdict.FALSE]
        yield Level("andon_alert_precision_ratio", labels, counts[Verdict.REAL] / judged if judged else float("nan"))
