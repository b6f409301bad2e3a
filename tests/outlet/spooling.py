"""A process that spools, to be killed: ``python -m tests.outlet.spooling SITE FOLDER FSYNC PORT``.

It prints how many frames it has put after each put that returned; nobody listens on the broker's port.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from andon.settings import KafkaSettings
from andon.telemetry import Metrics
from andon.uns import Stage
from services.ingest.outlet.outlet import Outlet
from services.ingest.outlet.settings import SpoolSettings
from tests.outlet.plant import Frames, pumps

BATCH = 20


async def _spool(site: str, folder: Path, fsync: str, port: str) -> None:
    plant = pumps(site)
    frames = Frames(plant)
    settings = SpoolSettings.model_validate({"directory": folder, "fsync": fsync, "patience": "500ms"})
    kafka = KafkaSettings(bootstrap_servers=f"127.0.0.1:{port}")
    async with Outlet(kafka, settings, plant, Metrics("ingest")) as outlet:
        count = 0
        while True:
            await outlet.put(Stage.RAW, frames.make(BATCH))
            count += BATCH
            print(f"put {count}", flush=True)  # noqa: T201 - what the test reads


if __name__ == "__main__":
    asyncio.run(_spool(sys.argv[1], Path(sys.argv[2]), *sys.argv[3:5]))
