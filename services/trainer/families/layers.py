"""Layers of torch modules as nodes of an ONNX graph.

torch's own exporter writes paths of the machine into the graph and needs a package more; the few layers that the
families use are said as quickly.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from andon.errors import TrainingError
from services.trainer.graph import Node


def body_of(module: Any, source: str, result: str) -> tuple[list[Node], dict[str, Any]]:
    """Return the nodes and constants of a sequence of layers.

    Args:
        module: a `torch.nn.Sequential` of Linear, ReLU, Unflatten, ConstantPad1d, Conv1d and Flatten.
        source: name of its input.
        result: name of its output.

    Raises:
        TrainingError: a layer is of another type.
    """
    nodes: list[Node] = []
    constants: dict[str, Any] = {}
    for index, layer in enumerate(module):
        output = result if index == len(module) - 1 else f"layer_{index}"
        node, named = _node(layer, source, f"layer_{index}", output)
        nodes.append(node)
        constants |= named
        source = output
    return nodes, constants


def _node(layer: Any, source: str, name: str, output: str) -> tuple[Node, dict[str, Any]]:
    kind = type(layer).__name__
    if kind == "ReLU":
        return Node("Relu", (source,), output), {}
    if kind in ("Linear", "Conv1d"):
        values = {f"{name}_{part}": value.detach().numpy() for part, value in layer.named_parameters()}
        operator, attributes = ("Gemm", {"transB": 1}) if kind == "Linear" else ("Conv", {})
        return Node(operator, (source, f"{name}_weight", f"{name}_bias"), output, attributes), values
    if kind in ("Unflatten", "Flatten"):
        shape = [0, *layer.unflattened_size] if kind == "Unflatten" else [0, -1]
        return Node("Reshape", (source, f"{name}_shape"), output), {f"{name}_shape": np.array(shape, np.int64)}
    if kind == "ConstantPad1d":
        pads = np.array([0, 0, layer.padding[0], 0, 0, layer.padding[1]], np.int64)
        return Node("Pad", (source, f"{name}_pads"), output), {f"{name}_pads": pads}
    raise TrainingError(f"a layer {kind} has no counterpart in the graph: use one of those of the other families")
