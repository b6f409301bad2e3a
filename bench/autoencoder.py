"""A dense auto-encoder as an ONNX graph of the bundles' contract (`andon.models.scorer`), from given weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from andon.models.scorer import CONTRIBUTIONS, FEATURES, SCORE

Float32 = NDArray[np.float32]
#: Opset and file format of the trainer's graphs.
_OPSET, _IR_VERSION = 17, 8


def dense_autoencoder(centre: Float32, spread: Float32, layers: Sequence[tuple[Float32, Float32]]) -> bytes:
    """Return a graph that standardises d features, reconstructs them and scores what is left.

    A feature's contribution is its squared residual in standard deviations, divided by d; the score is their sum,
    the mean squared error. A missing feature counts as its mean and adds nothing.

    Args:
        centre: ``[d]`` mean of each feature.
        spread: ``[d]`` standard deviation of each feature.
        layers: weight ``[in, out]`` and bias ``[out]`` of each dense layer; all but the last are followed by tanh.
    """
    node = onnx.helper.make_node
    constants: dict[str, Any] = {"centre": centre, "spread": spread, "zero": np.float32(0), "axis": np.array([1])}
    nodes = [
        node("Sub", [FEATURES, "centre"], ["centred"]),
        node("Div", ["centred", "spread"], ["scaled"]),
        node("IsNaN", ["scaled"], ["missing"]),
        node("Where", ["missing", "zero", "scaled"], ["layer0"]),
    ]
    for number, (weight, bias) in enumerate(layers):
        constants |= {f"weight{number}": weight, f"bias{number}": bias}
        last = number == len(layers) - 1
        summed = "rebuilt" if last else f"sum{number}"
        nodes.append(node("Gemm", [f"layer{number}", f"weight{number}", f"bias{number}"], [summed]))
        nodes += [] if last else [node("Tanh", [summed], [f"layer{number + 1}"])]
    constants["share"] = np.float32(1 / len(centre))
    nodes += [
        node("Sub", ["layer0", "rebuilt"], ["residual"]),
        node("Where", ["missing", "zero", "residual"], ["known"]),
        node("Mul", ["known", "known"], ["squared"]),
        node("Mul", ["squared", "share"], [CONTRIBUTIONS]),
        node("ReduceSum", [CONTRIBUTIONS, "axis"], [SCORE], keepdims=0),
    ]
    return _serialised(nodes, constants, len(centre))


def _serialised(nodes: list[onnx.NodeProto], constants: dict[str, Any], features: int) -> bytes:
    def value(name: str, *shape: int) -> onnx.ValueInfoProto:
        return onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["n", *shape])

    arrays = [onnx.numpy_helper.from_array(np.asarray(array), name) for name, array in constants.items()]
    outputs = [value(SCORE), value(CONTRIBUTIONS, features)]
    graph = onnx.helper.make_graph(nodes, "dense-autoencoder", [value(FEATURES, features)], outputs, arrays)
    model = onnx.helper.make_model(
        graph, opset_imports=[onnx.helper.make_opsetid("", _OPSET)], ir_version=_IR_VERSION, producer_name="andon"
    )
    onnx.checker.check_model(model, full_check=True)
    return bytes(model.SerializeToString())
