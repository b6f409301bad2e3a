"""The life of one asset's alert, as a pure state machine in event time.

::

      ┌───────────────────────┐ not anomalous, or blind
      ▼                       │
    Quiet ──────────────► Pending ─────────────────────────► Open ─┐ severity rises, or another limit
      ▲  first anomaly                anomalous for            │ ▲─┘ is broken: told, open again
      │                               open_after               │
      └────────────────────────────────────────────────────────┘
        calm for resolve_after: resolved; blind: lapsed

On-delay, off-delay and deadband are the means of alarm management against chattering alarms (ANSI/ISA-18.2,
IEC 62682): `open_after`, `resolve_after` and `hysteresis`. How long something lasts is counted between the
ends of windows, from the first that shows it. An alert that comes and goes all the same is *flapping*: it stays
open, as one, until a longer calm.

*Abstaining* windows that break no limit are no evidence: they neither open nor resolve, and they interrupt
nothing, for a while. An asset without any verdict for longer than `blind_after` is *blind*: what was counted
so far is void, and an open alert is closed as *lapsed*, with words that say that nothing is proved. If it
stayed open, nobody could close it where limits are all the watch there is (no model: every window abstains),
and the next broken limit would find an alert already open and ring no bell.

An alert that is not over *stands* as open, acknowledged or suppressed. A window in a planned circumstance, or before
the time to which a person has shelved the asset, suppresses it, whatever else it says but calm; it is released by
windows without such a reason that are anomalous for `open_after`. What is worse reopens an acknowledged alert, for
whoever took it does not know that (OPC UA Part 9: Alarms and Conditions).

Windows not newer than the last one handled are ignored, so a replay changes nothing. An asset that was never
anomalous needs no such memory: its state is `Quiet()`, and windows that are not anomalous leave it as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from andon.plant import AssetClass
from andon.plant.alarms import Flapping
from services.alert.state import Open, Past, Pending, Quiet, Run, State
from services.alert.window import Change, ChangeKind, Window, worst

#: Why an alert is suppressed that a person has shelved.
SHELVED = "shelved"

Step = tuple[State, Change | None]


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """The rules of a class; all durations in microseconds of event time.

    Attributes:
        open_after: anomalous for this long opens an alert; 0 opens it at once.
        resolve_after: calm for this long resolves it.
        hysteresis: while an alert is open, calm means a score below threshold x (1 - hysteresis).
        blind_after: an asset without a verdict for longer cannot be judged.
        suppressed_in: circumstances that suppress alerts.
        flapping: what is too often.
    """

    open_after: int
    resolve_after: int
    hysteresis: float
    blind_after: int
    suppressed_in: Sequence[str]
    flapping: Flapping

    @classmethod
    def of(cls, asset_class: AssetClass, blind_after: int) -> Lifecycle:
        """Return the rules of *asset_class*; one missing window never makes an asset blind."""
        spec = asset_class.model
        blind_after = max(blind_after, 2 * asset_class.features.step)
        suppressed_in = tuple(each.value for each in spec.suppressed_in)
        return cls(spec.open_after, spec.resolve_after, spec.hysteresis, blind_after, suppressed_in, spec.flapping)

    def advance(self, state: State, window: Window) -> Step:
        """Return the state after *window*, and what is to be told, if anything."""
        if window.time <= state.handled:
            return state, None
        match state:
            case Quiet():
                return self._confirm(state.past, _run_from(window), window) if window.anomalous else (state, None)
            case Pending():
                return self._while_pending(state, window)
            case Open():
                return self._while_open(state, window)

    def _while_pending(self, state: Pending, window: Window) -> Step:
        blind = self._blind(state, window)
        if window.anomalous:
            return self._confirm(state.past, _run_from(window) if blind else state.run, window)
        if window.abstaining and not blind:
            return state.model_copy(update={"handled": window.time}), None
        return Quiet(handled=window.time, past=state.past), None

    def _confirm(self, past: Past, run: Run, window: Window) -> Step:
        time = window.time
        if time - run.since < self.open_after:
            return Pending(handled=time, past=past, judged=time, run=run), None
        recent = [opening for opening in past.openings if opening > time - self.flapping.within]
        openings = (*recent[-self.flapping.openings :], time)
        state = Open(
            handled=time,
            past=past.model_copy(update={"openings": openings}),
            judged=time,
            opened=time,
            since=run.since,
            severity=window.severity,
            causes=tuple(sorted(window.causes)),
            flapping=len(openings) > self.flapping.openings,
            suppressed_by=self._suppression(past, window),
        )
        kind = ChangeKind.SUPPRESSED if state.suppressed_by else ChangeKind.OPENED
        return state, Change(kind, state, run.offset)

    def _while_open(self, state: Open, window: Window) -> Step:
        if window.anomalous:
            return self._stand(state, _grown(state, window), window)
        if not window.abstaining:
            return self._judge_calm(state, window)
        if self._blind(state, window):
            return _over(ChangeKind.LAPSED, state, window, window.offset)
        return self._stand(state, state.model_copy(update={"handled": window.time}), window)

    def _judge_calm(self, state: Open, window: Window) -> Step:
        run = None
        if self._calm(window):
            run = _run_from(window) if state.calm is None or self._blind(state, window) else state.calm
            if window.time - run.since >= self._needed_calm(state):
                return _over(ChangeKind.RESOLVED, state, window, run.offset)
        after = {"handled": window.time, "judged": window.time, "calm": run, "run": None}
        return self._stand(state, state.model_copy(update=after), window)

    def _stand(self, before: Open, after: Open, window: Window) -> Step:
        """Return how the alert stands *after* a window that does not end it."""
        reason = self._suppression(before.past, window)
        if before.suppressed_by:
            return (after.model_copy(update={"run": None}), None) if reason else self._release(before, after, window)
        if reason:
            state = after.model_copy(update={"suppressed_by": reason, "acknowledged": None})
            return state, Change(ChangeKind.SUPPRESSED, state, window.offset)
        # That another signal stands out to the model is no news: its reasons vary from window to window.
        if after.severity == before.severity and window.broken.issubset(before.causes):
            return after, None
        state = after.model_copy(update={"acknowledged": None})
        return state, Change(ChangeKind.WORSENED, state, window.offset)

    def _release(self, before: Open, after: Open, window: Window) -> Step:
        if not window.anomalous:
            return after, None
        run = _run_from(window) if before.run is None or self._blind(before, window) else before.run
        if window.time - run.since < self.open_after:
            return after.model_copy(update={"run": run}), None
        state = after.model_copy(update={"suppressed_by": None, "run": None})
        return state, Change(ChangeKind.RELEASED, state, run.offset)

    def _suppression(self, past: Past, window: Window) -> str | None:
        found = next((each for each in self.suppressed_in if each in window.circumstances), None)
        return found or (SHELVED if window.time < past.shelved_until else None)

    def _calm(self, window: Window) -> bool:
        if window.score is None or window.threshold is None:
            return True
        return window.score < window.threshold * (1 - self.hysteresis)

    def _needed_calm(self, state: Open) -> int:
        return max(self.resolve_after, self.flapping.quiet) if state.flapping else self.resolve_after

    def _blind(self, state: Pending | Open, window: Window) -> bool:
        return window.time - state.judged > self.blind_after


def _run_from(window: Window) -> Run:
    return Run(since=window.time, offset=window.offset)


def _grown(state: Open, window: Window) -> Open:
    """Return an alert with what an anomalous window adds to it."""
    grown = {
        "handled": window.time,
        "judged": window.time,
        "severity": worst(state.severity, window.severity),
        "causes": tuple(sorted({*state.causes, *window.causes})),
        "calm": None,
    }
    return state.model_copy(update=grown)


def _over(kind: ChangeKind, state: Open, window: Window, first_offset: int) -> Step:
    return Quiet(handled=window.time, past=state.past), Change(kind, state, first_offset)
