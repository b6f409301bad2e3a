"""Raw and contextualised data: all signals of one asset at one instant."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field, FiniteFloat

from andon.contracts.base import Event, Micros, Model


class Waveform(Model):
    """An array sampled at a fixed rate, such as a vibration snapshot."""

    rate_hz: FiniteFloat = Field(gt=0, description="Samples per second.", json_schema_extra={"unit": "Hz"})
    samples: list[FiniteFloat] = Field(description="Values in the tag's unit, oldest first.")


#: Number, integer, boolean, state (string) or waveform; null where the source had none.
Value = float | int | bool | str | Waveform | None


class Frame(Event):
    """Stage `raw` and `backfill`: all signals of one asset at one instant, as the source gave them."""

    server_time: Micros | None = Field(
        default=None, description="When the server (OPC UA server, edge node) saw the value, if it said so."
    )
    session: str = Field(description="The source session that `sequence` counts in; a new one at each connect.")
    sequence: int = Field(ge=0, description="Counts the frames of this session from 0; a gap is a loss.")
    values: dict[str, Value] = Field(description="Tag name to value, in the source's unit.")
    status: dict[str, int | None] | None = Field(
        default=None,
        description="OPC UA StatusCode (uint32) of every bad or uncertain value; a tag that is absent is good.",
    )
    carried: dict[str, Micros | None] | None = Field(
        default=None,
        description="Source time of every value that did not change since an earlier frame and is repeated here; "
        "a tag that is absent was measured for this frame.",
    )


class MachineState(StrEnum):
    """What a machine's time goes into, as ISO 22400-2 divides it."""

    RUNNING = "running"
    """Produces: actual production time."""
    IDLE = "idle"
    """Could produce and does not: starved, blocked, waiting."""
    PLANNED_STOP = "planned_stop"
    """Is not meant to produce: no shift, a break, maintenance that was planned."""
    UNPLANNED_STOP = "unplanned_stop"
    """Is meant to produce and cannot."""
    CHANGEOVER = "changeover"
    """Is being set up for the next order or product."""


class Context(Model):
    """What the plant said about an asset at an event time; null where nothing was said."""

    order: str | None = Field(default=None, description="Production order.")
    batch: str | None = Field(default=None, description="Batch or lot.")
    product: str | None = Field(default=None, description="Product that the batch, or else the order, makes.")
    recipe: str | None = Field(default=None, description="Recipe that the batch, or else the order, follows.")
    shift: str | None = Field(default=None, description="'<production day> <name>' by the calendar, or as told.")
    maintenance: str | None = Field(default=None, description="Maintenance or planned stop that was under way.")
    machine_state: MachineState | None = Field(
        default=None, description="As told, or by the plant model's rules; null when it cannot be told."
    )
    stale: bool = Field(
        default=False, description="True when a source of this could not be reached, so that news may be missing."
    )


class Quality(StrEnum):
    """Why a sample must not be trusted. A sample without a mark is good."""

    MISSING = "missing"
    """No value, or one that is not a finite number."""
    BAD = "bad"
    """The source said so (OPC UA StatusCode severity bad)."""
    UNCERTAIN = "uncertain"
    """The source said so (OPC UA StatusCode severity uncertain)."""
    OUT_OF_RANGE = "out_of_range"
    """Outside the range that the sensor can measure."""
    IMPOSSIBLE_RATE = "impossible_rate"
    """Changed faster than physics allows for this tag."""
    STUCK = "stuck"
    """Has not changed at all for longer than this tag ever rests."""
    SPIKE = "spike"
    """Further from the last plausible sample than this tag steps, and not confirmed by those that follow."""
    INCONSISTENT = "inconsistent"
    """Contradicts other samples of its frame."""


class Bounds(Model):
    """Alarm limits of a tag, in the tag's unit; those not set do not apply."""

    low_low: float | None = Field(default=None, description="Critical below this.")
    low: float | None = Field(default=None, description="Warning below this.")
    high: float | None = Field(default=None, description="Warning above this.")
    high_high: float | None = Field(default=None, description="Critical above this.")


class ContextFrame(Frame):
    """Stage `context`: a frame with what the plant model knows; values are in the model's units."""

    asset_class: str = Field(description="The asset's class in the plant model.")
    plant: str = Field(description="Version (content hash) of the plant model that was applied.")
    units: dict[str, str | None] = Field(description="Tag name to unit; null for tags without one.")
    limits: dict[str, Bounds | None] = Field(description="Tag name to alarm limits, for tags that have some.")
    quality: dict[str, Quality | None] | None = Field(
        default=None, description="Tag name to the reason why its sample is marked; null when all are good."
    )
    context: Context | None = Field(default=None, description="Order, batch, product, shift and machine state.")
    quality_score: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="Share of the asset's samples of all tags that are good, this frame's included; it is weighted by "
        "event time, halving with each half-life. Null for a frame that came late.",
    )
