"""Every registered loss against formulas of its own and against numeric derivatives."""

from typing import get_args

import numpy as np
import pytest
from scipy import special

from nndiag.nn.activations import ACTIVATIONS
from nndiag.nn.calls import execute, later, now
from nndiag.nn.class_weights import balanced_weights
from nndiag.nn.losses import LOSSES, predictions

STEP = 1e-6  # central differences: truncation h² ≈ 1e-12, rounding 1e-16 / h ≈ 1e-10
OUTPUTS, EXAMPLES = 3, 11


def all_cases():
    """(name, reduction, whether on logits) of every loss."""
    for name in LOSSES.names():
        for reduction in get_args(LOSSES.options(name)["reduction"].annotation):
            yield name, reduction, False
            if LOSSES.get(name)(reduction=reduction).absorbed is not None:
                yield name, reduction, True


CASES = list(all_cases())


def made(name, reduction, logits=False):
    loss = LOSSES.get(name)(reduction=reduction)
    return loss.absorbed if logits else loss


def batch(name, *, logits=False, stack=()):
    """Outputs and targets (…, O, B) inside the loss's domain, away from its kinks."""
    rng = np.random.default_rng(7)
    targets = rng.random((OUTPUTS, EXAMPLES))
    if name == "softmax_cross_entropy":
        targets /= targets.sum(axis=0)
    if name == "binary_cross_entropy" and not logits:
        return rng.uniform(0.05, 0.95, size=(*stack, OUTPUTS, EXAMPLES)), targets
    outputs = 2 * rng.normal(size=(*stack, OUTPUTS, EXAMPLES))
    return (np.abs(outputs) + 0.1 if "logarithmic" in name else outputs), targets


def slope(loss, outputs, targets):
    out = np.empty_like(outputs)
    loss.slope(now, outputs, targets, out)
    return out


def per_element(name, outputs, targets):
    """The textbook loss of each element or example, before the reduction."""
    r = outputs - targets
    if name == "mean_squared_error":
        return r**2
    if name == "mean_absolute_error":
        return np.abs(r)
    if name == "huber":
        return np.where(np.abs(r) <= 1, r**2 / 2, np.abs(r) - 0.5)
    if name == "mean_squared_logarithmic_error":
        return (np.log(1 + outputs) - np.log(1 + targets)) ** 2
    if name == "binary_cross_entropy":
        return -(targets * np.log(outputs) + (1 - targets) * np.log(1 - outputs))
    return -np.sum(targets * special.log_softmax(outputs, axis=-2), axis=-2)


REDUCERS = {
    "mean": np.mean,
    "sum": np.sum,
    "half_mean": lambda values: np.mean(values) / 2,
    "half_sum": lambda values: np.sum(values) / 2,
}


@pytest.mark.parametrize(("name", "reduction", "logits"), CASES)
def test_value_agrees_with_the_textbook(name, reduction, logits):
    loss = made(name, reduction, logits)
    outputs, targets = batch(name, logits=logits)
    probabilities = special.expit(outputs) if logits else outputs
    expected = REDUCERS[reduction](per_element(name, probabilities, targets))
    computed = loss.scale(OUTPUTS, EXAMPLES) * loss.total(outputs, targets)
    assert computed == pytest.approx(expected, rel=1e-13)


