"""Graphs that keep the contract of a bundle's graph and do what no model should."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from andon.models import Bundle, make_bundle
from andon.models.manifest import Criterion, Verdict
from tests.models.sample import NAMES, trained

_GO = Verdict(criteria=(Criterion(name="recall", value=1, limit=0, at_most=False, evidence="none"),))
_D = len(NAMES)

#: Contributions that mean nothing, for graphs whose score is what is tested.
CONTRIBUTIONS = helper.make_node("Identity", ["features"], ["contributions"])


def with_graph(*nodes: onnx.NodeProto, **constants: object) -> Bundle:
    """Return a bundle whose graph does what *nodes* do; newer than all others."""
    values = [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["n", _D])]
    results = [
        helper.make_tensor_value_info("score", TensorProto.FLOAT, ["n"]),
        helper.make_tensor_value_info("contributions", TensorProto.FLOAT, ["n", _D]),
    ]
    initial = [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()]
    graph = helper.make_graph(list(nodes), "trial", values, results, initial)
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    facts = trained().facts.model_copy(update={"verdict": _GO})
    return make_bundle(facts, proto.SerializeToString(), created=1_800_000_000_000_000)


def without_numbers() -> Bundle:
    """Return a bundle whose graph has no finite score for any window."""
    return with_graph(
        helper.make_node("Log", ["minus"], ["nothing"]),
        helper.make_node("ReduceSum", ["features", "axis"], ["rows"], keepdims=0),
        helper.make_node("Add", ["rows", "nothing"], ["score"]),
        CONTRIBUTIONS,
        minus=np.array([-1.0], np.float32),
        axis=np.array([1], np.int64),
    )
