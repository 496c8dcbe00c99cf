"""The check passes what is right, catches what is wrong, and never blames a kink or noise."""

import numpy as np
import pytest

from nndiag.gradients.check import check
from nndiag.gradients.verdict import Verdict
from tests.gradients.hand_written import Network


def verdicts(result):
    return {tensor.name: tensor.verdict for tensor in result}


@pytest.mark.parametrize("name", ["tanh", "relu"])
@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e4])
@pytest.mark.parametrize("seed", range(3))
def test_right_gradients_are_correct_at_any_scale(name, scale, seed):
    net = Network(name, seed=seed)
    gradient = {key: scale * value for key, value in net.gradient().items()}
    result = check(lambda p: scale * net.loss(p), gradient, net.theta)
    assert set(verdicts(result).values()) == {Verdict.CORRECT}
    assert max(tensor.relative_error for tensor in result) < 1e-7


@pytest.mark.parametrize("change", [lambda g: -g, lambda g: 2 * g, lambda g: 0 * g, np.flip])
@pytest.mark.parametrize("tensor", ["W1", "b1", "W2", "b2"])
@pytest.mark.parametrize("name", ["tanh", "relu"])
def test_exactly_the_wrong_tensor_is_named(name, tensor, change):
    net = Network(name)
    result = check(net.loss, net.changed(tensor, change), net.theta)
    assert [one.name for one in result if one.is_wrong] == [tensor]
    assert not result.correct


@pytest.mark.parametrize(("factor", "error"), [(-1.0, 2.0), (2.0, 0.5), (0.5, 0.5)])
def test_cosine_scale_and_error_are_those_of_the_factor(factor, error):
    net = Network()
    found = check(net.loss, net.changed("W1", lambda g: factor * g), net.theta)["W1"]
    assert found.cosine == pytest.approx(np.sign(factor), abs=1e-12)
    assert found.scale == pytest.approx(factor, rel=1e-7)
    assert found.relative_error == pytest.approx(error, rel=1e-6)  # |f − 1| / max(|f|, 1)
    assert found.residual < 1e-7


def test_the_worst_entry_is_shown_with_both_derivatives():
    net = Network()
    gradient = net.gradient()
    right = float(gradient["W1"][1, 4])
    gradient["W1"][1, 4] += 0.5
    worst = check(net.loss, gradient, net.theta)["W1"].worst
    assert worst.index == (1, 4)
    assert worst.analytic == pytest.approx(right + 0.5)
    assert worst.numeric == pytest.approx(right, abs=1e-8)


@pytest.mark.parametrize(
    ("at_zero", "slope"),
    [(0.0, 0.0), (0.0, 1.0), (0.0, 0.5), (1e-7, 1.0), (5e-7, 1.0), (3e-6, 1.0), (-4e-6, 0.0)],
)
def test_a_kink_is_not_held_against_a_gradient(at_zero, slope):
    theta = {"w": np.array([at_zero, 1.0, 2.0, -1.0])}
    gradient = {"w": np.array([slope, 1.0, 1.0, 0.0])}
    assert check(lambda p: np.maximum(p["w"], 0).sum(), gradient, theta).correct
    gradient["w"][1] = -1.0
    assert not check(lambda p: np.maximum(p["w"], 0).sum(), gradient, theta).correct


def test_a_tensor_all_of_kinks_is_undecided():
    result = check(lambda p: np.abs(p["w"]).sum(), {"w": np.full(3, 0.7)}, {"w": np.zeros(3)})
    assert verdicts(result) == {"w": Verdict.KINK}
    assert (result["w"].kinks, result["w"].checked, result["w"].worst) == (3, 0, None)


@pytest.mark.parametrize("seed", range(5))
def test_many_kinks_nearby_are_no_false_alarm(seed):
    net = Network("relu", H=20, B=3000, seed=seed)
    assert check(net.loss, net.gradient(), net.theta).correct


