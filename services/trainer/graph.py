"""A fitted PCA model as an ONNX graph that scales, scores and explains in one pass."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType
from typing import Any

import numpy as np

from andon.errors import TrainingError
from andon.models import Scorer
from andon.models.scorer import CONTRIBUTIONS, FEATURES, SCORE
from services.trainer.pca import CUT, Float64, PcaModel

#: Opset and file format that every ONNX Runtime since 1.12 reads.
_OPSET, _IR_VERSION = 17, 8
#: Largest difference allowed between the graph and numpy, relative to the score or, below 1 where nothing is
#: decided, to 1.
TOLERANCE = 1e-4


def export(model: PcaModel) -> bytes:
    """Return the model as ONNX; see `andon.models.scorer` for its inputs and outputs.

    It computes in double precision: features that nearly depend on each other (minimum, mean and maximum of a quiet
    tag) make differences of large numbers, which single precision would turn into alarms.

    Raises:
        TrainingError: the package onnx is not installed.
    """
    onnx = _onnx()
    helper, dtype = onnx.helper, onnx.TensorProto.FLOAT
    features = len(model.centre)
    nodes = [
        helper.make_node("Cast", [FEATURES], ["exact"], to=onnx.TensorProto.DOUBLE),
        helper.make_node("Sub", ["exact", "centre"], ["centred"]),
        helper.make_node("Div", ["centred", "spread"], ["scaled"]),
        helper.make_node("IsNaN", ["scaled"], ["missing"]),
        helper.make_node("Where", ["missing", "zero", "scaled"], ["filled"]),
        helper.make_node("Clip", ["filled", "lowest", "highest"], ["z"]),
        helper.make_node("MatMul", ["z", "weight"], ["pull"]),
        helper.make_node("Mul", ["z", "pull"], ["parts"]),
        helper.make_node("ReduceSum", ["parts", "axis"], ["total"], keepdims=0),
        helper.make_node("Cast", ["parts"], [CONTRIBUTIONS], to=dtype),
        helper.make_node("Cast", ["total"], [SCORE], to=dtype),
    ]
    graph = helper.make_graph(
        nodes,
        "pca",
        [helper.make_tensor_value_info(FEATURES, dtype, ["n", features])],
        [
            helper.make_tensor_value_info(SCORE, dtype, ["n"]),
            helper.make_tensor_value_info(CONTRIBUTIONS, dtype, ["n", features]),
        ],
        [onnx.numpy_helper.from_array(np.asarray(array), name) for name, array in _constants(model).items()],
    )
    proto = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=_IR_VERSION, producer_name="andon"
    )
    onnx.checker.check_model(proto, full_check=True)
    return bytes(proto.SerializeToString(deterministic=True))


def verify(onnx: bytes, model: PcaModel, windows: Float64) -> None:
    """Check that ONNX Runtime computes what numpy does, on real windows ``[n, d]``.

    Raises:
        TrainingError: a score or contribution differs by more than `TOLERANCE` of the window's score.
    """
    windows32 = windows.astype(np.float32)
    scores = Scorer(onnx, features=windows.shape[1], threads=1).score(windows32)
    expected = model.contributions(windows32.astype(np.float64))
    score = expected.sum(axis=1)
    scale = np.maximum(score, 1.0)
    off = float(np.max(np.abs(scores.contributions - expected) / scale[:, None], initial=0.0))
    off = max(off, float(np.max(np.abs(scores.score - score) / scale, initial=0.0)))
    if not off <= TOLERANCE:
        raise TrainingError(
            f"ONNX Runtime differs from numpy by {off:.2g} of the score (allowed: {TOLERANCE:g}): this version of it "
            "computes wrongly on this machine; train with another one"
        )


def _constants(model: PcaModel) -> dict[str, Any]:
    """Return the graph's initialisers; an excluded feature has centre 0, spread 1 and weight 0."""
    used = model.used
    return {
        "centre": np.where(used, model.centre, 0),
        "spread": np.where(used, model.spread, 1),
        "weight": model.weight,
        "zero": np.float64(0),
        "lowest": np.float64(-CUT),
        "highest": np.float64(CUT),
        "axis": np.array([1], dtype=np.int64),
    }


def _onnx() -> ModuleType:
    """Import onnx, which serving does not have; its submodules `checker`, `helper` and `numpy_helper` come along."""
    try:
        return import_module("onnx")
    except ModuleNotFoundError as error:
        raise TrainingError("training needs the package onnx: pip install 'andon[train]'") from error
