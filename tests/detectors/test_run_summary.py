import numpy as np
import pytest

import nndiag
from nndiag.detectors import course_of
from nndiag.detectors.curve import growth, loss_curve
from nndiag.finding import Outcome, Severity

AT_MINIMUM = {"newton_decrement": 1e-9, "smallest_eigenvalue": 0.1, "largest_eigenvalue": 10.0}
GAIN_LEFT = {"newton_decrement": 0.4, "smallest_eigenvalue": 0.1, "largest_eigenvalue": 10.0}
AT_SADDLE = {"newton_decrement": 1e-9, "smallest_eigenvalue": -1.0, "largest_eigenvalue": 10.0}


@pytest.mark.parametrize(
    ("shape", "outcome"),
    [
        ("learned", Outcome.CONVERGED),
        ("stuck", Outcome.STALLED),
        ("falling", Outcome.IMPROVING),
        ("exploded", Outcome.DIVERGED),
        ("exploded_and_stuck", Outcome.DIVERGED),
        ("recovered", Outcome.CONVERGED),
    ],
)
def test_each_shape_of_loss_has_one_outcome(shape, outcome, curves, make_trace):
    assert course_of(make_trace(curves[shape])).outcome is outcome


@pytest.mark.parametrize(
    ("ending", "outcome"),
    [
        ({}, Outcome.STALLED),
        (AT_MINIMUM, Outcome.CONVERGED),
        (GAIN_LEFT, Outcome.STALLED),
        (AT_SADDLE, Outcome.STALLED),
    ],
)
def test_a_flat_run_of_little_r_squared_has_converged_only_at_a_minimum(
    ending, outcome, make_trace
):
    # R² 0.3, flat
    trace = make_trace(0.7 + 0.3 * np.exp(-np.arange(200) / 5), ending=ending)
    assert course_of(trace).outcome is outcome


@pytest.mark.parametrize(
    ("steps", "ending", "outcome"),
    [
        (10, GAIN_LEFT, Outcome.IMPROVING),
        (10, AT_MINIMUM, Outcome.CONVERGED),
        (100, GAIN_LEFT, Outcome.STALLED),
    ],
)
def test_a_flat_run_of_few_steps_with_more_in_reach_has_only_begun(
    steps, ending, outcome, make_trace
):
    trace = make_trace(0.7 + 0.3 * np.exp(-np.arange(steps) / 0.5), ending=ending)
    assert course_of(trace).outcome is outcome


def test_without_r_squared_a_flat_minimum_is_not_enough(make_trace, curves):
    # A dead network: no decrement, no curvature at all along most directions.
    dead = {"newton_decrement": 0.0, "smallest_eigenvalue": 0.0, "largest_eigenvalue": 2.0}
    assert course_of(make_trace(curves["stuck"], ending=dead)).outcome is Outcome.STALLED


@pytest.mark.parametrize("shape", ["learned", "stuck", "falling", "exploded_and_stuck"])
def test_a_killed_run_is_interrupted_unless_it_had_diverged(shape, curves, make_trace):
    expected = Outcome.DIVERGED if shape.startswith("exploded") else Outcome.INTERRUPTED
    assert course_of(make_trace(curves[shape], finished=False)).outcome is expected


def test_an_interrupted_run_is_interrupted(curves, make_trace):
    trace = make_trace(curves["falling"], ending={"reason": "interrupted"})
    assert course_of(trace).outcome is Outcome.INTERRUPTED


def test_noise_data_leave_nothing_to_learn(make_trace, curves):
    # Targets independent of the inputs: predicting the mean is all that can be done.
    targets = np.random.default_rng(0).normal(size=(64, 1))
    predictions = np.full_like(targets, targets.mean())
    trace = make_trace(
        curves["stuck"], facts={"targets": targets}, ending={"predictions": predictions}
    )
    assert course_of(trace).outcome is Outcome.CONVERGED
    assert course_of(trace).severity is None


def test_a_noisy_run_is_still_improving_while_it_gains_a_part_of_what_is_left(make_trace):
    # Half of the variance is noise. The loss falls by 0.02 per doubling of the time: 3 % of the
    # loss, but more than 5 % of the 0.2 or so that is left above the noise.
    rng = np.random.default_rng(0)
    inputs = np.linspace(-np.pi, np.pi, 200)[:, None]
    targets = np.sqrt(2) * np.sin(inputs) + rng.normal(size=(200, 1))
    losses = (0.7 - 0.02 * np.log2(np.arange(1, 201) / 200)) * targets.var()
    trace = make_trace(
        losses,
        facts={
            "inputs": inputs,
            "targets": targets,
            "batch_size": 200,
            "baseline_loss": float(targets.var()),
        },
    )
    assert course_of(trace).outcome is Outcome.IMPROVING


