"""What an alert says: the reason in plain words, and what to do."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from andon.contracts import Decision, Inference, LimitViolation
from andon.contracts.alerting import Severity
from andon.features.wording import signal_in_words
from andon.plant import AssetClass, Message
from andon.plant.alarms import Circumstance
from andon.units import format_duration
from andon.words import asset_in_words, difference, name_in_words, number_pair, tidy, unit_in_words
from services.alert.lifecycle import SHELVED
from services.alert.reason import Reason, is_anomalous, main_reason
from services.alert.window import Change, ChangeKind, worst

_DIRECTIONS = {"low": "below", "high": "above"}
_BOUNDS: dict[str, tuple[Severity, str]] = {
    "low_low": ("critical", "below the critical limit"),
    "low": ("warning", "below the limit"),
    "high": ("warning", "above the limit"),
    "high_high": ("critical", "above the critical limit"),
}
#: A percent sign belongs to the number: where percent say nothing, a unit takes its place.
_PERCENT = re.compile(r"\{percent\}\s*(?:%|per ?cent\b)")

_DEFAULT = Message(
    text="{asset}: {tag} is {percent} {direction} normal ({value} instead of {normal} {unit}). "
    "Look at the machine and at this sensor; if both are well, report a false alarm."
)
_NO_REASON = (
    "{asset} does not run as usual, and no single signal stands out. "
    "Look at the machine; if it is well, report a false alarm."
)
_RESOLVED = "{asset} is back to normal."
_LAPSED = (
    "{asset} cannot be judged for now ({reason}), and no limit has been seen broken since. This alert is closed "
    "without proof that the machine is well: look at it and at its sensors."
)
_SUPPRESSED = "Suppressed while {reason}."
_REASONS: dict[str, str] = {
    Circumstance.MAINTENANCE: "maintenance is under way",
    Circumstance.PLANNED_STOP: "the machine is stopped as planned",
    Circumstance.CHANGEOVER: "the machine is being set up",
    Circumstance.UNPLANNED_STOP: "the machine is stopped",
    Circumstance.IDLE: "the machine idles",
    SHELVED: "the machine is shelved",
}
_FLAPPING = "This comes and goes, so it stays open until the machine has been well for {quiet}."


@dataclass(frozen=True, slots=True)
class Wording:
    """Says what is wrong with assets of one class, in the words of its `messages`."""

    asset_class: AssetClass

    def severity(self, inference: Inference) -> Severity:
        """Return how grave a window is: the graver of its broken limits and of the message that fits its anomaly."""
        found = [_BOUNDS[violation.bound][0] for violation in inference.limit_violations]
        if inference.decision is Decision.ANOMALY:
            found.append(self._message(main_reason(inference.contributions)).severity)
        return worst(*found)

    def message(self, change: Change, inference: Inference) -> str:
        """Return what to tell people of a change that *inference* caused."""
        asset = asset_in_words(inference.asset)
        match change.kind:
            case ChangeKind.RESOLVED:
                return _RESOLVED.format(asset=asset)
            case ChangeKind.LAPSED:
                return _LAPSED.format(asset=asset, reason=inference.reason or "no reason is given")
            case ChangeKind.SUPPRESSED:
                found = self._findings(asset, inference) if is_anomalous(inference) else ()
                return " ".join((*found, _SUPPRESSED.format(reason=_REASONS[change.alert.suppressed_by or SHELVED])))
            case _:
                return " ".join((*self._findings(asset, inference), *self._flapping(change)))

    def _flapping(self, change: Change) -> Iterator[str]:
        """Yield that the alert is flapping, where that is news."""
        if change.alert.flapping and change.kind is not ChangeKind.WORSENED:
            yield _FLAPPING.format(quiet=format_duration(self.asset_class.model.flapping.quiet))

    def _findings(self, asset: str, inference: Inference) -> list[str]:
        found = [self._limits(asset, inference.limit_violations)] if inference.limit_violations else []
        if inference.decision is Decision.ANOMALY:
            return [*found, self._anomaly(asset, main_reason(inference.contributions))]
        at_once = " at once" if self.severity(inference) == "critical" else ""
        return [*found, f"Look at the machine{at_once}."]

    def _limits(self, asset: str, violations: Sequence[LimitViolation]) -> str:
        first, *others = sorted(violations, key=lambda violation: _BOUNDS[violation.bound][0] != "critical")
        value, limit = number_pair(first.value, first.limit)
        unit, beyond = self._unit(first.tag), _BOUNDS[first.bound][1]
        text = f"{asset}: {name_in_words(first.tag)} reached {value} {unit}, {beyond} of {limit} {unit}."
        also = ", ".join(name_in_words(violation.tag) for violation in others)
        return tidy(f"{text} Also outside limits: {also}." if also else text)

    def _anomaly(self, asset: str, reason: Reason | None) -> str:
        if reason is None:
            return _NO_REASON.format(asset=asset)
        feature, unit = reason.feature, self._unit_of(reason)
        value, normal = number_pair(feature.value, feature.normal)
        text = _PERCENT.sub("{percent}", self._message(reason).text).format(
            asset=asset,
            tag=signal_in_words(reason.tag, reason.aggregate),
            value=value,
            normal=normal,
            unit=unit,
            percent=difference(feature.value, feature.normal, unit),
            direction=_DIRECTIONS[reason.direction],
        )
        return tidy(text)

    def _message(self, reason: Reason | None) -> Message:
        fitting = (message for message in self.asset_class.messages if reason is not None and reason.fits(message))
        return next(fitting, _DEFAULT)

    def _unit_of(self, reason: Reason) -> str:
        return unit_in_words(self.asset_class.feature_units.get(reason.feature.feature))

    def _unit(self, tag: str) -> str:
        known = self.asset_class.tags.get(tag)
        return unit_in_words(known.unit if known else None)
