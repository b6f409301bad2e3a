"""How a machine stands: what has been found and is not over, and what was said of it last. Pure; JSON can hold it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

import numpy as np

from services.drift.cause import Cause
from services.drift.finding import Finding

State = Literal["", "stable", "warning", "drift", "abstain"]


@dataclass(frozen=True, slots=True)
class Standing:
    """A machine's state.

    Attributes:
        state: empty before anything was said.
        cause: why it is so.
        reason: why nothing can be said, '<code>: <text>'; empty unless abstaining.
        version: of the model compared with; empty without one.
        findings: what has changed and is not over, by detector and subject.
        windows: since the first of these.
        since: event time since when it is so, microseconds.
    """

    state: State = ""
    cause: Cause = "none"
    reason: str = ""
    version: str = ""
    findings: dict[str, Finding] = field(default_factory=dict)
    windows: int = 0
    since: int = 0

    @property
    def active(self) -> tuple[Finding, ...]:
        """What has changed and is not over."""
        return tuple(self.findings.values())

    def news_to(self, said: Standing) -> bool:
        """Return whether this is a change of state."""
        return (self.state, self.cause, self.code, self.version) != (said.state, said.cause, said.code, said.version)

    @property
    def code(self) -> str:
        """The code of the reason."""
        return self.reason.partition(":")[0]

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON holds it, which knows no numbers of numpy."""
        findings = {key: {name: _plain(value) for name, value in asdict(f).items()} for key, f in self.findings.items()}
        return {**asdict(self), "findings": findings}

    @classmethod
    def of_json(cls, kept: dict[str, Any]) -> Standing:
        """Read what `to_json` returned."""
        findings = {key: Finding(**each) for key, each in kept["findings"].items()}
        return cls(**{**kept, "findings": findings})


def key_of(finding: Finding) -> str:
    """Return what a finding is filed under: its detector and subject."""
    return f"{finding.detector} {finding.subject}"


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def abstained(standing: Standing, reason: str, version: str, time: int) -> Standing:
    """Return how a machine stands of which nothing can be said, for *reason*, from *time* on."""
    known = standing.state == "abstain" and standing.reason == reason and standing.version == version
    return standing if known else Standing("abstain", reason=reason, version=version, since=time)


def noted(standing: Standing, found: list[Finding], version: str) -> Standing:
    """Return how a machine stands after one more window, before anybody asks why.

    Args:
        standing: before.
        found: what has changed with this window.
        version: of the model compared with.
    """
    findings = dict(standing.findings) if standing.version == version else {}
    for finding in found:
        if finding.active:
            findings[key_of(finding)] = finding
        else:
            findings.pop(key_of(finding), None)
    windows = standing.windows + 1 if findings and standing.version == version else 0
    return replace(standing, findings=findings, windows=windows)


def is_due(before: Standing, now: Standing, settle: int) -> bool:
    """Return whether the cause is to be looked for: something new was found, or enough windows have passed."""
    return before.findings.keys() != now.findings.keys() or now.windows % settle == 0


def judged(standing: Standing, cause: Cause, version: str, time: int, settle: int) -> Standing:
    """Return how a machine stands once the cause has been looked for.

    What has only begun is a warning: it may pass, and what moves together has not all moved yet.
    """
    if not standing.findings:
        since = standing.since if standing.state == "stable" and standing.version == version else time
        return Standing("stable", version=version, since=since)
    sure = standing.windows >= settle
    if cause == "unknown" and standing.state == "drift" and standing.version == version:
        cause = standing.cause  # what was clear once is not taken back because it is less clear now
    return replace(
        standing,
        state="drift" if sure else "warning",
        cause=cause if sure or cause == "new_regime" else "unknown",
        reason="",
        version=version,
        since=min(finding.since for finding in standing.active),
    )