def test_a_mini_batch_run_is_judged_by_the_loss_over_all_examples(make_trace, curves):
    noisy = curves["learned"] * np.random.default_rng(1).exponential(size=200) + 1
    trace = make_trace(
        noisy,
        facts={"batch_size": 1},
        series={"training_loss": curves["learned"]},
        ending={"loss": 0.01},
    )
    assert course_of(trace).outcome is Outcome.CONVERGED
    assert course_of(trace).r_squared == pytest.approx(0.99)


def test_two_parameters_at_their_floor_have_converged(make_trace):
    """tanh(w·x + b) on y = 2x cannot reach 1 at x = 0.5; its floor is no fault of the training."""
    x = np.arange(1, 21)[:, None] * 0.025
    y = 2 * x
    w = b = 0.5
    losses = []
    for _ in range(10_000):
        p = np.tanh(w * x + b)
        losses.append(0.5 * ((p - y) ** 2).sum())
        delta = (p - y) * (1 - p**2)
        w, b = w - 0.07 * (delta * x).sum(), b - 0.07 * delta.sum()
    p = np.tanh(w * x + b)
    jacobian = np.hstack([x, np.ones_like(x)]) * (1 - p**2)
    values, vectors = np.linalg.eigh(jacobian.T @ jacobian)  # Gauss–Newton, positive definite
    gradient = jacobian.T @ (p - y)
    decrement = 0.5 * float((((vectors.T @ gradient).ravel() ** 2) / values).sum())
    trace = make_trace(
        losses,
        layers=((1, "tanh"),),
        facts={
            "inputs": x,
            "targets": y,
            "batch_size": 20,
            "baseline_loss": 0.5 * float(((y - y.mean()) ** 2).sum()),
        },
        ending={
            "newton_decrement": decrement,
            "smallest_eigenvalue": values[0],
            "largest_eigenvalue": values[-1],
            "predictions": p,
        },
    )
    assert course_of(trace).outcome is Outcome.CONVERGED
    assert course_of(trace).curve.final == pytest.approx(0.0282128, rel=1e-5)


def test_the_gain_of_twice_the_steps_is_exact_for_a_power_law(make_trace):
    # t^−½ from 4096 to 8192 falls by (1 − 2^−½)·4096^−½; levels are medians shortly before.
    curve = loss_curve(make_trace(np.arange(1, 4097.0) ** -0.5))
    assert curve.expected_gain() == pytest.approx((1 - 2**-0.5) / 64, rel=0.06)


def test_a_noisy_loss_that_takes_back_a_rise_does_not_fall(make_trace):
    """Levels of 0.5, 0.55 and 0.5 after a quarter, half and all of the run: nothing was gained."""
    level = np.interp(np.arange(40), [0, 9, 19, 30, 39], [0.8, 0.5, 0.55, 0.5, 0.5])
    facts, series = {"batch_size": 8}, {"training_loss": level}
    noisy = make_trace(np.full(100, 0.5), facts=facts, series=series)
    assert course_of(noisy).expected_gain == 0.0
    assert course_of(make_trace(level)).expected_gain > 0.0  # a full batch does not wander


def test_growth_tells_its_onset_and_its_pace(make_trace):
    # flat at 1 up to step 100, then ×3 per step: 3 > 2 at step 101, 27 > 10 at step 103
    losses = np.concatenate([np.ones(100), 3.0 ** np.arange(1, 51)])
    found = growth(make_trace(losses), reference=1.0, factor=10.0)
    assert (found.onset, found.step, found.top) == (100, 103, 3.0**50)
    assert found.factor == pytest.approx(3.0)


def test_severity_follows_from_how_much_was_not_learned(make_trace):
    def severity(level):
        return course_of(make_trace(np.full(200, level), ending=GAIN_LEFT)).severity

    # R² 0.2, 0.7 and 0.95
    assert [severity(x) for x in (0.8, 0.3, 0.05)] == [Severity.ERROR, Severity.WARNING, None]


def test_a_loss_far_above_its_start_has_diverged_however_fast_it_falls(make_trace):
    # Blown up to 1e6 and back to 100: the last doubling of the time takes off nearly all of it.
    losses = np.concatenate([[1.0], np.geomspace(1e6, 100.0, 199)])
    assert course_of(make_trace(losses)).outcome is Outcome.DIVERGED


