"""The OPC UA part of the sources file."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from andon.connection import Text
from andon.units import Duration
from services.ingest.config import NamedSource
from services.ingest.opcua.security_config import Security
from services.ingest.opcua.selection_config import Select


def _check_url(url: str) -> str:
    if not url.startswith("opc.tcp://") or len(url) == len("opc.tcp://"):
        raise ValueError(f"{url!r} is no address of an OPC UA server: write opc.tcp://HOST:PORT")
    return url


class Report(StrEnum):
    """What the server is to tell of a variable."""

    CHANGES = "changes"
    """Each change of its value or status. A value that rests is not told again: give its tag a `carry`."""
    SAMPLES = "samples"
    """Each sample with a new source timestamp, whether the value has changed or not (trigger StatusValueTimestamp)."""


class OpcUaConfig(NamedSource):
    """An OPC UA server whose variables are subscribed to."""

    kind: Literal["opcua"]
    url: Annotated[Text, AfterValidator(_check_url)]
    """Address of the server, such as opc.tcp://plc-7:4840."""
    security: Security = Field(default_factory=Security)
    """Policy, certificates and login."""
    select: Select
    """Which variables are which tags."""
    report: Report = Report.CHANGES
    """changes or samples."""
    publishing: Duration = Field(default=500_000, gt=0)
    """How often the server sends what has changed."""
    sampling: Duration = 250_000
    """How often the server looks at a variable; 0s: as fast as it can."""
    queue: int = Field(default=10, ge=1)
    """How many changes of a variable the server keeps until it sends them; must cover `publishing`, and outages."""
    deadband: float | None = Field(default=None, ge=0)
    """Changes up to this, in the unit of the variable, are not sent."""
    deadband_percent: float | None = Field(default=None, ge=0, le=100)
    """Changes up to this share of the variable's EURange are not sent; instead of `deadband`."""
    keepalive: Duration = Field(default=2_000_000, gt=0)
    """How often the server is to say that it is there when nothing has changed. After three times this without a word
    the connection counts as dead and is made anew."""
    timeout: Duration = Field(default=10_000_000, gt=0)
    """How long the server may take to answer a request."""
    retry_refused: Duration = Field(default=60_000_000, gt=0)
    """How often to ask again for variables that the server did not have or did not give."""

    @model_validator(mode="after")
    def _has_one_deadband(self) -> Self:
        if self.deadband is not None and self.deadband_percent is not None:
            raise ValueError("give either `deadband` or `deadband_percent`")
        return self
