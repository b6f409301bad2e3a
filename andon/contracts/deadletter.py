"""An event that could not be processed, kept whole with the reason."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from andon.contracts.base import Micros, Model


class DeadLetterReason(StrEnum):
    """Why an event was set aside. Codes are stable: dashboards and runbooks name them."""

    NOT_JSON = "not_json"
    """The bytes are no JSON object (NaN and infinities are no JSON either)."""
    SCHEMA = "schema"
    """JSON, but a field is missing, of the wrong type or out of bounds."""
    UNKNOWN_ASSET = "unknown_asset"
    """The key names no asset of the plant model."""
    KEY_MISMATCH = "key_mismatch"
    """The record's key and the event's asset differ."""
    FUTURE_TIME = "future_time"
    """Event time lies further ahead of the clock than the tolerance allows."""
    TOO_OLD = "too_old"
    """A live event older than the horizon; send history as backfill."""
    LATE = "late"
    """Came after its window was closed."""
    UNIT = "unit"
    """The source's unit does not convert to the plant model's."""
    FEATURE_HASH = "feature_hash"
    """Made by another feature definition than this service knows."""
    MALFORMED = "malformed"
    """Bytes that the source's protocol does not allow, such as a broken Sparkplug payload."""
    UNSUPPORTED = "unsupported"
    """Well-formed, but of a kind that Andon does not take, such as a Sparkplug template or dataset."""
    UNMAPPED = "unmapped"
    """No rule of the source says which asset and tag this is."""
    NO_BIRTH = "no_birth"
    """Sparkplug data of a node, device or alias whose birth has not been seen; a rebirth was asked for."""
    TOO_LARGE = "too_large"
    """Larger than the broker takes."""
    UNDELIVERED = "undelivered"
    """A sink of alerts did not take it in the time that it is given."""
    REFUSED = "refused"
    """A sink of alerts said that it will never take it."""
    INTERNAL = "internal"
    """Processing failed on this record alone: a defect; the detail says where."""


class DeadLetter(Model):
    """Stage `deadletter`: the original record and why it was set aside. Its key is the original key."""

    id: str = Field(min_length=1, description="'<topic>/<partition>@<offset>:deadletter:<service>'.")
    time: Micros = Field(description="When it was set aside.")
    service: str = Field(description="The service that could not process it.")
    reason: DeadLetterReason
    detail: str = Field(description="What is wrong and where, for a person.")
    topic: str = Field(description="Where the record was read; of a source, its name and the address there.")
    partition: int | None = Field(ge=0, description="Null for what a source delivered, which is in no topic.")
    offset: int | None = Field(ge=0, description="Null for what a source delivered.")
    key: str | None = Field(description="The original key, base64.")
    value: str | None = Field(
        description="The original bytes, zlib-compressed, base64; null when even so too large: read them at "
        "topic, partition and offset."
    )
    headers: dict[str, str] = Field(default_factory=dict, description="The original headers, values base64.")
