"""Models as ONNX graphs that scale, score and explain in one pass: the frame that every family fills in.

The frame standardises the features to ``z``; a family's nodes turn ``z`` into ``parts``, each feature's part of the
score; the frame sums them up. Scaling and sums are computed in double precision: features that nearly depend on each
other (minimum, mean and maximum of a quiet tag) make differences of large numbers, which single precision would turn
into alarms.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType
from typing import Any

import numpy as np

from andon.errors import TrainingError
from andon.models import Scorer
from andon.models.scorer import CONTRIBUTIONS, FEATURES, SCORE
from services.trainer.scaling import Float64, Scaling

#: Opset and file format that every ONNX Runtime since 1.12 reads; trees have an operator set of their own.
_OPSET, _TREES, _IR_VERSION = 17, 3, 8
#: Largest difference allowed between the graph and the model that it was made of, relative to the score or, below 1
#: where nothing is decided, to 1.
TOLERANCE = 1e-4
#: Windows on which both are compared, at least.
FEWEST_COMPARED = 1_000


@dataclass(frozen=True, slots=True)
class Node:
    """An operator of a graph.

    Attributes:
        operator: its name in the ONNX standard.
        inputs: names of values and constants.
        output: name of its result.
        attributes: of the operator.
        domain: operator set; empty for the standard one.
    """

    operator: str
    inputs: tuple[str, ...]
    output: str
    attributes: Mapping[str, Any] | None = None
    domain: str = ""


def export(name: str, scaling: Scaling, body: Sequence[Node], constants: Mapping[str, Any]) -> bytes:
    """Return a model as ONNX; see `andon.models.scorer` for its inputs and outputs.

    Args:
        name: of the graph.
        scaling: makes `z` (double ``[n, d]``) of the features.
        body: nodes that make `parts` (double ``[n, d]``) of `z`.
        constants: arrays that the body's nodes name.

    Raises:
        TrainingError: the package onnx is not installed.
    """
    onnx = _onnx()
    helper, single = onnx.helper, onnx.TensorProto.FLOAT
    features = len(scaling.centre)
    values = _scaling_constants(scaling) | dict(constants)
    graph = helper.make_graph(
        [_made(helper, node) for node in (*_HEAD, *body, *_TAIL)],
        name,
        [helper.make_tensor_value_info(FEATURES, single, ["n", features])],
        [
            helper.make_tensor_value_info(SCORE, single, ["n"]),
            helper.make_tensor_value_info(CONTRIBUTIONS, single, ["n", features]),
        ],
        [onnx.numpy_helper.from_array(np.asarray(array), name) for name, array in values.items()],
    )
    opsets = [helper.make_opsetid("", _OPSET), helper.make_opsetid("ai.onnx.ml", _TREES)]
    proto = helper.make_model(graph, opset_imports=opsets, ir_version=_IR_VERSION, producer_name="andon")
    onnx.checker.check_model(proto, full_check=True)
    return bytes(proto.SerializeToString(deterministic=True))


def verify(onnx: bytes, contributions: Callable[[Float64], Float64], windows: Float64) -> None:
    """Check that ONNX Runtime computes what the model does, on at least `FEWEST_COMPARED` windows.

    Args:
        onnx: the graph.
        contributions: the model itself: windows ``[n, d]`` to each feature's part ``[n, d]`` of their scores.
        windows: ``[n, d]`` real windows; where they are too few, more are made of them with some noise.

    Raises:
        TrainingError: a score or contribution differs by more than `TOLERANCE` of the window's score.
    """
    windows32 = _enough(windows).astype(np.float32)
    scores = Scorer(onnx, features=windows.shape[1], threads=1).score(windows32)
    expected = contributions(windows32.astype(np.float64))
    score = expected.sum(axis=1)
    scale = np.maximum(score, 1.0)
    off = float(np.max(np.abs(scores.contributions - expected) / scale[:, None], initial=0.0))
    off = max(off, float(np.max(np.abs(scores.score - score) / scale, initial=0.0)))
    if not off <= TOLERANCE:
        raise TrainingError(
            f"ONNX Runtime differs from the model by {off:.2g} of the score (allowed: {TOLERANCE:g}): this version of "
            "it computes wrongly on this machine; train with another one"
        )


def _enough(windows: Float64) -> Float64:
    """Return the windows and, where they are fewer than `FEWEST_COMPARED`, noisy copies of them."""
    missing = max(0, FEWEST_COMPARED - len(windows))
    random = np.random.default_rng(0)
    copies = windows[random.integers(len(windows), size=missing)]
    there = np.ma.masked_invalid(windows)
    noise = random.normal(size=copies.shape) * there.std(axis=0).filled(0.0)
    return np.concatenate([windows, copies + noise])


#: 11 is the number of double precision in the ONNX standard, 1 that of single precision.
DOUBLE, SINGLE = 11, 1
_HEAD = (
    Node("Cast", (FEATURES,), "exact", {"to": DOUBLE}),
    Node("Sub", ("exact", "centre"), "centred"),
    Node("Div", ("centred", "spread"), "scaled"),
    Node("IsNaN", ("scaled",), "missing"),
    Node("Where", ("missing", "nought", "scaled"), "filled"),
    Node("Clip", ("filled", "lowest", "highest"), "cut"),
    Node("Mul", ("cut", "used"), "z"),
)
_TAIL = (
    Node("ReduceSum", ("parts", "axis"), "total", {"keepdims": 0}),
    Node("Cast", ("parts",), CONTRIBUTIONS, {"to": SINGLE}),
    Node("Cast", ("total",), SCORE, {"to": SINGLE}),
)


def _scaling_constants(scaling: Scaling) -> dict[str, Any]:
    """Return the frame's initialisers; an excluded feature has centre 0, spread 1 and z 0."""
    used = scaling.used
    return {
        "centre": np.where(used, scaling.centre, 0),
        "spread": np.where(used, scaling.spread, 1),
        "used": used.astype(np.float64),
        "nought": np.float64(0),
        "lowest": np.float64(-scaling.cut),
        "highest": np.float64(scaling.cut),
        "axis": np.array([1], dtype=np.int64),
    }


def _made(helper: Any, node: Node) -> Any:
    return helper.make_node(
        node.operator, list(node.inputs), [node.output], domain=node.domain, **(node.attributes or {})
    )


def _onnx() -> ModuleType:
    """Import onnx, which serving does not have; its submodules `checker`, `helper` and `numpy_helper` come along."""
    try:
        return import_module("onnx")
    except ModuleNotFoundError as error:
        raise TrainingError("training needs the package onnx: pip install 'andon[train]'") from error
