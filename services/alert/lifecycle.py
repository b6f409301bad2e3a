"""The life of one asset's alert, as a pure state machine in event time.

::

      ┌───────────────────────┐ not anomalous, or blind
      ▼                       │
    Quiet ──────────────► Pending ─────────────────────────► Open ─┐ severity rises, or another limit
      ▲  first anomaly                anomalous for            │ ▲─┘ is broken: told, still open
      │                               open_after               │
      └────────────────────────────────────────────────────────┘
        calm for resolve_after: resolved; blind: lapsed

On-delay, off-delay and deadband are the means of alarm management against chattering alarms (ANSI/ISA-18.2,
IEC 62682): `open_after`, `resolve_after` and `hysteresis`. How long something lasts is counted between the
ends of windows, from the first that shows it.

*Abstaining* windows that break no limit are no evidence: they neither open nor resolve, and they interrupt
nothing, for a while. An asset without any verdict for longer than `blind_after` is *blind*: what was counted
so far is void, and an open alert is closed as *lapsed*, with words that say that nothing is proved. If it
stayed open, nobody could close it where limits are all the watch there is (no model: every window abstains),
and the next broken limit would find an alert already open and ring no bell.

Windows not newer than the last one handled are ignored, so a replay changes nothing. An asset that was never
anomalous needs no such memory: its state is `Quiet()`, and windows that are not anomalous leave it as it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import get_args

from andon.contracts import AlertState, Decision
from andon.contracts.alerting import Severity
from andon.plant import AssetClass
from services.alert.state import Open, Pending, Quiet, Run, State

_SEVERITIES: tuple[Severity, ...] = get_args(Severity)


def worst(*severities: Severity) -> Severity:
    """Return the gravest of *severities*; ``info`` of none."""
    return max(severities, key=_SEVERITIES.index, default="info")


@dataclass(frozen=True, slots=True)
class Window:
    """What an inference says about one window, as far as the life of an alert depends on it.

    Attributes:
        time: the window's end, microseconds UTC.
        offset: input offset of the inference.
        decision: the model's verdict.
        score: the model's score, if it gave one.
        threshold: what the score is compared with.
        severity: how grave the window is; of no meaning unless it is anomalous.
        broken: limits that it breaks, as ``<tag>:<bound>``.
    """

    time: int
    offset: int
    decision: Decision
    score: float | None = None
    threshold: float | None = None
    severity: Severity = "warning"
    broken: frozenset[str] = frozenset()

    @property
    def anomalous(self) -> bool:
        """The model says so, or a limit is broken."""
        return self.decision is Decision.ANOMALY or bool(self.broken)

    @property
    def abstaining(self) -> bool:
        """It is no evidence for anything."""
        return self.decision is Decision.ABSTAIN and not self.broken


class ChangeKind(StrEnum):
    """What happened to an alert."""

    OPENED = "opened"
    WORSENED = "worsened"
    """Graver than before, or a limit is broken that was not broken before."""
    RESOLVED = "resolved"
    """The asset was seen to be normal."""
    LAPSED = "lapsed"
    """Closed, because the asset can no longer be judged."""


@dataclass(frozen=True, slots=True)
class Change:
    """Something to tell people: what happened to which alert, and the offset of the first input that led to it."""

    kind: ChangeKind
    opened: int
    since: int
    severity: Severity
    first_offset: int

    @property
    def state(self) -> AlertState:
        """The alert's state from now on."""
        ended = self.kind in (ChangeKind.RESOLVED, ChangeKind.LAPSED)
        return AlertState.RESOLVED if ended else AlertState.OPEN


Step = tuple[State, Change | None]


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """The rules of a class; all durations in microseconds of event time.

    Attributes:
        open_after: anomalous for this long opens an alert; 0 opens it at once.
        resolve_after: calm for this long resolves it.
        hysteresis: while an alert is open, calm means a score below threshold x (1 - hysteresis).
        blind_after: an asset without a verdict for longer cannot be judged.
    """

    open_after: int
    resolve_after: int
    hysteresis: float
    blind_after: int

    @classmethod
    def of(cls, asset_class: AssetClass, blind_after: int) -> Lifecycle:
        """Return the rules of *asset_class*; one missing window never makes an asset blind."""
        spec = asset_class.model
        blind_after = max(blind_after, 2 * asset_class.features.step)
        return cls(spec.open_after, spec.resolve_after, spec.hysteresis, blind_after)

    def advance(self, state: State, window: Window) -> Step:
        """Return the state after *window*, and what is to be told, if anything."""
        if window.time <= state.handled:
            return state, None
        match state:
            case Quiet():
                return self._confirm(_run_from(window), window) if window.anomalous else (state, None)
            case Pending():
                return self._while_pending(state, window)
            case Open():
                return self._while_open(state, window)

    def _while_pending(self, state: Pending, window: Window) -> Step:
        blind = self._blind(state, window)
        if window.anomalous:
            return self._confirm(_run_from(window) if blind else state.run, window)
        if window.abstaining and not blind:
            return state.model_copy(update={"handled": window.time}), None
        return Quiet(handled=window.time), None

    def _confirm(self, run: Run, window: Window) -> Step:
        time = window.time
        if time - run.since < self.open_after:
            return Pending(handled=time, judged=time, run=run), None
        state = Open(
            handled=time,
            judged=time,
            opened=time,
            since=run.since,
            severity=window.severity,
            told=tuple(sorted(window.broken)),
        )
        return state, _change(ChangeKind.OPENED, state, run.offset)

    def _while_open(self, state: Open, window: Window) -> Step:
        if window.anomalous:
            return _tell_news(state, window)
        if not window.abstaining:
            return self._judge_calm(state, window)
        if self._blind(state, window):
            return Quiet(handled=window.time), _change(ChangeKind.LAPSED, state, window.offset)
        return state.model_copy(update={"handled": window.time}), None

    def _judge_calm(self, state: Open, window: Window) -> Step:
        run = None
        if self._calm(window):
            run = _run_from(window) if state.calm is None or self._blind(state, window) else state.calm
            if window.time - run.since >= self.resolve_after:
                return Quiet(handled=window.time), _change(ChangeKind.RESOLVED, state, run.offset)
        return state.model_copy(update={"handled": window.time, "judged": window.time, "calm": run}), None

    def _calm(self, window: Window) -> bool:
        if window.score is None or window.threshold is None:
            return True
        return window.score < window.threshold * (1 - self.hysteresis)

    def _blind(self, state: Pending | Open, window: Window) -> bool:
        return window.time - state.judged > self.blind_after


def _run_from(window: Window) -> Run:
    return Run(since=window.time, offset=window.offset)


def _tell_news(state: Open, window: Window) -> Step:
    severity = worst(state.severity, window.severity)
    told = tuple(sorted({*state.told, *window.broken}))
    after = state.model_copy(
        update={"handled": window.time, "judged": window.time, "severity": severity, "told": told, "calm": None}
    )
    worsened = (severity, told) != (state.severity, state.told)
    return after, _change(ChangeKind.WORSENED, after, window.offset) if worsened else None


def _change(kind: ChangeKind, state: Open, first_offset: int) -> Change:
    return Change(kind, state.opened, state.since, state.severity, first_offset)
