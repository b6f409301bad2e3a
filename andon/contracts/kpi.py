"""Key performance indicators of ISO 22400-2."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, FiniteFloat

from andon.contracts.base import Event, Micros

Seconds = Annotated[FiniteFloat, Field(json_schema_extra={"unit": "s"})]


class Oee(Event):
    """Stage `kpi`: how well an asset was used in one shift for one product.

    `time` is the shift's start. Sent again with a higher revision while the shift lasts, and when late data or a
    correction changes it. Times that are not known are in no other time, and so in no indicator.
    """

    asset_class: str = Field(description="The asset's class in the plant model.")
    shift: str = Field(description="'<production day> <name>' by the calendar, or as told.")
    product: str | None = Field(description="Null for time without a product.")
    until: Micros = Field(description="End of the last minute of event time that is counted.")
    planned_busy_time: Seconds = Field(description="PBT: the shift without planned stops.")
    actual_production_time: Seconds = Field(description="APT: running.")
    idle_time: Seconds = Field(description="Idle, inside the planned busy time.")
    down_time: Seconds = Field(description="Unplanned stops.")
    setup_time: Seconds = Field(description="Changeovers.")
    planned_stop_time: Seconds = Field(description="Planned stops.")
    unknown_time: Seconds = Field(description="No data, or none that tells the state.")
    produced_quantity: FiniteFloat | None = Field(description="PQ; null where the plant model has no counter.")
    good_quantity: FiniteFloat | None = Field(description="GQ: without scrap and what is out of specification.")
    unit: str | None = Field(description="Unit of the quantities.")
    item_time: Seconds | None = Field(description="PRI: planned run time per item.")
    availability: FiniteFloat | None = Field(description="APT / PBT.")
    effectiveness: FiniteFloat | None = Field(description="PRI x PQ / APT; OEE's performance.")
    quality_ratio: FiniteFloat | None = Field(description="GQ / PQ.")
    oee_index: FiniteFloat | None = Field(description="Availability x effectiveness x quality ratio.")
