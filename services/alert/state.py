"""Where the alert of one asset is in its life; kept per asset, as JSON, over restarts."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from andon.contracts.alerting import Severity


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True)


class Run(_Part):
    """Windows of one kind without a break: time and offset of the first."""

    since: int
    offset: int


class Quiet(_Part):
    """No alert, and no sign of one. Windows up to `handled` have been dealt with."""

    phase: Literal["quiet"] = "quiet"
    handled: int = -1


class Pending(_Part):
    """Anomalous, but not yet for long enough. `judged` is the time of the newest verdict."""

    phase: Literal["pending"] = "pending"
    handled: int
    judged: int
    run: Run


class Open(_Part):
    """An alert is open; `calm` is the run of normal windows that may end it."""

    phase: Literal["open"] = "open"
    handled: int
    judged: int
    opened: int
    since: int
    severity: Severity
    told: tuple[str, ...] = ()
    calm: Run | None = None


State = Quiet | Pending | Open
_STATE: TypeAdapter[State] = TypeAdapter(Annotated[State, Field(discriminator="phase")])


def dump_state(state: State) -> dict[str, Any]:
    """Return *state* as JSON can hold it."""
    return state.model_dump(mode="json")


def load_state(kept: Any) -> State:
    """Return the state that `dump_state` made *kept* of."""
    return _STATE.validate_python(kept)
