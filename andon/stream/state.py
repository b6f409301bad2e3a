"""State per asset that survives restarts and rebalances: one compacted changelog topic per stateful service.

The changelog is co-partitioned with the input and written with the same batches as the outputs. Faust's
own tables write and recover one key at a time; see bench/README.md for the difference measured.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import orjson

from andon.settings import KafkaSettings
from andon.stream.codec import Line
from andon.stream.reading import read_to_end
from andon.stream.stage import State

#: Key of the record that holds how far results are delivered; no asset path can begin so.
_POSITION = b"@delivered"


@dataclass(slots=True)
class Restored:
    """What the changelog of one partition says.

    Attributes:
        state: per asset, the newest value.
        delivered: input offset below which all results are delivered; 0 when nothing is known.
    """

    state: dict[str, State] = field(default_factory=dict)
    delivered: int = 0

    def apply(self, key: bytes, value: bytes | None) -> None:
        """Take one record of the changelog."""
        if key == _POSITION:
            self.delivered = orjson.loads(value or b"0")
        elif value is None:
            self.state.pop(key.decode(), None)
        else:
            self.state[key.decode()] = orjson.loads(value)


def state_lines(state: Mapping[str, State]) -> list[Line]:
    """Encode changes of state; None becomes a tombstone."""
    return [Line(asset.encode(), None if value is None else orjson.dumps(value), []) for asset, value in state.items()]


def position_line(delivered: int) -> Line:
    """Encode how far results are delivered."""
    return Line(_POSITION, orjson.dumps(delivered), [])


async def restore(settings: KafkaSettings, topic: str, partition: int) -> Restored:
    """Read one partition of a changelog from its beginning to its end.

    Raises:
        KafkaError: the broker does not answer.
    """
    restored = Restored()
    async for record in read_to_end(settings, topic, (partition,)):
        restored.apply(record.key, record.value)
    return restored
