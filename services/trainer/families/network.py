"""Neural networks that expect some features from others: the part that all such families share.

The network expects the standardised features `targets` from the features `inputs`. What it gets wrong, squared and in
units of how wrong it is in normal operation, is each target's part of the score.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from services.trainer.families.fitting import expect, fit_network
from services.trainer.families.layers import body_of
from services.trainer.families.model import Effort, Period, limit
from services.trainer.graph import DOUBLE, SINGLE, Node, export
from services.trainer.scaling import Float64, Int64, Scaling

#: Networks see standardised values up to this: they learn nothing beyond, and single precision stays exact enough.
CUT = 50.0
#: Share of each asset's fitted windows, the last ones, that tell when to stop and how wrong the network usually is.
SET_ASIDE = 0.2
#: Smallest mean squared error that a target is judged by: a hundredth of its spread, squared.
_LEAST_ERROR = 1e-4


@dataclass(frozen=True, slots=True)
class Network:
    """A fitted network; d features, i inputs, t targets.

    Attributes:
        name: of its graph.
        scaling: what is normal for each feature.
        inputs: ``[i]`` columns that it sees.
        targets: ``[t]`` columns that it expects.
        module: the torch module, ``[n, i]`` to ``[n, t]``, on the CPU.
        weight: ``[t]`` what squared errors are multiplied by.
        metrics: figures of the fit.
    """

    name: str
    scaling: Scaling
    inputs: Int64
    targets: Int64
    module: Any
    weight: Float64
    metrics: Mapping[str, float]

    def contributions(self, matrix: Float64) -> Float64:
        """Return each feature's part ``[n, d]`` of the scores of windows ``[n, d]``; a row sums to its score."""
        z = self.scaling.standardise(matrix)
        error = z[:, self.targets] - expect(self.module, z[:, self.inputs])
        parts = np.zeros_like(z)
        parts[:, self.targets] = error**2 * self.weight
        return parts

    def export(self) -> bytes:
        """Return the network as ONNX."""
        nodes, constants = body_of(self.module, "seen", "expected_single")
        place = np.zeros((len(self.targets), len(self.scaling.centre)))
        place[np.arange(len(self.targets)), self.targets] = 1
        body = (
            Node("Gather", ("z", "inputs"), "seen_exact", {"axis": 1}),
            Node("Cast", ("seen_exact",), "seen", {"to": SINGLE}),
            *nodes,
            Node("Cast", ("expected_single",), "expected", {"to": DOUBLE}),
            Node("Gather", ("z", "targets"), "target", {"axis": 1}),
            Node("Sub", ("target", "expected"), "error"),
            Node("Mul", ("error", "error"), "square"),
            Node("Mul", ("square", "weight"), "part"),
            Node("MatMul", ("part", "place"), "parts"),
        )
        own = {"inputs": self.inputs, "targets": self.targets, "weight": self.weight, "place": place}
        return export(self.name, self.scaling, body, own | constants)


def learn(
    name: str, module: Any, scaling: Scaling, columns: tuple[Int64, Int64], period: Period, effort: Effort
) -> Network:
    """Fit a network to a period.

    Args:
        name: of its graph.
        module: the torch module to fit.
        scaling: what is normal for each feature.
        columns: inputs and targets.
        period: windows of normal operation.
        effort: how to fit.

    Raises:
        TrainingError: the loss is no number, or a checkpoint is that of another fit.
    """
    inputs, targets = columns
    z, late = scaling.standardise(period.fit), period.age >= 1 - SET_ASIDE
    fitted = fit_network(module, (z[~late], z[late]), columns, effort)
    usual = np.maximum(((z[late][:, targets] - expect(module, z[late][:, inputs])) ** 2).mean(axis=0), _LEAST_ERROR)
    weight = 1 / (usual * len(targets))
    later = scaling.standardise(period.calibration)
    error = later[:, targets] - expect(module, later[:, inputs])
    reached = limit((error**2 * weight).sum(axis=1), 1)
    metrics = {"epochs": fitted.epochs, "validation_loss": fitted.loss, "limit": reached}
    return Network(name, scaling, inputs, targets, module, weight / reached, metrics)