def test_a_gradient_of_dead_units_is_zero():
    net = Network("relu")
    theta = {**net.theta, "b1": np.full(6, -100.0)}
    result = check(net.loss, net.gradient(theta), theta)
    assert verdicts(result) == {
        "W1": Verdict.ZERO,
        "b1": Verdict.ZERO,
        "W2": Verdict.ZERO,  # all activations are zero
        "b2": Verdict.CORRECT,
    }


def test_a_gradient_that_is_zero_and_should_not_be_is_wrong():
    net = Network()
    found = check(net.loss, net.changed("W1", np.zeros_like), net.theta)["W1"]
    assert (found.verdict, found.cosine, found.scale) == (Verdict.WRONG, None, 0.0)


@pytest.mark.parametrize("factor", [1.0, 3.0])
def test_differences_lost_in_rounding_decide_nothing(factor):
    # ε·1e8 / 6e-6 is 4e-3 times as large as any entry, which is 1e-9.
    gradient = {"w": np.full(3, factor * 1e-9)}
    result = check(lambda p: 1e8 + 1e-9 * np.sum(p["w"]), gradient, {"w": np.ones(3)})
    assert verdicts(result) == {"w": Verdict.NOISE}


@pytest.mark.parametrize("broken", [True, False])
def test_the_complex_step_decides_below_the_noise(broken):
    net = Network()
    net.theta["W2"] *= 1e-14
    gradient = net.changed("W1", lambda g: 2 * g) if broken else net.gradient()
    real = check(net.loss, gradient, net.theta)
    both = check(net.loss, gradient, net.theta, analytic=True)
    assert real["W1"].verdict is Verdict.NOISE
    assert both["W1"].verdict is (Verdict.WRONG if broken else Verdict.CORRECT)
    assert (both["W1"].complex_error > 1e-5) is broken


def test_strong_curvature_is_no_kink():
    theta = {"w": np.array([1e-3, 1.0])}
    right = {"w": 2e4 * theta["w"]}
    assert verdicts(check(lambda p: 1e4 * np.sum(p["w"] ** 2), right, theta)) == {
        "w": Verdict.CORRECT
    }
    wrong = {"w": -right["w"]}
    assert not check(lambda p: 1e4 * np.sum(p["w"] ** 2), wrong, theta).correct


@pytest.mark.parametrize("scale", [1e-4, 1.0, 1e3, 1e5])
def test_unscaled_inputs_do_not_confuse_the_check(scale):
    for name in ("tanh", "relu"):
        net = Network(name)
        net.x *= scale
        net.theta["W1"] *= min(1.0, 3 / scale)
        assert verdicts(check(net.loss, net.gradient(), net.theta))["W1"] is Verdict.CORRECT
        wrong = net.changed("W1", lambda g: 1.01 * g)
        assert verdicts(check(net.loss, wrong, net.theta))["W1"] is Verdict.WRONG


def test_a_loss_in_single_precision_is_checked_as_far_as_it_goes():
    net = Network()
    net.x, net.y = net.x.astype(np.float32), net.y.astype(np.float32)
    theta = {name: value.astype(np.float32) for name, value in net.theta.items()}
    right = net.gradient(theta)
    assert check(net.loss, right, theta).correct
    assert not check(net.loss, {**right, "W1": 1.1 * right["W1"]}, theta).correct


def test_single_precision_inside_a_loss_is_noticed_by_its_noise():
    net = Network()

    def loss(p):
        return net.loss({name: value.astype(np.float32) for name, value in p.items()})

    result = check(loss, net.gradient(), net.theta)
    assert result.correct
    assert result.noise > 1e-9  # of float32: 6e-8 of a loss near 2, averaged over 80 errors


def test_few_of_the_entries_of_a_large_tensor_are_compared():
    net = Network(D=100, H=300, B=20)
    net.calls = 0
    result = check(net.loss, net.gradient(), net.theta, most=20)
    assert [tensor.checked for tensor in result] == [20, 20, 20, 2]
    assert [tensor.covered for tensor in result] == [True, True, True, None]
    # Two for each entry, two for a direction of each tensor but b2, nine for the loss and noise.
    assert net.calls == 2 * (20 + 20 + 20 + 2) + 3 * 2 + 9


