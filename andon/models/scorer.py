"""Runs a bundle's graph on ONNX Runtime.

Contract of the graph, for every model family:

================= ======= ========== ===================================================================
name              dtype   shape      meaning
================= ======= ========== ===================================================================
in: ``features``  float32 ``[n, d]`` raw feature values; NaN where missing, which counts as the mean
out: ``score``    float32 ``[n]``    above the manifest's threshold means anomaly
out: ``contributions`` float32 ``[n, d]`` each feature's part of the score; a row sums to its score
================= ======= ========== ===================================================================
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray
from onnxruntime.capi import onnxruntime_pybind11_state as ort_errors

from andon.errors import BundleError

Float32 = NDArray[np.float32]

FEATURES, SCORE, CONTRIBUTIONS = "features", "score", "contributions"

#: What ONNX Runtime raises for a graph that it does not take; they share no base class.
_GRAPH_ERRORS = (
    ort_errors.Fail,
    ort_errors.InvalidArgument,
    ort_errors.InvalidGraph,
    ort_errors.InvalidProtobuf,
    ort_errors.NotImplemented,
    ort_errors.RuntimeException,
)


#: Rows that are worth a thread: less are scored in about the time in which one wakes up.
_PART_ROWS = 256


@dataclass(frozen=True, slots=True)
class Scores:
    """What a model says of n windows.

    Attributes:
        score: ``[n]``, above the threshold means anomaly.
        contributions: ``[n, d]``, each feature's part; a row sums to its score.
    """

    score: Float32
    contributions: Float32


class Scorer:
    """One model, ready to score; safe to share between threads."""

    def __init__(self, onnx: bytes, *, features: int, threads: int) -> None:
        """Load a graph.

        Args:
            onnx: the graph's bytes.
            features: number of input columns that it must have.
            threads: threads that work on one call, the caller's among them; see `andon.models.cpus.cpu_limit`. All
                models of a process that are given the same number share them.

        Raises:
            BundleError: it is no ONNX graph, it needs files of its own, or breaks the contract.
        """
        try:
            self._session = ort.InferenceSession(onnx, session_options(), providers=["CPUExecutionProvider"])
        except _GRAPH_ERRORS as error:
            raise BundleError(f"ONNX Runtime does not take the graph: {error}") from error
        self._features, self._threads = features, threads
        _check_values("inputs", self._session.get_inputs(), {FEATURES: [features]})
        _check_values("outputs", self._session.get_outputs(), {SCORE: [], CONTRIBUTIONS: [features]})

    def score(self, matrix: Float32) -> Scores:
        """Score windows.

        Args:
            matrix: ``[n, d]`` raw feature values in the manifest's order, NaN where missing.

        Raises:
            ValueError: the matrix does not have d columns.
        """
        if matrix.ndim != 2 or matrix.shape[1] != self._features:
            raise ValueError(f"matrix has shape {matrix.shape}, the model takes [n, {self._features}]")
        parts = min(self._threads, len(matrix) // _PART_ROWS)
        return self._run(matrix) if parts < 2 else self._run_in(np.array_split(matrix, parts))

    def _run_in(self, parts: list[Float32]) -> Scores:
        """Score each part on a thread of its own, the first on the caller's."""
        others = [_helpers(self._threads).submit(self._run, part) for part in parts[1:]]
        scores = [self._run(parts[0]), *(other.result() for other in others)]
        return Scores(
            score=np.concatenate([each.score for each in scores]),
            contributions=np.concatenate([each.contributions for each in scores]),
        )

    def _run(self, matrix: Float32) -> Scores:
        score, contributions = self._session.run([SCORE, CONTRIBUTIONS], {FEATURES: matrix})
        return Scores(score=score, contributions=contributions)


@cache
def _helpers(threads: int) -> ThreadPoolExecutor:
    """Return the process's threads that help a caller to be *threads*.

    Not ONNX Runtime's own: a pool of each session leaves threads behind every model of every class, and its global pool
    spins while it waits, which cannot be turned off from Python (1.31): measured, that took twice the processor time
    of full batches, and four to ten times that of small ones.
    """
    return ThreadPoolExecutor(threads - 1, thread_name_prefix="scoring")


def session_options() -> ort.SessionOptions:
    """Return how graphs are run here: on the caller's thread, with nothing read from outside the graph."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    # Weights outside the graph would escape its digest, and ONNX Runtime would look for them in the working
    # directory. No file can lie below the null device, so such a graph fails to load.
    options.add_session_config_entry("session.model_external_initializers_file_folder_path", f"{os.devnull}/none")
    return options


def _check_values(kind: str, found: list[Any], expected: dict[str, list[int]]) -> None:
    """Compare names, dtypes and shapes; the batch dimension must be open, whatever its name."""
    actual = {value.name: f"{value.type} {_shape(value.shape)}" for value in found}
    wanted = {name: f"tensor(float) {['n', *shape]}" for name, shape in expected.items()}
    if actual != wanted:
        raise BundleError(f"the graph's {kind} are {actual}; must be {wanted}")


def _shape(dimensions: list[int | str | None]) -> list[int | str | None]:
    return ["n" if position == 0 and not isinstance(size, int) else size for position, size in enumerate(dimensions)]
