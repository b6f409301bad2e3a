"""`kill -9` of a process that spools: what it said it had is there for the next process, whatever the fsync policy."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from andon.uns import Stage
from sandbox.broker import free_port
from services.ingest.outlet.settings import Fsync
from tests.outlet.plant import Frames, pumps
from tests.outlet.rig import Rig
from tests.outlet.spooling import BATCH

ENOUGH = 1_000


def spool_until_killed(rig: Rig, fsync: Fsync) -> int:
    """Return how many frames the process said it had put when it was killed, in the middle of it."""
    command = [sys.executable, "-m", "tests.outlet.spooling", rig.plant.site, str(rig.folder / "spool"), fsync]
    with subprocess.Popen(
        [*command, str(free_port())], stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]
    ) as process:
        said = 0
        assert process.stdout
        for line in process.stdout:
            if line.startswith("put "):
                said = int(line.split()[1])
            if said == ENOUGH:
                process.kill()
    return said


@pytest.mark.parametrize("fsync", Fsync)
async def test_nothing_that_was_put_is_lost(rig: Rig, fsync: Fsync) -> None:
    said = spool_until_killed(rig, fsync)
    assert said >= ENOUGH
    await rig.cable.plug()
    async with rig.outlet():
        await rig.until("andon_spool_frames", 0)
    arrived = [event["id"] for event in await rig.arrived(Stage.BACKFILL)]
    same = Frames(pumps(rig.plant.site))
    for _ in range(0, said + BATCH, BATCH):
        same.make(BATCH)
    put = [name for frames in same.made for name in frames["id"]]
    assert len(arrived) == len(set(arrived))
    assert set(put[:said]) <= set(arrived) <= set(put)
