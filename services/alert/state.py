"""Where the alert of one asset is in its life; kept per asset, as JSON, over restarts."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from andon.contracts import Acknowledgement, AlertState
from andon.contracts.alerting import Severity


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True)


class Run(_Part):
    """Windows of one kind without a break: time and offset of the first."""

    since: int
    offset: int


class Past(_Part):
    """What outlives an alert: when the newest ones opened, and until when a person wants to hear nothing."""

    openings: tuple[int, ...] = ()
    shelved_until: int = -1


class _State(_Part):
    handled: int = -1
    past: Past = Past()


class Quiet(_State):
    """No alert, and no sign of one. Windows up to `handled` have been dealt with."""

    phase: Literal["quiet"] = "quiet"


class Pending(_State):
    """Anomalous, but not yet for long enough. `judged` is the time of the newest verdict."""

    phase: Literal["pending"] = "pending"
    judged: int
    run: Run


class Open(_State):
    """An alert that is not over.

    Attributes:
        judged: time of the newest verdict.
        calm: the run of normal windows that may end it.
        suppressed_by: why people are not to be told of it.
        run: while it is suppressed, the run of anomalous windows that no longer have a reason to be.
        acknowledged: by whom, if somebody has taken it.
        heard: ids of the newest commands that have been dealt with.
    """

    phase: Literal["open"] = "open"
    judged: int
    opened: int
    since: int
    severity: Severity
    causes: tuple[str, ...] = ()
    calm: Run | None = None
    flapping: bool = False
    suppressed_by: str | None = None
    run: Run | None = None
    acknowledged: Acknowledgement | None = None
    heard: tuple[str, ...] = ()

    @property
    def standing(self) -> AlertState:
        """What it is called while it is not over."""
        if self.suppressed_by:
            return AlertState.SUPPRESSED
        return AlertState.ACKNOWLEDGED if self.acknowledged else AlertState.OPEN


State = Quiet | Pending | Open
_STATE: TypeAdapter[State] = TypeAdapter(Annotated[State, Field(discriminator="phase")])


def dump_state(state: State) -> dict[str, Any]:
    """Return *state* as JSON can hold it, without what is as usual: it is written with every window."""
    return state.model_dump(mode="json", exclude_defaults=True) | {"phase": state.phase}


def load_state(kept: Any) -> State:
    """Return the state that `dump_state` made *kept* of."""
    return _STATE.validate_python(kept)
