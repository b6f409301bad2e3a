"""What a report of drift says to people: what has happened, and what to do. Pure."""

from __future__ import annotations

import math

from andon.clock import isoformat
from andon.features.definition import Aggregate
from andon.features.feature import Feature
from andon.features.wording import feature_in_words
from andon.plant import AssetClass
from andon.units import format_duration
from andon.words import asset_in_words, name_in_words, number, tidy, unit_in_words
from services.drift.cause import Fault, Scene, ranked
from services.drift.finding import Finding
from services.drift.machines import Change
from services.drift.standing import Standing

#: Signals that a message names; the evidence has them all.
_NAMED = 3

_FAULTS: dict[Fault, str] = {
    "silent": "{asset}: {tags} {has} had no usable value since {since}.",
    "stuck": "{asset}: {tags} {has} hardly moved since {since}, while the other signals have.",
    "noisy": "{asset}: {tags} {has} been restless since {since}, while the other signals are as usual.",
    "off": "{asset}: {tags} {has} been out of step since {since} with signals that foretell it, which are as usual.",
}
_MESSAGES: dict[str, str] = {
    "stable": "{asset} is as in its reference period ({period}).",
    "abstain": "{asset} is not watched for drift: {reason}.",
    "warning": "{asset} begins to differ from its reference period: {seen}.",
    "new_regime": "{asset} has been in a regime since {since} that its model has never seen: {regime}.",
    "process_drift": "{asset} has not been as in its reference period since {since}: {seen}.",
    "model_decay": "The model's scores of {asset} have changed since {since}, though what it is given has not: {seen}.",
    "unknown": "{asset} has changed since {since}: {seen}. It may be the machine or the sensor.",
}
_ACTIONS: dict[str, str] = {
    "stable": "Nothing is to be done.",
    "abstain": "{remedy}",
    "warning": "Wait for the next report: it will tell the cause within {settle}, or that it has passed.",
    "sensor_fault": "Check the sensor of {tags}: its wiring, its mounting, its calibration. Do not train on its data.",
    "new_regime": "Treat alerts of this regime with care. Record its normal operation, then train a model of it, too.",
    "process_drift": "Find out what has changed at the machine: wear, a repair, a new setting. If it is to stay so, "
    "{retrain}; if not, have it put right.",
    "model_decay": "Look through the alerts of late with those who know the machine; if the model is wrong, {retrain}.",
    "unknown": "Look at the machine and at the sensor of {tags}. If both are well and it is to stay so, ask for a new "
    "model by hand.",
}
#: What to do where nothing can be said, by the code of the reason.
REMEDIES = {
    "no_model": "Train a model of the class and let it through.",
    "no_reference": "Train the model again: its bundle then brings the windows it learned from.",
    "reference_too_short": "Train on a longer normal period.",
    "feature_hash": "Train a model with the feature definition of today.",
}


class Wording:
    """Says what drift reports say of one class.

    Args:
        asset_class: gives units, and whether drift asks for a new model.
        settle: windows for which a change is a warning.
    """

    def __init__(self, asset_class: AssetClass, settle: int) -> None:
        self._units = asset_class.feature_units
        self._by_name = {feature.name: feature for feature in asset_class.feature_definition.features}
        self._retrain = "a new model is asked for" if asset_class.drift.retrain else "train a new model"
        self._settle = format_duration(settle * asset_class.feature_definition.step)

    def message(self, change: Change, period: str) -> str:
        """Return what has happened, in a sentence or two; *period* is the reference's, in words."""
        standing, tags = change.standing, change.diagnosis.tags
        plainest = sorted(ranked(standing.active), key=lambda each: (each.detector != "level", each.subject == "score"))
        seen = [self.evidence(finding, change.scene) for finding in plainest[:_NAMED]]
        text = _FAULTS[change.diagnosis.fault] if _key(standing) == "sensor_fault" else _MESSAGES[_key(standing)]
        return tidy(
            text.format(
                asset=asset_in_words(change.window.asset),
                tags=_listed(tags),
                has="has" if len(tags) == 1 else "have",
                since=isoformat(standing.since),
                seen="; ".join(seen),
                regime=change.window.regime or "one without a name",
                period=period,
                reason=standing.reason.partition(": ")[2],
            )
        )

    def action(self, change: Change) -> str:
        """Return the suggested next step."""
        standing, tags = change.standing, change.diagnosis.tags
        return _ACTIONS[_key(standing)].format(
            tags=_listed(tags) or "each signal named",
            remedy=REMEDIES.get(standing.code, ""),
            retrain=self._retrain,
            settle=self._settle,
        )

    def evidence(self, finding: Finding, scene: Scene | None) -> str:
        """Return what one detector saw: ``vibration mean 0.8 mm/s above normal``."""
        feature = self._by_name.get(finding.subject)
        if feature is None:
            return _ABOUT_ALL.get(
                (finding.detector, finding.subject), f"{finding.detector} of {finding.subject} changed"
            )
        if finding.detector == "missing":
            return f"{feature_in_words(feature.tag, feature.statistic)} has no value"
        if finding.detector == "level":
            return self._level(feature, finding, scene)
        return f"{feature_in_words(feature.tag, feature.statistic)} varies from window to window as it never did"

    def _level(self, feature: Feature, finding: Finding, scene: Scene | None) -> str:
        """Tell how far a feature is from what the other signals foretell, on average since the change."""
        name, shift = feature_in_words(feature.tag, feature.statistic), finding.shift or 0.0
        side = "above" if shift >= 0 else "below"
        scale = scene.scale.get(feature.name) if scene else None
        if scale is None:
            return f"{name} {number(abs(shift))} standard deviations {side} normal"
        if feature.statistic == Aggregate.STD:  # spreads are compared by factors, see `services.drift.relations`
            return f"{name} {number(math.exp(shift * scale))} times what is normal"
        unit = unit_in_words(self._units.get(feature.name))
        return tidy(f"{name} {number(abs(shift * scale))} {unit} {side} what the other signals foretell")


_ABOUT_ALL = {
    ("level", "score"): "the model's score is at another level",
    ("spread", "score"): "the model's score varies as it never did",
    ("joint", "joint"): "the signals do not move together as they did",
    ("regime", "regime"): "a regime that the reference has not seen",
    ("verdicts", "precision"): "people find fewer of its alerts real",
}


def _key(standing: Standing) -> str:
    known = standing.state in ("stable", "abstain") or (standing.state == "warning" and standing.cause == "unknown")
    return standing.state if known else standing.cause


def _listed(tags: tuple[str, ...]) -> str:
    """Return tags as people call them, in a list."""
    names = [name_in_words(tag) for tag in tags[:_NAMED]]
    if len(tags) > _NAMED:
        names.append(f"{len(tags) - _NAMED} more")
    return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else "".join(names)
