import numpy as np
import pytest

from nndiag.detectors import run
from nndiag.finding import Severity, Skipped

PROBLEM = "unscaled-targets"
UNIT = np.linspace(-1.0, 1.0, 64)[:, None]


@pytest.mark.parametrize(
    ("targets", "words"),
    [(300 * UNIT, "the targets are large"), (5 + 0.1 * UNIT, "std from 0")],
)
def test_fires_on_each_kind_of_scale_in_a_run_that_did_not_learn(
    targets, words, curves, make_trace
):
    (finding,) = run(PROBLEM, make_trace(curves["stuck"], facts={"targets": targets}))
    assert finding.severity is Severity.ERROR
    assert words in finding.message


@pytest.mark.parametrize("shape", ["learned", "falling"])
def test_stays_silent_in_a_run_that_learns(shape, curves, make_trace):
    assert run(PROBLEM, make_trace(curves[shape], facts={"targets": 1000 * UNIT})) == []


@pytest.mark.parametrize("targets", [5 * UNIT, np.round(UNIT) * 50, np.full((64, 1), 99.0)])
def test_stays_silent_on_moderate_two_valued_and_constant_targets(targets, curves, make_trace):
    targets = np.where(targets == -50, 50, targets)  # leaves 0 and 50
    assert run(PROBLEM, make_trace(curves["stuck"], facts={"targets": targets})) == []


@pytest.mark.parametrize(("size", "fires"), [(9.99, False), (10.01, True)])
def test_the_size_is_its_boundary(size, fires, curves, make_trace):
    targets = size * UNIT / np.sqrt(np.mean(UNIT**2))
    assert bool(run(PROBLEM, make_trace(curves["stuck"], facts={"targets": targets}))) is fires


@pytest.mark.parametrize(("excess", "fires"), [(90, True), (110, False)])
def test_explains_a_rate_above_the_limit_as_far_as_scaling_would_help(
    excess, fires, curves, make_trace
):
    targets = 100 * UNIT / np.sqrt(np.mean(UNIT**2))
    facts = {"targets": targets, "learning_rate": 0.01 * excess, "stability_limit": 0.01}
    assert bool(run(PROBLEM, make_trace(curves["exploded"], facts=facts))) is fires


@pytest.mark.parametrize(("optimizer", "fires"), [("sgd", False), ("adam", True)])
def test_plain_steps_of_one_layer_grow_with_its_targets(optimizer, fires, curves, make_trace):
    facts = {"targets": 100 * UNIT, "optimizer": optimizer}
    trace = make_trace(curves["stuck"], layers=((1, "linear"),), facts=facts)
    assert isinstance(run(PROBLEM, trace), list) is fires


def test_is_skipped_for_a_bounded_output_and_a_cross_entropy(curves, make_trace):
    bounded = make_trace(curves["stuck"], layers=((10, "tanh"), (1, "sigmoid")))
    assert isinstance(run(PROBLEM, bounded), Skipped)
    crossed = make_trace(curves["stuck"], facts={"loss": "softmax_cross_entropy"})
    assert isinstance(run(PROBLEM, crossed), Skipped)


def test_is_skipped_without_targets(curves, make_trace):
    result = run(PROBLEM, make_trace(curves["stuck"], facts={"targets": None}))
    assert result == Skipped(PROBLEM, "the trace has no targets")
