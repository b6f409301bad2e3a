"""What is asked of the trainer."""

from __future__ import annotations

from dataclasses import dataclass

from andon.plant import AssetClass, Criteria
from services.trainer.families import DEFAULT_EFFORT, Effort

#: Share of normal windows that may be flagged, see `services.trainer.threshold`. A thousand windows of ten seconds are
#: three hours; `ModelSpec.open_after` keeps single flagged windows from becoming alerts.
DEFAULT_FALSE_ALARM_RATE = 0.001
#: What is asked of a model whose class has no use case.
DEFAULT_CRITERIA = Criteria()


@dataclass(frozen=True, slots=True)
class Order:
    """What to train, and what an auditor will want to know of it.

    Attributes:
        name: name of the model.
        class_name: name of the asset class in the plant model.
        asset_class: its definition.
        plant: version of the plant model.
        purpose: the question that the model answers.
        owner: who acts on its verdicts.
        data: the data, in words or as a path.
        false_alarm_rate: share of normal windows that may be flagged.
        false_alarms_per_week: alarms that a machine may raise in a week of normal operation; None keeps to the share.
        effort: how to fit families that are fitted step by step.
        criteria: what the use case asks of a model.
    """

    name: str
    class_name: str
    asset_class: AssetClass
    plant: str
    purpose: str
    owner: str
    data: str
    false_alarm_rate: float = DEFAULT_FALSE_ALARM_RATE
    false_alarms_per_week: float | None = None
    effort: Effort = DEFAULT_EFFORT
    criteria: Criteria = DEFAULT_CRITERIA
