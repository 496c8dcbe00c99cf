"""`too-few-units`: the network is the limit, not the optimizer."""

from dataclasses import replace

import numpy as np
import pytest

from nndiag.detectors import run
from nndiag.finding import Severity, Skipped
from tests.conftest import layer_facts

FLAT = [1.0, *[0.7] * 199]
SMALL = ((1, "tanh"), (1, "linear"))


def judged(make_trace, *, best=0.69, layers=SMALL, loss=FLAT, **thresholds):
    ending = {"reference_loss": best, "newton_decrement": 0.0, "reason": "converged"}
    trace = make_trace(loss, layers=layers, ending=ending)
    return run("too-few-units", trace, thresholds=thresholds)


def test_fires_where_no_optimizer_gets_further_and_the_data_allow_more(make_trace):
    (finding,) = judged(make_trace)
    assert finding.severity is not Severity.NOTE
    assert "1 hidden unit" in finding.message
    # R² of the fit against the mean baseline, whose loss is 1
    assert finding.evidence[0].observed == pytest.approx(1 - 0.69)


@pytest.mark.parametrize(("best", "fires"), [(0.36, True), (0.34, False)])
def test_is_silent_where_a_strong_optimizer_halves_the_loss(make_trace, best, fires):
    # the loss is 0.7: half of it is 0.35
    assert bool(judged(make_trace, best=best)) is fires


def test_is_silent_in_a_wide_network(make_trace):
    assert judged(make_trace, layers=((40, "tanh"), (1, "linear"))) == []
    assert judged(make_trace, layers=((40, "tanh"), (1, "linear")), wide=50)


def test_is_silent_without_a_hidden_layer(make_trace):
    assert judged(make_trace, layers=((1, "linear"),)) == []


def test_is_silent_in_a_run_that_learned(make_trace):
    assert judged(make_trace, loss=[1.0, *[0.01] * 199], best=0.01) == []


def test_is_silent_where_the_data_allow_no_more(make_trace):
    assert judged(make_trace, gap=0.9) == []


def test_is_skipped_without_a_reference_fit(make_trace):
    assert isinstance(run("too-few-units", make_trace(FLAT, layers=SMALL)), Skipped)


def test_fires_while_the_loss_still_falls_towards_a_poor_best(make_trace):
    losses = 1 - 0.4 * (np.arange(1, 201) / 200) ** 0.3  # still falling, at R² 0.4
    trace = make_trace(losses, layers=SMALL, ending={"reference_loss": 0.5})
    (finding,) = run("too-few-units", trace)
    assert finding.severity is Severity.WARNING


def test_is_silent_where_linear_layers_are_the_limit(make_trace):
    assert judged(make_trace, layers=((8, "linear"), (4, "linear"), (1, "linear"))) == []


def test_sees_a_linear_layer_narrower_than_inputs_and_outputs(make_trace):
    inputs = np.random.default_rng(0).normal(size=(64, 3))
    ending = {"reference_loss": 0.69, "newton_decrement": 0.0, "reason": "converged"}
    facts = {"inputs": inputs, "targets": inputs}
    layers = ((1, "linear"), (3, "linear"))
    assert run("too-few-units", make_trace(FLAT, layers=layers, facts=facts, ending=ending))


def test_is_silent_where_a_layer_has_no_biases(make_trace):
    ending = {"reference_loss": 0.69, "newton_decrement": 0.0, "reason": "converged"}
    layers = tuple(replace(layer, bias=False) for layer in layer_facts(*SMALL))
    trace = make_trace(FLAT, layers=SMALL, facts={"layers": layers}, ending=ending)
    assert run("too-few-units", trace) == []
