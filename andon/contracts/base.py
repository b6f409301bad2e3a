"""What every event has in common."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from andon.uns import check_asset
from andon.uns.names import ASSET_PATTERN

#: The version of all contracts on the bus, sent in every record's header.
CONTRACT_VERSION = "1"

Micros = Annotated[int, Field(ge=0, le=2**53, json_schema_extra={"unit": "us"})]
"""Microseconds since 1970-01-01 UTC; at most 2**53, so that every JSON reader keeps it exact."""

AssetPath = Annotated[str, AfterValidator(check_asset), Field(json_schema_extra={"pattern": ASSET_PATTERN})]
"""ISA-95 path of an asset below its site."""


class Model(BaseModel):
    """Base of everything on the wire: immutable; unknown fields are ignored, so that contracts can grow."""

    model_config = ConfigDict(frozen=True, extra="ignore", ser_json_inf_nan="null", populate_by_name=True)


class Origin(StrEnum):
    """Why this event exists now."""

    LIVE = "live"
    """Measured just now."""
    HEARTBEAT = "heartbeat"
    """Nothing changed; sent to show that the source is alive."""
    BACKFILL = "backfill"
    """History: a recording, or data that a source held back while it was cut off."""


class Event(Model):
    """Fields that every event about an asset carries."""

    id: str = Field(
        min_length=1,
        description="Deterministic: derives from asset, event time, stage and definition version. A replay "
        "makes the same id again, so a sink that keys on it counts each event once.",
    )
    asset: AssetPath = Field(
        description="ISA-95 path below the site, area/line/cell/asset; also the record's key.",
        examples=["water/line-1/station-1/pump-3"],
    )
    time: Micros = Field(description="Event time: when it was so on the floor, by the source's clock.")
    ingest_time: Micros = Field(
        description="When the newest input that this event waited for entered Andon. Now minus this is the "
        "pipeline's latency."
    )
    origin: Origin = Field(default=Origin.LIVE, description="live, heartbeat or backfill.")
    revision: int = Field(
        default=0,
        ge=0,
        description="Raised when the same id is sent again with corrected content; highest wins.",
    )


def faults(error: ValidationError) -> str:
    """Return what is wrong with an event, in a line: each field and what pydantic says of it."""
    return "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors(include_url=False))
