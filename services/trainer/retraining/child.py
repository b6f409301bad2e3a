"""Running the process that trains, so that it can neither hang nor outlive the service."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from services.trainer.retraining.order import ORDER, RESULT, JobOrder, JobResult

#: What of a failed process's last words is told.
_LAST_WORDS = 500
#: Names of the variables by which libraries are told how many threads they may use.
_THREADS = ("POLARS_MAX_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


class ChildError(Exception):
    """The process gave no result.

    Attributes:
        code: reason code, see `andon.contracts.Retraining`.
    """

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a training may take.

    Attributes:
        limit_s: seconds.
        niceness: added to the service's own.
        threads: processors.
    """

    limit_s: float
    niceness: int
    threads: int


async def train(order: JobOrder, folder: Path, bounds: Bounds) -> JobResult:
    """Let a process of its own train, and return what came of it.

    Raises:
        ChildError: it crashed, or took too long.
    """
    await asyncio.to_thread(_prepare, order, folder)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "services.trainer.retraining.job", str(folder)),
        env=os.environ | dict.fromkeys(_THREADS, str(bounds.threads)),
        stdin=asyncio.subprocess.PIPE,  # never written to: its end tells the process that the service has ended
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        os.setpriority(os.PRIO_PROCESS, process.pid, min(19, os.nice(0) + bounds.niceness))
        async with asyncio.timeout(bounds.limit_s):
            said = await process.stderr.read() if process.stderr else b""
            code = await process.wait()
    except TimeoutError:
        raise ChildError("took_too_long", f"not done after {bounds.limit_s:g} s (ANDON_TRAINER__LIMIT)") from None
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
    if code:
        last = said.decode(errors="replace").strip()[-_LAST_WORDS:]
        raise ChildError("crashed", f"the training ended with code {code}: {last or 'it said nothing'}")
    return JobResult.model_validate_json((folder / RESULT).read_bytes())


def _prepare(order: JobOrder, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / RESULT).unlink(missing_ok=True)
    (folder / ORDER).write_text(order.model_dump_json(), encoding="utf-8")
