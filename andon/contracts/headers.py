"""Headers of every record on the bus; their values are UTF-8 text."""

from __future__ import annotations

from pydantic import Field

from andon.contracts.base import CONTRACT_VERSION, Model

CONTRACT_HEADER = "andon-contract"
LINEAGE_HEADER = "andon-lineage"
TRACEPARENT_HEADER = "traceparent"
#: The header that every record made here carries, as Kafka's clients take it.
THIS_CONTRACT = (CONTRACT_HEADER, CONTRACT_VERSION.encode())


class Headers(Model):
    """What can be known of a record without reading its value."""

    contract: str = Field(
        alias=CONTRACT_HEADER,
        description="Version of the contracts; raised only when a reader must change.",
        examples=["1"],
    )
    lineage: str | None = Field(
        default=None,
        alias=LINEAGE_HEADER,
        pattern=r"^[^/]+/\d+@\d+-\d+$",
        description="The input that went into the event, '<topic>/<partition>@<first offset>-<last offset>': "
        "followed from stage to stage, it leads back to the samples. Absent where Andon's data begins.",
        examples=["uns.v1.acme.north.context/3@1200-1219"],
    )
    traceparent: str | None = Field(
        default=None,
        alias=TRACEPARENT_HEADER,
        pattern=r"^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$",
        description="W3C trace context of the input that completed the event, if it was traced.",
        examples=["00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"],
    )
