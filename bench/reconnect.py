"""OPC UA: from a server's restart to the first fresh value, and whether any value comes twice afterwards."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence

import polars as pl

from andon.contracts import PlantEvent
from andon.plant import Plant
from andon.telemetry import Metrics, configure_logs
from andon.uns import Stage
from bench.common import BenchError, is_quick, result, table
from services.ingest.opcua.config import OpcUaConfig
from services.ingest.opcua.source import OpcUaSource
from services.ingest.readings import Readings, Refusal, Signals
from tests.opcua.plc import Plc, running_plc
from tests.opcua.plc_server import NAMESPACE

NODES = 100
_PLANT = Plant.model_validate(
    {
        "enterprise": "acme",
        "site": "bench",
        "classes": {"machine": {"tags": {f"n{number}": {} for number in range(NODES)}}},
        "assets": {"hall/machine": {"class": "machine"}},
    }
)
#: How long the server is away, seconds; in turn.
_AWAY = (0.0, 1.0, 5.0)


class _Fresh:
    """An intake that counts how often each value came."""

    def __init__(self) -> None:
        self.came: Counter[tuple[int, object]] = Counter()
        self._changed = asyncio.Event()

    async def read(self, batch: Readings, *, on_safe: Callable[[], None] | None = None) -> None:
        self.came.update(zip(batch.signals, batch.values, strict=True))
        self._changed.set()

    async def refuse(self, refusal: Refusal) -> None:
        raise BenchError(refusal.detail)

    async def replay(self, stage: Stage, asset_class: str, rows: pl.DataFrame) -> None:
        raise BenchError("nothing is to be replayed")

    async def tell(self, event: PlantEvent) -> None:
        raise BenchError("nothing is to be told")

    def expect(self, signals: Iterable[int], now: int) -> None:
        self._changed.set()

    async def confirm(self, signals: Sequence[int], now: int) -> None:
        self._changed.set()

    async def until(self, value: object) -> None:
        """Wait until all nodes have said *value*."""
        async with asyncio.timeout(60):
            while any(self.came[number, value] == 0 for number in range(NODES)):
                self._changed.clear()
                await self._changed.wait()


def _write(plc: Plc, value: float) -> None:
    plc.write(*((f"n{number}", value) for number in range(NODES)))


async def _restarts(count: int) -> tuple[list[float], int]:
    """Return how long each restart took to a fresh value of every node, and how many values came more than once."""
    took, intake = [], _Fresh()
    with running_plc("--count", str(NODES)) as plc:
        nodes = [{"node": f"nsu={NAMESPACE};s=n{n}", "asset": "hall/machine", "tag": f"n{n}"} for n in range(NODES)]
        config = OpcUaConfig.model_validate(
            {"name": "plc", "kind": "opcua", "url": plc.url, "security": {"policy": "None"}, "select": {"nodes": nodes}}
        )
        source = asyncio.create_task(OpcUaSource(config, Signals(_PLANT), _PLANT, Metrics("ingest")).run(intake))
        _write(plc, 0.5)
        await intake.until(0.5)
        for number in range(1, count + 1):
            plc.kill()
            await asyncio.sleep(_AWAY[number % len(_AWAY)])
            plc.start()
            ready, value = time.monotonic(), number + 0.5
            _write(plc, value)
            await intake.until(value)
            took.append(time.monotonic() - ready)
            _write(plc, value + 0.25)
            await intake.until(value + 0.25)
        source.cancel()
        await asyncio.wait((source,))
    return took, sum(times - 1 for (_, value), times in intake.came.items() if value != 0.0)


def main() -> None:
    count = 5 if is_quick(__doc__ or "") else 20
    configure_logs("bench", level="error", form="console")
    took, doubled = asyncio.run(_restarts(count))
    rows = [(str(count), f"{statistics.median(took):.2f}", f"{max(took):.2f}", str(doubled))]
    table(f"{NODES} nodes", ("restarts", "median s", "longest s", "values that came twice"), rows)
    result("reconnect", median_s=statistics.median(took), longest_s=max(took), doubled=doubled)


if __name__ == "__main__":
    main()
