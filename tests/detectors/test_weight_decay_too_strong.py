"""`weight-decay-too-strong`: the run rests where the decay pulls as hard as the loss."""

import numpy as np
import pytest

from nndiag.detectors import run
from nndiag.finding import Severity, Skipped

PROBLEM = "weight-decay-too-strong"
FLAT = [1.0, *[0.7] * 199]


def made(make_trace, losses=FLAT, *, decay=0.5, weights=1.0, gradient=0.5, start=1.0, rate=0.1):
    """Two layers; all weights and gradients are in the first, which starts at `start`."""
    sizes = np.array([[start, 1e-3], *[[weights, 1e-3]] * 9])
    facts = {"settings": {"optimizer": {"weight_decay": decay}}, "learning_rate": rate}
    series = {"weight_norm": sizes, "gradient_norm": np.tile([gradient, 0.0], (10, 1))}
    return make_trace(losses, facts=facts, series=series)


def test_fires_where_both_pull_equally_hard(make_trace):
    (finding,) = run(PROBLEM, made(make_trace))
    assert finding.severity is Severity.ERROR
    assert finding.message.startswith("weight decay 0.5 pulls the weights as hard as the loss does")
    # decay · weights² over the loss
    assert finding.evidence[0].observed == pytest.approx(0.5 / 0.7, rel=1e-5)


@pytest.mark.parametrize(
    ("gradient", "fires"), [(0.24, False), (0.26, True), (0.99, True), (1.01, False)]
)
def test_a_factor_of_two_is_its_boundary(gradient, fires, make_trace):
    assert bool(run(PROBLEM, made(make_trace, gradient=gradient))) is fires


@pytest.mark.parametrize(("weights", "fires"), [(0.36, False), (0.39, True)])
def test_a_decay_that_costs_next_to_nothing_is_no_reason(weights, fires, make_trace):
    # 0.5 · weights² against a tenth of 0.7: 0.374
    trace = made(make_trace, weights=weights, gradient=0.5 * weights)
    assert bool(run(PROBLEM, trace)) is fires


@pytest.mark.parametrize(("weights", "fires"), [(0.09, True), (0.11, False)])
def test_fires_where_the_decay_has_taken_the_weights_away(weights, fires, make_trace):
    assert bool(run(PROBLEM, made(make_trace, weights=weights, gradient=0.0))) is fires


def test_weights_that_shrank_in_too_few_steps_were_not_shrunk_by_the_decay(make_trace):
    # 200 steps of 0.1 · 0.01 add up to 0.2.
    assert run(PROBLEM, made(make_trace, decay=0.01, weights=0.05, gradient=0.0)) == []


@pytest.mark.parametrize("shape", ["learned", "exploded"])
def test_is_silent_in_a_run_that_learned_or_diverged(shape, curves, make_trace):
    assert run(PROBLEM, made(make_trace, curves[shape])) == []


@pytest.mark.parametrize("decay", [0.0, None])
def test_is_skipped_without_decay(decay, make_trace):
    assert run(PROBLEM, made(make_trace, decay=decay)) == Skipped(
        PROBLEM, "there is no weight decay"
    )


@pytest.mark.parametrize(("calmest", "fires"), [(0.99, True), (1.01, False)])
def test_noise_of_the_steps_adds_to_the_gradient(calmest, fires, make_trace):
    # Of the last three records the calmest one is nearest to what the loss pulls without noise.
    trace = made(make_trace)
    gradients = np.tile([3.0, 0.0], (10, 1))
    gradients[-2] = [calmest, 0.0]
    series = {"weight_norm": trace.series["weight_norm"].values, "gradient_norm": gradients}
    facts = {"settings": trace.facts.settings, "learning_rate": 0.1}
    assert bool(run(PROBLEM, make_trace(FLAT, facts=facts, series=series))) is fires


@pytest.mark.parametrize(("size", "fires"), [(0.019, False), (0.021, True)])
def test_beside_adam_s_steps_a_decay_by_the_weights_alone_counts_by_what_it_takes(
    size, fires, make_trace
):
    """Decay 5 and weights of 0.02: a tenth of the most that a step of Adam can add to each."""
    layers = ((4, "tanh"), (1, "linear"))
    initial = (np.ones((4, 1)), np.ones((1, 4)))  # with biases 8 and 5 numbers
    norms = np.tile([size * np.sqrt(8), size * np.sqrt(5)], (10, 1))
    trace = make_trace(
        FLAT,
        layers=layers,
        facts={
            "settings": {"optimizer": {"weight_decay": 5.0}},
            "optimizer": "adamw",
            "initial_weights": initial,
        },
        series={"weight_norm": norms, "gradient_norm": np.ones((10, 2))},
    )
    assert bool(run(PROBLEM, trace)) is fires


@pytest.mark.parametrize(
    ("rest", "rate", "dead", "fires"),
    [
        (5e-4, 0.1, 0.0, True),
        (2e-3, 0.1, 0.0, False),
        (5e-4, 0.01, 0.0, False),
        (5e-4, 0.1, 0.6, False),
    ],
    ids=["taken away", "some is left", "too few steps", "other reasons"],
)
def test_weights_may_be_gone_while_their_biases_stay(rest, rate, dead, fires, make_trace):
    # 200 steps of 0.1 · 0.5 leave e⁻¹⁰ of a weight, of 0.01 · 0.5 e⁻¹; half of the size is a bias
    trace = made(make_trace, weights=0.5, rate=rate)
    falls = np.geomspace(1.0, rest, 10)
    series = {
        "weight_norm": trace.series["weight_norm"].values,
        "gradient_norm": np.stack([falls, 0 * falls], axis=1),
        "prediction_deviation": falls,
        "dead_share": np.tile([dead, np.nan], (10, 1)),
    }
    assert bool(run(PROBLEM, make_trace(FLAT, facts=vars(trace.facts), series=series))) is fires


@pytest.mark.parametrize(("lost", "fires"), [(0.4, True), (0.6, False)])
def test_a_decay_is_not_why_units_are_lost_from_the_start(lost, fires, make_trace):
    trace = made(make_trace)
    series = {
        "weight_norm": trace.series["weight_norm"].values,
        "gradient_norm": np.tile([0.5, 0.0], (10, 1)),
        "saturated_share": np.tile([lost, np.nan], (10, 1)),
    }
    assert bool(run(PROBLEM, make_trace(FLAT, facts=vars(trace.facts), series=series))) is fires
