"""`dropout-too-strong`: the run rests where its thinned networks do, far above the whole one."""

from dataclasses import replace

import numpy as np
import pytest

from nndiag.detectors import course_of, run
from nndiag.finding import Outcome, Severity, Skipped
from tests.conftest import layer_facts

PROBLEM = "dropout-too-strong"
WHOLE = 0.6


def made(make_trace, *, dropout=0.5, steps=0.9, whole=WHOLE, reachable=0.1, reduction="mean"):
    """A run whose steps end at one loss, and the whole network at another."""
    layers = layer_facts((10, "tanh"), (1, "linear"))
    facts = {"layers": (replace(layers[0], dropout=dropout), layers[1]), "reduction": reduction}
    losses = np.array([1.0, *[steps] * 199])
    if reduction == "sum":
        facts["batch_size"] = 16
        losses /= 4
    return make_trace(
        losses,
        facts=facts,
        series={"training_loss": [1.0, *[whole] * 19]},
        ending={"loss": whole, "reference_loss": reachable},
    )


def test_fires_where_what_is_dropped_keeps_the_loss_up(make_trace):
    (finding,) = run(PROBLEM, made(make_trace))
    assert finding.severity is Severity.ERROR
    assert finding.message.startswith("50 % of the values are dropped in every step")
    assert finding.evidence[0].observed == pytest.approx(0.9 / WHOLE - 1)


@pytest.mark.parametrize(("steps", "fires"), [(0.65, False), (0.67, True)])  # 0.6 · 1.1 is 0.66
def test_a_tenth_of_the_loss_is_its_boundary(steps, fires, make_trace):
    assert bool(run(PROBLEM, made(make_trace, steps=steps))) is fires


@pytest.mark.parametrize(("reachable", "fires"), [(0.29, True), (0.31, False)])
def test_is_silent_where_no_optimizer_gets_much_further(reachable, fires, make_trace):
    assert bool(run(PROBLEM, made(make_trace, reachable=reachable))) is fires


def test_a_summed_loss_of_batches_is_compared_with_that_of_all_examples(make_trace):
    # Four batches of 16 make the 64 examples: 4 · 0.9/4 against 0.6.
    (finding,) = run(PROBLEM, made(make_trace, reduction="sum"))
    assert finding.evidence[0].observed == pytest.approx(0.9 / WHOLE - 1)


@pytest.mark.parametrize(
    ("rate", "fires"), [(0.009, False), (0.011, True), (0.099, True), (0.11, False)]
)
def test_a_run_that_diverged_does_so_by_dropout_between_both_limits(
    rate, fires, make_trace, curves
):
    # 0.9 of the values dropped: the limit of the whole network, 0.1, is ten times that of a step.
    layers = layer_facts((10, "tanh"), (1, "linear"))
    facts = {"layers": (replace(layers[0], dropout=0.9), layers[1]), "reduction": "mean"}
    facts |= {"learning_rate": rate, "stability_limit": 0.1}
    series = {"training_loss": curves["exploded"][:20]}
    trace = make_trace(curves["exploded"], facts=facts, series=series)
    assert bool(run(PROBLEM, trace)) is fires


def test_is_skipped_where_it_was_not_measured_what_the_network_can_reach(make_trace):
    found = run(PROBLEM, made(make_trace, reachable=None))
    assert found == Skipped(PROBLEM, "it was not measured what the network can reach")


def test_is_silent_in_a_run_that_learned(make_trace):
    assert run(PROBLEM, made(make_trace, whole=0.02, steps=0.05, reachable=1e-6)) == []


def test_is_skipped_without_dropout(make_trace):
    found = run(PROBLEM, made(make_trace, dropout=0.0))
    assert found == Skipped(PROBLEM, "there is no dropout")


@pytest.mark.parametrize(("way", "fires"), [(0.9, False), (1.1, True)])
def test_a_run_that_falls_slowly_for_all_its_steps_is_held_up(way, fires, make_trace):
    """By 7 % in as many steps again, of which dropping adds half: no slow rate explains that."""
    trace = made(make_trace)
    losses = np.concatenate([[1.0], np.linspace(0.95, 0.9, 199)])
    moved = np.full((20, 2), way / 199)
    series = {"training_loss": losses[::10] - 0.3, "update_ratio": moved}
    ending = {"loss": WHOLE, "reference_loss": 0.1}
    again = make_trace(
        losses,
        facts={"layers": trace.facts.layers, "reduction": "mean", "baseline_loss": 0.9},
        series=series,
        ending=ending,
    )
    assert course_of(again).outcome is Outcome.IMPROVING
    assert bool(run(PROBLEM, again)) is fires
