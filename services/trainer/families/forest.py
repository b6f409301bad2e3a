"""Isolation forest (Liu, Ting and Zhou 2008): windows that few random cuts set apart are unlike the others.

The paper's score is 2^(-depth / c), which ends at 1, so that a threshold extrapolated beyond the calibration windows
could never be reached. The score here orders windows alike and has no end: by how many standard deviations of normal
windows the mean depth is below theirs, squared like the distances of the other families, relative to its limit.

A forest does not say which feature it was. The score is shared out by the squares of the standardised features, so the
ones farthest from their mean are named; a fault that only shows in how features combine is blamed on none in
particular.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from services.trainer.families.model import Effort, Period, limit
from services.trainer.families.packages import load
from services.trainer.graph import DOUBLE, SINGLE, Node, export
from services.trainer.scaling import Float64, Scaling, fit_scaling

TREES = 200
#: Keeps shares defined where all features are at their mean.
_NOTHING = 1e-12
#: Smallest spread of depths: below, all normal windows are alike.
_LEAST_SPREAD = 0.01
_EULER = 0.5772156649015329


@dataclass(frozen=True, slots=True)
class Forest:
    """A fitted forest.

    Attributes:
        scaling: what is normal for each feature.
        trees: scikit-learn's trees.
        usual: mean depth of normal windows.
        unit: what the deviation from it is divided by before it is squared.
        metrics: figures of the fit.
    """

    scaling: Scaling
    trees: tuple[Any, ...]
    usual: float
    unit: float
    metrics: Mapping[str, float]

    def contributions(self, matrix: Float64) -> Float64:
        """Return each feature's part ``[n, d]`` of the scores of windows ``[n, d]``; a row sums to its score."""
        z = self.scaling.standardise(matrix)
        score = _squared(_depth(self.trees, z), self.usual, self.unit)
        square = z**2 + _NOTHING * self.scaling.used
        return np.asarray(score[:, None] * square / square.sum(axis=1, keepdims=True))

    def export(self) -> bytes:
        """Return the forest as ONNX."""
        body = (
            Node("Cast", ("z",), "z_single", {"to": SINGLE}),
            Node("TreeEnsembleRegressor", ("z_single",), "depth_single", _ensemble(self.trees), "ai.onnx.ml"),
            Node("Cast", ("depth_single",), "depth", {"to": DOUBLE}),
            Node("Sub", ("usual", "depth"), "early"),
            Node("Max", ("early", "nought"), "earlier"),
            Node("Div", ("earlier", "unit"), "deviation"),
            Node("Mul", ("deviation", "deviation"), "score_exact"),
            Node("Mul", ("z", "z"), "squares"),
            Node("Add", ("squares", "nothing"), "square"),
            Node("ReduceSum", ("square", "axis"), "whole", {"keepdims": 1}),
            Node("Div", ("square", "whole"), "share"),
            Node("Mul", ("share", "score_exact"), "parts"),
        )
        constants = {
            "usual": np.array([[self.usual]]),
            "unit": np.float64(self.unit),
            "nothing": _NOTHING * self.scaling.used,
        }
        return export("forest", self.scaling, body, constants)


def fit_forest(period: Period, effort: Effort) -> Forest:
    """Learn normal.

    Raises:
        TrainingError: no feature has values that move, or scikit-learn is not installed.
    """
    ensemble = load("sklearn.ensemble", "scikit-learn")
    scaling = fit_scaling(period.fit, period.names, period.ignored)
    z = scaling.standardise(period.fit).astype(np.float32)
    fitted = ensemble.IsolationForest(n_estimators=TREES, random_state=effort.seed).fit(z)
    trees = tuple(each.tree_ for each in fitted.estimators_)
    depth = _depth(trees, scaling.standardise(period.calibration))
    usual, spread = float(depth.mean()), max(float(depth.std()), _LEAST_SPREAD)
    unit = spread * np.sqrt(limit(_squared(depth, usual, spread), 1))
    return Forest(scaling, trees, usual, float(unit), {"trees": TREES, "usual_depth": usual, "depth_spread": spread})


def _squared(depth: Float64, usual: float, unit: float) -> Float64:
    return np.asarray((np.maximum(usual - depth, 0.0) / unit) ** 2)


def _depth(trees: tuple[Any, ...], z: Float64) -> Float64:
    """Return the mean depth ``[n]`` at which trees isolate windows ``[n, d]``."""
    rows = z.astype(np.float32)
    return np.asarray(sum(_depths(tree)[tree.apply(rows)] for tree in trees) / len(trees))


def _depths(tree: Any) -> Float64:
    """Return the depth of each node, plus that of the tree which its windows would still need (the paper's c)."""
    depth = np.zeros(tree.node_count)
    for node in np.flatnonzero(tree.children_left >= 0):  # parents come before their children
        depth[tree.children_left[node]] = depth[tree.children_right[node]] = depth[node] + 1
    n = tree.n_node_samples.astype(np.float64)
    more = np.maximum(n - 1, 1)
    return depth + np.where(n > 2, 2 * (np.log(more) + _EULER) - 2 * more / n, np.where(n == 2, 1.0, 0.0))


def _ensemble(trees: tuple[Any, ...]) -> dict[str, Any]:
    """Return all trees as attributes of ONNX's TreeEnsembleRegressor, which averages their leaves' depths."""
    sizes = [tree.node_count for tree in trees]
    inner = np.concatenate([tree.children_left >= 0 for tree in trees])
    number = np.repeat(np.arange(len(trees)), sizes)
    node = np.concatenate([np.arange(size) for size in sizes])
    leaves = np.flatnonzero(~inner)
    return {
        "aggregate_function": "AVERAGE",
        "n_targets": 1,
        "nodes_treeids": number.tolist(),
        "nodes_nodeids": node.tolist(),
        "nodes_modes": np.where(inner, "BRANCH_LEQ", "LEAF").tolist(),
        "nodes_featureids": _of_inner(trees, "feature", inner).tolist(),
        "nodes_values": _single_below(_of_inner(trees, "threshold", inner)).tolist(),
        "nodes_truenodeids": _of_inner(trees, "children_left", inner).tolist(),
        "nodes_falsenodeids": _of_inner(trees, "children_right", inner).tolist(),
        "target_treeids": number[leaves].tolist(),
        "target_nodeids": node[leaves].tolist(),
        "target_ids": np.zeros(len(leaves), np.int64).tolist(),
        "target_weights": np.concatenate([_depths(tree) for tree in trees])[leaves].tolist(),
    }


def _of_inner(trees: tuple[Any, ...], attribute: str, inner: np.ndarray) -> np.ndarray:
    """Return an attribute of all nodes, 0 for leaves."""
    return np.where(inner, np.concatenate([getattr(tree, attribute) for tree in trees]), 0)


def _single_below(thresholds: np.ndarray) -> np.ndarray:
    """Return the largest single-precision number that is not above each threshold: it cuts single numbers alike."""
    single = thresholds.astype(np.float32)
    return np.where(single > thresholds, np.nextafter(single, np.float32(-np.inf)), single)