def test_a_loss_that_is_nearly_back_is_recovering(make_trace):
    losses = np.concatenate([[1.0], np.geomspace(30.0, 3.0, 199)])
    assert course_of(make_trace(losses)).outcome is Outcome.IMPROVING


def test_the_last_draw_of_a_noisy_run_does_not_decide(make_trace):
    rng = np.random.default_rng(0)
    level = 0.3 + 0.05 * rng.standard_normal(200)

    def r_squared(last):
        facts = {"batch_size": 8}
        return course_of(make_trace(np.append(level, last), facts=facts)).r_squared

    assert r_squared(0.1) == pytest.approx(r_squared(0.6), abs=0.02)
    assert r_squared(0.1) == pytest.approx(0.7, abs=0.03)


def test_a_run_of_few_steps_that_still_falls_has_no_symptoms_yet(make_trace):
    assert course_of(make_trace(np.linspace(1.0, 0.6, 40))).severity is None
    assert course_of(make_trace(np.linspace(1.0, 0.9, 60))).severity is Severity.WARNING


def test_targets_that_differ_by_rounding_are_constant(make_trace):
    losses = np.geomspace(0.04, 8e-14, 200)
    trace = make_trace(losses, facts={"baseline_loss": 1e-32}, ending=GAIN_LEFT)
    course = course_of(trace)
    assert (course.outcome, course.r_squared, course.severity) == (Outcome.CONVERGED, None, None)


@pytest.mark.parametrize(("losses", "outcome"), [(6, Outcome.IMPROVING), (7, Outcome.STALLED)])
def test_a_few_losses_alone_are_not_called_flat(losses, outcome, make_trace):
    """The loss at the end is one more: eight tell, where no curvature does."""
    trace = make_trace([0.9] * losses)
    assert course_of(trace).outcome is outcome


def test_a_loss_that_was_recorded_once_says_nothing(make_trace):
    course = course_of(make_trace([0.9], ending={"loss": 0.9}))
    assert (course.outcome, course.severity) == (Outcome.IMPROVING, None)


@pytest.mark.parametrize(
    ("outside", "outcome"),
    [
        (np.linspace(1.0, 0.5, 20), Outcome.IMPROVING),  # one epoch was no better, by chance
        ([*np.linspace(1.0, 0.6, 10), *[0.6] * 10], Outcome.CONVERGED),
        ([*np.linspace(1.0, 0.6, 10), *np.linspace(0.6, 0.8, 10)], Outcome.CONVERGED),
    ],
)
def test_a_run_that_was_stopped_early_while_both_losses_fall_is_not_finished(
    outside, outcome, make_trace
):
    inside = np.linspace(1.0, 0.5, 200)
    series = {"training_loss": inside[::10], "validation_loss": outside}
    trace = make_trace(inside, series=series, ending={"reason": "stopped early"})
    assert course_of(trace).outcome is outcome


@pytest.mark.parametrize(("spread", "outcome"), [(0.0, Outcome.STALLED), (0.1, Outcome.IMPROVING)])
def test_a_run_whose_predictions_do_not_vary_falls_by_noise_alone(
    spread, outcome, curves, make_trace
):
    losses = curves["falling"]  # of batches, seemingly below the baseline
    facts = {"targets": np.array([[0.0], [1.0]] * 5), "baseline_loss": 0.15}
    series = {"prediction_deviation": np.full(20, spread)}
    course = course_of(make_trace(losses, facts=facts, series=series))
    assert course.outcome is outcome
    assert (course.r_squared > 0) is (outcome is Outcome.IMPROVING)


def test_steps_that_normalise_by_their_batch_are_not_the_network_that_predicts():
    layers = [{"units": 8, "activation": "relu", "batch_norm": True}, {"units": 1}]
    run = nndiag.train(
        {
            "dataset": {"name": "sine", "samples": 60},
            "network": {"layers": layers},
            "optimizer": {"name": "adam", "learning_rate": 0.01},
            "training": {"epochs": 40, "batch_size": 6},
        }
    )
    facts, numbers = run.trace.facts, course_of(run.trace).numbers
    whole = run.trace.series["training_loss"].values
    assert not facts.whole_steps
    # the level of the whole network's losses before the end, as for single ones of batches
    assert 1 - numbers["r_squared"] == pytest.approx(whole[-1] / facts.baseline_loss, rel=0.2)
    assert np.mean(run.trace.loss[-50:]) > 1.5 * whole[-1]  # which no R² is of