@pytest.mark.parametrize(("name", "reduction", "logits"), CASES)
def test_slope_agrees_with_central_differences(name, reduction, logits):
    loss = made(name, reduction, logits)
    outputs, targets = batch(name, logits=logits)
    steps = STEP * np.eye(outputs.size).reshape(-1, *outputs.shape)
    numeric = (loss.total(outputs + steps, targets) - loss.total(outputs - steps, targets)) / (
        2 * STEP
    )
    np.testing.assert_allclose(slope(loss, outputs, targets).ravel(), numeric, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize(("name", "reduction", "logits"), CASES)
def test_slope_of_an_analytic_loss_agrees_with_the_complex_step(name, reduction, logits):
    loss = made(name, reduction, logits)
    if not loss.analytic:
        pytest.skip("has a kink or is clipped")
    outputs, targets = batch(name, logits=logits)
    steps = 1e-20j * np.eye(outputs.size).reshape(-1, *outputs.shape)
    numeric = loss.total(outputs + steps, targets).imag / 1e-20
    np.testing.assert_allclose(
        slope(loss, outputs, targets).ravel(), numeric, rtol=1e-12, atol=1e-15
    )


@pytest.mark.parametrize(("name", "reduction", "logits"), CASES)
def test_bend_agrees_with_central_differences_of_slope(name, reduction, logits):
    loss = made(name, reduction, logits)
    outputs, targets = batch(name, logits=logits)
    along = np.random.default_rng(8).normal(size=outputs.shape)
    high = slope(loss, outputs + STEP * along, targets)
    low = slope(loss, outputs - STEP * along, targets)
    np.testing.assert_allclose(
        loss.bend(outputs, targets, along), (high - low) / (2 * STEP), rtol=1e-6, atol=1e-7
    )


@pytest.mark.parametrize(("name", "reduction", "logits"), CASES)
def test_a_stack_gives_what_its_networks_give_alone(name, reduction, logits):
    loss = made(name, reduction, logits)
    outputs, targets = batch(name, logits=logits, stack=(3,))
    alone = [loss.total(network, targets) for network in outputs]
    np.testing.assert_allclose(loss.total(outputs, targets), alone, rtol=1e-14)
    slopes = [slope(loss, network, targets) for network in outputs]
    np.testing.assert_allclose(slope(loss, outputs, targets), slopes, rtol=1e-14)


@pytest.mark.parametrize(("name", "reduction", "logits"), CASES)
def test_a_planned_slope_does_what_an_immediate_one_does(name, reduction, logits):
    loss = made(name, reduction, logits)
    outputs, targets = batch(name, logits=logits)
    later_outputs, out, plan = np.zeros_like(outputs), np.empty_like(outputs), []
    loss.slope(later(plan), later_outputs, targets, out)
    later_outputs[...] = outputs  # only now, after planning
    execute(plan)
    np.testing.assert_array_equal(out, slope(loss, outputs, targets))


def test_the_delta_of_huber_moves_its_corner():
    loss = LOSSES.get("huber")(delta=0.5, reduction="sum")
    outputs, targets = np.array([[0.25, 2.0]]), np.zeros((1, 2))
    # ½·0.25² + 0.5·(2 − 0.25)
    assert loss.total(outputs, targets) == pytest.approx(0.03125 + 0.875)
    assert slope(loss, outputs, targets).tolist() == [[0.25, 0.5]]


def test_absolute_error_has_slope_zero_where_it_is_met():
    loss = LOSSES.get("mean_absolute_error")()
    assert slope(loss, np.ones((1, 2)), np.ones((1, 2))).tolist() == [[0.0, 0.0]]


@pytest.mark.parametrize("name", [n for n in LOSSES.names() if LOSSES.get(n)().absorbs])
def test_an_absorbed_activation_gives_the_same_loss_and_a_slope_of_p_minus_y(name):
    loss = LOSSES.get(name)()
    on_logits = loss.absorbed or loss
    logits, targets = batch(name, logits=True)
    shares = predictions(ACTIVATIONS.get(loss.absorbs)(), logits)
    np.testing.assert_allclose(slope(on_logits, logits, targets), shares - targets, atol=1e-14)
    np.testing.assert_allclose(predictions(on_logits.link, logits), shares, rtol=1e-14)
    if loss.absorbed is not None:
        assert on_logits.total(logits, targets) == pytest.approx(loss.total(shares, targets))


@pytest.mark.parametrize("name", [n for n in LOSSES.names() if LOSSES.get(n)().absorbs])
@pytest.mark.parametrize("size", [50.0, 800.0])
def test_confident_logits_give_a_finite_loss(name, size):
    loss = LOSSES.get(name)()
    loss = loss.absorbed or loss
    targets = np.array([[1.0, 0.0], [0.0, 1.0]])
    with np.errstate(over="ignore"):
        right = loss.total(size * (2 * targets - 1), targets)
        wrong = loss.total(size * (1 - 2 * targets), targets)
    assert right == pytest.approx(0.0, abs=1e-20)
    # Sigmoids miss by `size` in each of 4 elements, a softmax by 2·size in each of 2 examples.
    assert wrong == pytest.approx(4 * size)


def test_clipped_probabilities_have_no_slope():
    loss = LOSSES.get("binary_cross_entropy")()
    outputs, targets = np.array([[-0.1, 0.0, 1.0, 1.3]]), np.array([[1.0, 1.0, 0.0, 0.0]])
    assert slope(loss, outputs, targets).tolist() == [[0.0] * 4]
    # Each is kept 1e-7 away from the wrong end.
    assert loss.total(outputs, targets) == pytest.approx(-4 * np.log(1e-7))


@pytest.mark.parametrize("name", LOSSES.names())
def test_mean_and_sum_differ_by_the_number_of_elements_or_examples(name):
    mean, total = made(name, "mean"), made(name, "sum")
    count = EXAMPLES if mean.counts == "examples" else OUTPUTS * EXAMPLES
    assert total.scale(OUTPUTS, EXAMPLES) == pytest.approx(count * mean.scale(OUTPUTS, EXAMPLES))


WEIGHTED = [
    ("binary_cross_entropy", False, [0.5, 3.0]),
    ("binary_cross_entropy", True, [0.5, 3.0]),
    ("softmax_cross_entropy", False, [0.5, 3.0, 1.0]),
]


def weighted(name, logits, weights):
    loss = LOSSES.get(name)(class_weights=weights)
    return loss.absorbed if logits else loss


@pytest.mark.parametrize(("name", "logits", "weights"), WEIGHTED)
def test_class_weights_multiply_the_loss_of_each_example(name, logits, weights):
    outputs, targets = batch(name, logits=logits)
    loss = weighted(name, logits, weights)
    if name == "softmax_cross_entropy":
        factor = np.array(weights) @ targets
    else:
        factor = weights[0] * (1 - targets) + weights[1] * targets
    probabilities = special.expit(outputs) if logits else outputs
    expected = factor * per_element(name, probabilities, targets)
    value = loss.total(outputs, targets) * loss.scale(*targets.shape)
    assert value == pytest.approx(expected.mean(), rel=1e-12)


@pytest.mark.parametrize(("name", "logits", "weights"), WEIGHTED)
def test_slope_and_bend_of_a_weighted_loss_agree_with_differences(name, logits, weights):
    outputs, targets = batch(name, logits=logits)
    loss, along = weighted(name, logits, weights), np.random.default_rng(3).normal(size=(3, 11))
    above, below = outputs + STEP * along, outputs - STEP * along
    rise = (loss.total(above, targets) - loss.total(below, targets)) / (2 * STEP)
    assert (slope(loss, outputs, targets) * along).sum() == pytest.approx(rise, rel=1e-7)
    bent = (slope(loss, above, targets) - slope(loss, below, targets)) / (2 * STEP)
    np.testing.assert_allclose(loss.bend(outputs, targets, along), bent, rtol=1e-6, atol=1e-8)
    if loss.analytic:
        tiny = 1e-30
        exact = loss.total(outputs + 1j * tiny * along, targets).imag / tiny
        assert (slope(loss, outputs, targets) * along).sum() == pytest.approx(exact, rel=1e-12)


@pytest.mark.parametrize(("name", "logits", "weights"), WEIGHTED)
def test_no_constant_beats_that_of_a_weighted_loss(name, logits, weights):
    _, targets = batch(name, logits=logits)
    loss = weighted(name, logits, weights)
    best = loss.constant(targets)
    gradient = slope(loss, np.broadcast_to(best, targets.shape).copy(), targets).sum(axis=-1)
    np.testing.assert_allclose(gradient, 0, atol=1e-6)


def test_balanced_weights_let_every_class_count_the_same():
    # 8 of 10 are class 0: 10/(2·8) and 10/(2·2).
    targets = np.array([[0.0]] * 8 + [[1.0]] * 2)
    assert balanced_weights(targets) == pytest.approx([0.625, 2.5])
