"""The common currency of live sources: batches of values, each of one tag of one asset."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from andon.contracts import DeadLetterReason, Origin
from andon.plant import Plant

#: OPC UA StatusCodes that ingest itself gives; all others come from the source (OPC UA part 6, annex A.2).
GOOD = 0
BAD_NO_COMMUNICATION = 0x80310000
BAD_TYPE_MISMATCH = 0x80740000


class Signals:
    """A number for every tag of every asset of a plant: 0, 1, 2 ... in the plant's order.

    Sources look a signal up once, when they connect; from then on only numbers travel.
    """

    def __init__(self, plant: Plant) -> None:
        self._names = [
            (asset, tag) for asset, each in plant.assets.items() for tag in plant.classes[each.asset_class].tags
        ]
        self._assets = frozenset(plant.assets)
        self._numbers = {name: number for number, name in enumerate(self._names)}

    def __len__(self) -> int:
        return len(self._names)

    def __iter__(self) -> Iterator[tuple[str, str]]:
        """Yield (asset, tag) in the order of their numbers."""
        return iter(self._names)

    def find(self, asset: str, tag: str) -> int | None:
        """Return the number of a tag of an asset; None when the plant model has no such tag or asset."""
        return self._numbers.get((asset, tag))

    def knows(self, asset: str) -> bool:
        """Return whether the plant model has an asset."""
        return asset in self._assets

    def name(self, number: int) -> tuple[str, str]:
        """Return the asset and the tag of a number."""
        return self._names[number]


@dataclass(slots=True)
class Readings:
    """Values as a source delivered them, as columns of equal length.

    A batch is what arrived together, such as one OPC UA publish response or one MQTT message. Values are Python
    objects as the protocol's library gives them; whoever makes frames turns them into what their tag's kind asks
    for. Values that a source knows to be void (a dead Sparkplug node) are None with a bad status.

    Attributes:
        received: when the batch arrived, by this machine's clock, microseconds UTC.
        origin: live, or backfill for what the source itself calls historical.
        signals: numbers by `Signals`.
        values: number, boolean, text, `andon.contracts.frames.Waveform`, or None.
        source_times: microseconds UTC, by the clock of the machine; None where the source gave none. May be absurd.
        server_times: microseconds UTC, by the clock of the server or edge node between; None where it gave none.
        statuses: OPC UA StatusCode (uint32); 0 is good.
    """

    received: int
    origin: Origin = Origin.LIVE
    signals: list[int] = field(default_factory=list)
    values: list[Any] = field(default_factory=list)
    source_times: list[int | None] = field(default_factory=list)
    server_times: list[int | None] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.signals)

    def add(
        self, signal: int, value: Any, source_time: int | None, server_time: int | None = None, status: int = GOOD
    ) -> None:
        """Append one value; hot paths may extend the columns themselves."""
        self.signals.append(signal)
        self.values.append(value)
        self.source_times.append(source_time)
        self.server_times.append(server_time)
        self.statuses.append(status)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Something that a source delivered and that cannot be used; it becomes a dead letter.

    Attributes:
        address: where the source had it, such as an MQTT topic or an OPC UA NodeId.
        reason: the reason code.
        detail: what is wrong and where, for a person.
        payload: the bytes as they came, where there are any.
        asset: the asset it is about, if that is known.
    """

    address: str
    reason: DeadLetterReason
    detail: str
    payload: bytes = b""
    asset: str | None = None
