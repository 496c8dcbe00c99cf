from dataclasses import replace

import numpy as np
import pytest

from nndiag.detectors import run
from nndiag.finding import Severity, Skipped
from tests.conftest import layer_facts

PROBLEM = "missing-biases"
RAMP = np.linspace(-1.0, 1.0, 64)[:, None]  # mean 0, deviation 0.586


def made(make_trace, losses, *, biases=(False, False), activation="linear", **facts):
    trace = make_trace(losses, layers=((10, "tanh"), (1, activation)), facts=facts)
    pairs = zip(trace.facts.layers, biases, strict=True)
    layers = tuple(replace(layer, bias=bias) for layer, bias in pairs)
    return replace(trace, facts=replace(trace.facts, layers=layers))


@pytest.mark.parametrize(
    ("biases", "what"),
    [((False, False), "no layer has biases"), ((False, True), "layer1 has no biases")],
)
def test_fires_on_inputs_off_centre(biases, what, curves, make_trace):
    trace = made(make_trace, curves["stuck"], biases=biases, inputs=RAMP + 1, targets=RAMP)
    (finding,) = run(PROBLEM, trace)
    assert finding.severity is Severity.ERROR
    # (64² − 1)/12 is the variance of 64 whole numbers; these are 2/63 apart: 1 / 0.586 = 1.71
    assert finding.message == f"{what}, and the inputs have a mean 1.71 std from 0"


def test_fires_on_targets_away_from_what_zero_gives(curves, make_trace):
    trace = made(make_trace, curves["stuck"], inputs=RAMP, targets=RAMP + 3)
    (finding,) = run(PROBLEM, trace)
    assert finding.layer == "layer2"


@pytest.mark.parametrize("shape", ["learned", "falling"])
def test_stays_silent_in_a_run_that_learns(shape, curves, make_trace):
    assert run(PROBLEM, made(make_trace, curves[shape], inputs=RAMP + 9, targets=RAMP)) == []


def test_stays_silent_with_biases(curves, make_trace):
    trace = made(make_trace, curves["stuck"], biases=(True, True), inputs=RAMP + 9, targets=RAMP)
    assert run(PROBLEM, trace) == []


def test_stays_silent_where_a_constant_column_stands_in(curves, make_trace):
    inputs = np.column_stack([RAMP + 9, np.ones(64)])
    assert run(PROBLEM, made(make_trace, curves["stuck"], inputs=inputs, targets=RAMP)) == []


def test_labels_around_the_middle_of_a_sigmoid_are_centred(curves, make_trace):
    labels = (np.arange(64) % 2).astype(float)[:, None]
    losses = curves["stuck"]
    trace = made(make_trace, losses, activation="sigmoid", inputs=RAMP, targets=labels)
    assert run(PROBLEM, trace) == []


@pytest.mark.parametrize(("offset", "fires"), [(0.49, False), (0.51, True)])
def test_half_a_deviation_is_its_boundary(offset, fires, curves, make_trace):
    inputs = RAMP + offset * RAMP.std()
    trace = made(make_trace, curves["stuck"], inputs=inputs, targets=RAMP)
    assert bool(run(PROBLEM, trace)) is fires


def test_is_skipped_without_inputs(curves, make_trace):
    result = run(PROBLEM, make_trace(curves["stuck"], facts={"inputs": None}))
    assert result == Skipped(PROBLEM, "the trace has no inputs")


@pytest.mark.parametrize(("best", "fires"), [(0.69, True), (0.3, False)])
def test_fires_on_centred_data_where_no_optimizer_gets_further(best, fires, make_trace):
    layers = tuple(replace(layer, bias=False) for layer in layer_facts((9, "relu"), (1, "linear")))
    ending = {"reference_loss": best, "newton_decrement": 0.0, "reason": "converged"}
    trace = make_trace([1.0, *[0.7] * 199], facts={"layers": layers}, ending=ending)
    assert bool(run("missing-biases", trace)) is fires
