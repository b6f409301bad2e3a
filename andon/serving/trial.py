"""A model's first run, in a process of its own with little memory: what would take this worker down takes that one.

A graph of a few bytes can ask for any amount of memory when it runs, which no digest and no shape tells.
"""

from __future__ import annotations

import multiprocessing
import resource
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from andon.errors import BundleError
from andon.models import Bundle, Manifest, Scorer

#: Rows of the trial's batches: one, and as many as a poll may bring.
_ROWS = (1, 512)
_TIMEOUT_S = 60.0
_MIB = 2**20

Windows = NDArray[np.float32]


class Trials:
    """Tries models out; one that has passed is not tried again.

    Args:
        memory_mib: what a model may take beside the program itself and its own size.
    """

    def __init__(self, memory_mib: int) -> None:
        self._memory = memory_mib * _MIB
        self._passed: set[str] = set()
        # Forked from a small server process, never from this one, whose threads hold locks.
        self._processes = multiprocessing.get_context("forkserver")
        self._processes.set_forkserver_preload([__name__])

    def try_out(self, bundle: Bundle) -> None:
        """Score normal windows with a model.

        Raises:
            BundleError: it needs more memory than it may, takes too long, crashes, or gives no finite score.
        """
        digest = bundle.ref.digest
        if digest in self._passed:
            return
        ours, theirs = self._processes.Pipe()
        memory = self._memory + 4 * len(bundle.onnx)
        process = self._processes.Process(
            target=_run, args=(theirs, bundle.onnx, normal_windows(bundle.manifest), memory)
        )
        process.start()
        theirs.close()
        try:
            fault = ours.recv() if ours.poll(_TIMEOUT_S) else f"it is not done after {_TIMEOUT_S:g} s"
        except EOFError:
            process.join()
            fault = f"its process ended with {process.exitcode}: it crashed, or needs more than {memory // _MIB} MiB"
        finally:
            process.kill()
            process.join()
        if fault:
            raise BundleError(f"the model failed its trial: {fault}")
        self._passed.add(digest)


def normal_windows(manifest: Manifest) -> Windows:
    """Return one window ``[1, d]`` in which every feature has its normal value, NaN where there is none."""
    profiles = (manifest.reference.features[name] for name in manifest.features)
    return np.array([[np.nan if profile.mean is None else profile.mean for profile in profiles]], dtype=np.float32)


def _run(answer: Connection, onnx: bytes, window: Windows, memory: int) -> None:
    limit = _address_space() + memory
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    answer.send(_fault(onnx, window))


def _fault(onnx: bytes, window: Windows) -> str:
    """Return what is wrong with a model; empty when nothing is."""
    try:
        scorer = Scorer(onnx, features=window.shape[1], threads=1)
        scores = [scorer.score(np.repeat(window, rows, axis=0)) for rows in _ROWS]
    except (BundleError, MemoryError, RuntimeError) as error:
        return str(error) or "it needs more memory than it may"
    if not all(np.isfinite(each.score).all() and np.isfinite(each.contributions).all() for each in scores):
        return "it gives no finite score of a normal window"
    return ""


def _address_space() -> int:
    """Return the bytes of address space that this process has (Linux)."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    return pages * resource.getpagesize()
