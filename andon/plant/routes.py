"""Who is told of which alerts: part of the plant model."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from andon.contracts.alerting import AlertState, Severity
from andon.uns import check_asset
from andon.uns.names import check_key_segment

SinkName = Annotated[str, AfterValidator(lambda name: check_key_segment(name, "sink"))]
"""Name of a sink in the notify service's own file."""

#: Suppressed alerts are not for people: a planned circumstance explains them. What mirrors states wants them, too.
USUAL_STATES = (AlertState.OPEN, AlertState.ACKNOWLEDGED, AlertState.RESOLVED)


class Route(BaseModel):
    """Alerts, and where they are told; all that is given must fit. Of several routes, all that fit count."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True)

    to: tuple[SinkName, ...] = Field(min_length=1)
    """Names of the sinks, which the notify service's own file describes."""
    severity: Severity = "info"
    """The least severity."""
    asset_class: str | None = None
    """Only alerts of this class of machines; null means all."""
    place: Annotated[str, AfterValidator(check_asset)] | None = None
    """Only alerts of this area, line, cell or machine and what is below it; null means the whole site."""
    use_case: str | None = None
    """Only alerts of this use case."""
    owner: str | None = None
    """Only alerts of use cases that this owner acts on."""
    states: tuple[AlertState, ...] = USUAL_STATES
    """The states that are told; all but suppressed when not given."""