@pytest.mark.parametrize("name", ["tanh", "relu"])
@pytest.mark.parametrize("seed", range(4))
def test_a_single_wrong_entry_of_a_large_tensor_is_seen(name, seed):
    net = Network(name, D=100, H=300, B=50, seed=seed)
    gradient = net.gradient()
    place = np.unravel_index(np.random.default_rng(seed).integers(30_000), (100, 300))
    gradient["W1"][place] += 0.3 * np.sqrt(np.mean(gradient["W1"] ** 2))
    found = check(net.loss, gradient, net.theta)["W1"]
    assert (found.verdict, found.covered) == (Verdict.WRONG, False)
    assert found.worst.index == tuple(place)


def test_the_factor_that_most_tensors_share_is_found():
    net = Network()
    step = {name: 0.03 * value for name, value in net.gradient().items()}
    assert check(net.loss, step, net.theta, scale=None).scale == pytest.approx(0.03, rel=1e-6)
    step["W1"] *= 40
    result = check(net.loss, step, net.theta, scale=None)
    assert result.scale == pytest.approx(0.03, rel=1e-6)
    assert [tensor.name for tensor in result if tensor.is_wrong] == ["W1"]
    assert result["W1"].scale == pytest.approx(40, rel=1e-6)


def test_the_factor_is_found_where_each_tensor_has_a_wrong_part():
    net = Network()
    step = {name: 0.03 * value for name, value in net.gradient().items()}
    for array in step.values():
        array.flat[0] *= -1
    result = check(net.loss, step, net.theta, scale=None)
    assert result.scale == pytest.approx(0.03, rel=1e-6)
    assert not any(tensor.verdict is Verdict.CORRECT for tensor in result)


def test_a_step_uphill_has_no_positive_factor():
    net = Network()
    step = {name: -0.03 * value for name, value in net.gradient().items()}
    result = check(net.loss, step, net.theta, scale=None)
    assert all(tensor.is_wrong for tensor in result)
    assert all(tensor.cosine == pytest.approx(-1) for tensor in result)


def test_a_gradient_that_is_not_finite_is_wrong():
    net = Network()
    gradient = net.gradient()
    gradient["W2"][3, 1] = np.nan
    found = check(net.loss, gradient, net.theta)["W2"]
    assert (found.verdict, found.relative_error) == (Verdict.WRONG, np.inf)
    assert found.worst.index == (3, 1)


@pytest.mark.parametrize("shape", [(1, 6), (6, 1), (3, 6), ()])
def test_a_gradient_of_another_shape_is_refused(shape):
    net = Network()
    with pytest.raises(ValueError, match=r"gradient of b1 has shape .*, the parameter \(6,\)"):
        check(net.loss, net.changed("b1", lambda _: np.ones(shape)), net.theta)


def test_a_missing_gradient_is_refused_by_name():
    net = Network()
    gradient = net.gradient()
    del gradient["W2"], gradient["b2"]
    with pytest.raises(ValueError, match="no gradient for W2, b2"):
        check(net.loss, gradient, net.theta)


def test_a_loss_that_is_not_finite_is_refused():
    with pytest.raises(ValueError, match="the loss is nan"):
        check(lambda p: p["w"].sum() * np.nan, {"w": np.ones(2)}, {"w": np.ones(2)})


def test_nothing_is_changed():
    net = Network()
    before = {name: value.copy() for name, value in net.theta.items()}
    check(net.loss, net.gradient(), net.theta)
    for name, value in before.items():
        np.testing.assert_array_equal(net.theta[name], value)


def test_the_same_check_gives_the_same_result():
    net = Network("relu", D=30, H=40)
    first, second = (check(net.loss, net.gradient(), net.theta) for _ in range(2))
    assert first == second
