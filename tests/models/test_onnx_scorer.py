"""The graph's contract, and what is not allowed to pass for it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from andon.errors import BundleError
from andon.models import Scorer
from tests.models.sample import NAMES, normal, trained

WIDTH = len(NAMES)


def scorer() -> Scorer:
    return Scorer(trained().onnx, features=WIDTH, threads=1)


def graph(
    *, outputs: tuple[str, ...] = ("score", "contributions"), batch: str | int = "n", dtype: int = 1
) -> onnx.ModelProto:
    """Return a graph whose contributions are the features themselves, times a weight."""
    helper = onnx.helper
    nodes = [
        helper.make_node("Mul", ["features", "weight"], ["contributions"]),
        helper.make_node("ReduceSum", ["contributions", "axis"], ["score"], keepdims=0),
    ]
    shapes = {"score": [batch], "contributions": [batch, WIDTH]}
    return helper.make_model(
        helper.make_graph(
            nodes,
            "test",
            [helper.make_tensor_value_info("features", dtype, [batch, WIDTH])],
            [helper.make_tensor_value_info(name, dtype, shapes[name]) for name in outputs],
            [
                onnx.numpy_helper.from_array(np.ones((1, WIDTH), helper.tensor_dtype_to_np_dtype(dtype)), "weight"),
                onnx.numpy_helper.from_array(np.array([1]), "axis"),
            ],
        ),
        opset_imports=[helper.make_opsetid("", 17)],
        ir_version=8,
    )


@settings(deadline=None)
@given(
    arrays.arrays(
        np.float32,
        st.tuples(st.integers(0, 20), st.just(WIDTH)),
        elements=st.floats(width=32, allow_nan=True, allow_infinity=True),
    )
)
def test_scores_are_finite_and_the_sum_of_their_contributions(matrix: np.ndarray) -> None:
    scores = scorer().score(matrix)
    assert scores.score.shape == (len(matrix),)
    assert scores.contributions.shape == matrix.shape
    assert np.isfinite(scores.score).all()
    size = np.abs(scores.contributions).sum(axis=1)
    np.testing.assert_array_less(np.abs(scores.contributions.sum(axis=1) - scores.score), 1e-5 * size + 1e-6)


def test_a_missing_feature_counts_as_its_mean() -> None:
    matrix = normal(5).astype(np.float32)
    profile = trained().facts.reference.features[NAMES[2]]
    assert profile.mean is not None
    as_mean, missing = matrix.copy(), matrix.copy()
    as_mean[:, 2], missing[:, 2] = profile.mean, np.nan
    np.testing.assert_allclose(scorer().score(missing).score, scorer().score(as_mean).score, rtol=1e-5)
    assert (scorer().score(missing).contributions[:, 2] == 0).all()


def test_threads_change_nothing_but_the_time() -> None:
    matrix = normal(1_500).astype(np.float32)
    alone, shared = scorer().score(matrix), Scorer(trained().onnx, features=WIDTH, threads=3).score(matrix)
    np.testing.assert_allclose(shared.score, alone.score, rtol=1e-5)
    np.testing.assert_allclose(shared.contributions, alone.contributions, rtol=1e-5, atol=1e-6)


def test_all_models_of_a_process_share_their_threads() -> None:
    matrix, process, threads = normal(1_500).astype(np.float32), psutil.Process(), 3
    before = process.num_threads()
    models = [Scorer(trained().onnx, features=WIDTH, threads=threads) for _ in range(10)]
    for each in models:
        each.score(matrix)
    assert process.num_threads() < before + threads


def test_nothing_known_scores_nothing() -> None:
    assert scorer().score(np.full((1, WIDTH), np.nan, np.float32)).score.tolist() == [0]


def test_a_window_scores_the_same_whatever_is_beside_it() -> None:
    matrix = normal(1_000).astype(np.float32)
    alone = np.concatenate([scorer().score(row[None]).score for row in matrix[:50]])
    np.testing.assert_allclose(scorer().score(matrix).score[:50], alone, rtol=1e-5)


def test_a_matrix_of_another_width_is_refused() -> None:
    with pytest.raises(ValueError, match=rf"the model takes \[n, {WIDTH}\]"):
        scorer().score(np.zeros((1, WIDTH + 1), np.float32))


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (graph(outputs=("score",)), "outputs"),
        (graph(batch=1), "inputs"),
        (graph(dtype=onnx.TensorProto.DOUBLE), r"tensor\(double\)"),
    ],
)
def test_a_graph_that_breaks_the_contract_is_refused(model: onnx.ModelProto, reason: str) -> None:
    with pytest.raises(BundleError, match=reason):
        Scorer(model.SerializeToString(), features=WIDTH, threads=1)


def test_a_graph_of_another_width_is_refused() -> None:
    with pytest.raises(BundleError, match="inputs"):
        Scorer(graph().SerializeToString(), features=WIDTH - 1, threads=1)


def test_weights_outside_the_graph_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "model.onnx"
    model = graph()
    # The axis stays inside: without it ONNX Runtime refuses the graph for another reason.
    onnx.external_data_helper.set_external_data(model.graph.initializer[0], "weights.bin")
    onnx.save(model, path)
    assert (tmp_path / "weights.bin").exists()
    monkeypatch.chdir(tmp_path)  # where ONNX Runtime would look
    with pytest.raises(BundleError, match=r"weights\.bin"):
        Scorer(path.read_bytes(), features=WIDTH, threads=1)
