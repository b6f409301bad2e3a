"""A model is tried out in a process of its own before it may serve."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import helper, numpy_helper

from andon.errors import BundleError
from andon.serving.trial import Trials
from tests.models.graphs import CONTRIBUTIONS, with_graph, without_numbers
from tests.models.sample import bundle


@pytest.fixture(scope="module")
def trials() -> Trials:
    return Trials(memory_mib=512)


def test_a_sound_model_passes_and_is_not_tried_twice(trials: Trials) -> None:
    trials.try_out(bundle())
    assert bundle().ref.digest in trials._passed
    trials.try_out(bundle())


def test_a_graph_that_asks_for_all_memory_takes_only_its_trial_down(trials: Trials) -> None:
    value = numpy_helper.from_array(np.array([1.5], np.float32))
    greedy = with_graph(
        helper.make_node("ConstantOfShape", ["size"], ["huge"], value=value),
        helper.make_node("ReduceSum", ["huge"], ["sum"], keepdims=0),
        helper.make_node("ReduceSum", ["features", "axis"], ["rows"], keepdims=0),
        helper.make_node("Add", ["rows", "sum"], ["score"]),
        CONTRIBUTIONS,
        size=np.array([200_000, 200_000], np.int64),
        axis=np.array([1], np.int64),
    )
    with pytest.raises(BundleError, match="failed its trial"):
        trials.try_out(greedy)


def test_a_model_that_has_no_number_for_a_normal_window_is_refused(trials: Trials) -> None:
    with pytest.raises(BundleError, match="no finite score of a normal window"):
        trials.try_out(without_numbers())


def test_a_graph_that_breaks_the_contract_only_when_it_runs_is_refused(trials: Trials) -> None:
    fixed = with_graph(
        helper.make_node("ReduceSum", ["features", "axis"], ["rows"], keepdims=0),
        helper.make_node("Reshape", ["rows", "one"], ["score"]),
        CONTRIBUTIONS,
        axis=np.array([1], np.int64),
        one=np.array([1], np.int64),
    )
    with pytest.raises(BundleError, match="failed its trial"):
        trials.try_out(fixed)
