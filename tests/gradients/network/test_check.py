"""The check passes what is right, catches what is wrong, and never blames a kink or noise."""

import dataclasses

import numpy as np
import pytest

from nndiag.gradients.network.check import TOLERANCE, check_gradient
from nndiag.gradients.verdict import Verdict
from nndiag.nn.activations import ACTIVATIONS
from nndiag.nn.losses import LOSSES
from nndiag.nn.network import architecture, examples, loss_and_gradient
from tests.combinations import combinations

NAMES = ACTIVATIONS.names()


def case(
    hidden="tanh",
    last="linear",
    *,
    of="mean_squared_error",
    layers=(6, 5),
    outputs=2,
    count=20,
    seed=0,
    zero_biases=False,
):
    rng = np.random.default_rng(seed)
    shape = architecture(
        3, [*((units, hidden) for units in layers), (outputs, last)], loss=LOSSES.get(of)()
    )
    targets = rng.random((count, outputs))
    batch = examples(
        shape, rng.normal(size=(count, 3)), targets / targets.sum(axis=1, keepdims=True)
    )
    parameters = 0.5 * rng.normal(size=shape.size)
    if zero_biases:
        for _, biases in shape.weights_and_biases(parameters):
            biases[:] = 0.0
    return shape, parameters, batch


def verdicts(check):
    return {tensor.name: tensor.verdict for tensor in check.tensors}


def named(check, name):
    return next(tensor for tensor in check.tensors if tensor.name == name)


@pytest.mark.parametrize(
    ("hidden", "last", "of", "zero_biases"),
    combinations(NAMES, NAMES, LOSSES.names(), [True, False]),
)
def test_nndiag_s_own_gradient_is_never_called_wrong(hidden, last, of, zero_biases):
    shape, parameters, batch = case(hidden, last, of=of, zero_biases=zero_biases)
    check = check_gradient(shape, parameters, batch)
    assert check.correct
    assert check.spot_error < 1e-6
    if shape.loss.analytic and all(activation.analytic for activation in shape.activations):
        assert set(verdicts(check).values()) == {Verdict.CORRECT}


def test_every_tensor_is_named_from_the_input_side():
    check = check_gradient(*case())
    assert list(verdicts(check)) == [
        f"layer{layer}.{kind}" for layer in (1, 2, 3) for kind in ("weights", "biases")
    ]
    assert [tensor.size for tensor in check.tensors] == [18, 6, 30, 5, 10, 2]
    assert [tensor.checked for tensor in check.tensors] == [18, 6, 30, 5, 10, 2]


def faulty(shape, gradient, *, layer, part, change):
    """A copy of the gradient with one tensor changed in place."""
    wrong = gradient.copy()
    change(shape.weights_and_biases(wrong)[layer][part])
    return wrong


def flip(tensor):
    tensor *= -1.0


def double(tensor):
    tensor *= 2.0


def drop(tensor):
    tensor[...] = 0.0


def bend_slightly(tensor):
    tensor *= 1 + 3e-5


def swap_elements(tensor):
    tensor[...] = tensor[::-1].copy()


@pytest.mark.parametrize("change", [flip, double, drop, bend_slightly, swap_elements])
@pytest.mark.parametrize("part", [0, 1], ids=["weights", "biases"])
@pytest.mark.parametrize("layer", [0, 1, 2])
@pytest.mark.parametrize("hidden", ["tanh", "relu", "softmax"])
def test_exactly_the_wrong_tensor_is_named(hidden, layer, part, change):
    shape, parameters, batch = case(hidden)
    gradient = loss_and_gradient(shape, parameters, batch)[1]
    wrong = faulty(shape, gradient, layer=layer, part=part, change=change)
    check = check_gradient(shape, parameters, batch, gradient=wrong)
    name = f"layer{layer + 1}." + ("weights", "biases")[part]
    assert not check.correct
    assert [n for n, verdict in verdicts(check).items() if verdict is Verdict.WRONG] == [name]


@pytest.mark.parametrize(("change", "cosine", "scale"), [(flip, -1, -1), (double, 1, 2)])
def test_cosine_and_scale_tell_the_direction_and_the_factor(change, cosine, scale):
    shape, parameters, batch = case()
    gradient = loss_and_gradient(shape, parameters, batch)[1]
    wrong = faulty(shape, gradient, layer=1, part=0, change=change)
    tensor = named(check_gradient(shape, parameters, batch, gradient=wrong), "layer2.weights")
    assert tensor.cosine == pytest.approx(cosine, abs=1e-12)
    assert tensor.scale == pytest.approx(scale, rel=1e-7)
    assert tensor.relative_error == pytest.approx(2.0 if change is flip else 0.5, rel=1e-6)


def test_the_worst_element_is_shown_with_both_values():
    shape, parameters, batch = case()
    gradient = loss_and_gradient(shape, parameters, batch)[1]
    wrong = gradient.copy()
    shape.weights_and_biases(wrong)[1][0][4, 2] += 0.5
    worst = named(check_gradient(shape, parameters, batch, gradient=wrong), "layer2.weights").worst
    right = shape.weights_and_biases(gradient)[1][0][4, 2]
    assert worst.index == (4, 2)
    assert worst.analytic == pytest.approx(right + 0.5)
    assert worst.numeric == pytest.approx(right, abs=1e-8)


@pytest.mark.parametrize("factor", [1e-6, 1e4])
@pytest.mark.parametrize("hidden", ["tanh", "relu"])
@pytest.mark.parametrize("broken", [True, False])
def test_multiplying_the_loss_changes_no_verdict(hidden, factor, broken):
    shape, parameters, batch = case(hidden)
    function = dataclasses.replace(shape.loss, factor=factor * shape.loss.factor)
    scaled = dataclasses.replace(shape, loss=function)
    checks = []
    for each in (shape, scaled):
        gradient = loss_and_gradient(each, parameters, batch)[1]
        if broken:
            gradient = faulty(each, gradient, layer=1, part=0, change=bend_slightly)
        checks.append(check_gradient(each, parameters, batch, gradient=gradient))
    assert verdicts(checks[0]) == verdicts(checks[1])
    for one, two in zip(*(check.tensors for check in checks), strict=True):
        # Errors below the tolerance are rounding and truncation; above, they are the fault.
        assert one.relative_error == pytest.approx(two.relative_error, rel=1e-3, abs=1e-9)


@pytest.mark.parametrize("hidden", ["relu", "leaky_relu"])
def test_units_that_sit_on_their_kink_are_left_out_and_not_blamed(hidden):
    shape, parameters, batch = case(hidden)
    shape.matrices(parameters)[0][:] = 0.0
    check = check_gradient(shape, parameters, batch)
    assert verdicts(check)["layer1.weights"] is Verdict.KINK
    assert named(check, "layer1.weights").kinks == 18
    assert named(check, "layer1.weights").worst is None
    assert check.correct


def test_a_kink_in_reach_of_the_step_is_evaluated_more_closely():
    shape, parameters, batch = case("relu")
    weights, biases = shape.weights_and_biases(parameters)[0]
    # Put one unit a tenth of a step above its kink on one example.
    biases[3] = -(weights[3] @ batch.inputs[:3, 0]) + 6e-7
    check = check_gradient(shape, parameters, batch)
    tensor = named(check, "layer1.biases")
    assert tensor.verdict is Verdict.CORRECT
    assert tensor.kinks == 0


def test_a_wrong_tensor_with_some_kinks_is_still_wrong():
    shape, parameters, batch = case("relu")
    shape.matrices(parameters)[0][2] = 0.0
    gradient = loss_and_gradient(shape, parameters, batch)[1]
    wrong = faulty(shape, gradient, layer=0, part=0, change=double)
    check = check_gradient(shape, parameters, batch, gradient=wrong)
    assert named(check, "layer1.weights").kinks == 3
    assert verdicts(check)["layer1.weights"] is Verdict.WRONG


def tiny_gradient(hidden):
    """A network whose first layer has almost no influence on a loss of the order of 1."""
    shape, parameters, batch = case(hidden, of="mean_absolute_error", outputs=1, layers=(4,))
    shape.matrices(parameters)[1][:, :-1] *= 1e-14
    batch.targets[:] = 5.0  # far from the kink of the loss
    return shape, parameters, batch


def test_a_gradient_below_the_noise_is_undecided_and_not_blamed():
    check = check_gradient(*tiny_gradient("tanh"))
    assert verdicts(check)["layer1.weights"] is Verdict.NOISE
    assert check.correct


@pytest.mark.parametrize("broken", [True, False])
def test_the_complex_step_decides_below_the_noise(broken):
    shape, parameters, batch = case("tanh", of="softmax_cross_entropy")
    shape.matrices(parameters)[2][:, :-1] *= 1e-14
    gradient = loss_and_gradient(shape, parameters, batch)[1]
    if broken:
        gradient = faulty(shape, gradient, layer=0, part=0, change=double)
    tensor = named(check_gradient(shape, parameters, batch, gradient=gradient), "layer1.weights")
    assert tensor.verdict is (Verdict.WRONG if broken else Verdict.CORRECT)
    assert (tensor.complex_error > TOLERANCE) is broken


@pytest.mark.parametrize("scale", [1e-4, 1.0, 300.0])
@pytest.mark.parametrize("hidden", ["tanh", "relu", "sigmoid"])
def test_unscaled_inputs_and_large_weights_do_not_confuse_the_check(hidden, scale):
    shape, parameters, batch = case(hidden)
    batch.inputs[:3] *= scale
    with np.errstate(over="ignore"):
        assert check_gradient(shape, parameters, batch).correct
        assert check_gradient(shape, 8 * parameters, batch).correct


@pytest.mark.parametrize("broken", [True, False])
@pytest.mark.parametrize("scale", [1e8, 1e15, 1e80])
@pytest.mark.parametrize("hidden", ["relu", "leaky_relu"])
def test_inputs_of_any_size_are_decided_without_the_complex_step(hidden, scale, broken):
    shape, parameters, batch = case(hidden, of="huber", zero_biases=True)
    batch.inputs[:3] *= scale
    gradient = loss_and_gradient(shape, parameters, batch)[1]
    if broken:
        gradient = faulty(shape, gradient, layer=0, part=0, change=double)
    verdict = verdicts(check_gradient(shape, parameters, batch, gradient=gradient))
    assert verdict["layer1.weights"] is (Verdict.WRONG if broken else Verdict.CORRECT)


def test_kinks_that_only_larger_steps_reach_prove_nothing():
    # Σ|b − y| over as many targets 0 as 1 has no slope at b = 6.2e-6. The steps of 6e-5 and 6e-4
    # in the sweep reach below b = 0, where it is −1 per target 1, and agree within a tenth.
    shape, parameters, batch = case(of="mean_absolute_error", outputs=1, count=100)
    parameters[:] = 0.0
    parameters[-1] = 6.2e-6
    batch.targets[:] = np.arange(100) % 2
    check = check_gradient(shape, parameters, batch)
    assert verdicts(check)["layer3.biases"] is not Verdict.WRONG


def test_large_steps_that_agree_do_not_overrule_a_finer_one():
    # Logits that differ by x − 5e12. Two of four examples are on the wrong side, one each way, so
    # that the loss of 5e11 has no slope along the biases; but steps beyond 1e6 turn the first over.
    shape, parameters, batch = case("elu", of="softmax_cross_entropy", layers=(1,), count=4)
    parameters[:] = 0.0
    parameters[0] = 1.0
    shape.weights_and_biases(parameters)[1][0][0] = 1.0
    shape.weights_and_biases(parameters)[1][1][1] = 5e12
    batch.inputs[0] = 5e12 + np.array([1e6, -1e12, 1e12, -1e12])
    batch.targets[:] = [[1.0, 0.0, 0.0, 1.0], [0.0, 1.0, 1.0, 0.0]]
    check = check_gradient(shape, parameters, batch)
    assert verdicts(check)["layer2.biases"] is not Verdict.WRONG


def test_steps_do_not_grow_beyond_the_width_of_a_curve():
    # One of two examples sits at z = −3, where softplus has the slope 0.047, the other at 1e22.
    # Steps of 1e16 would see a corner, with a mean slope of ½, and agree on it.
    shape, parameters, batch = case("softplus", of="mean_absolute_error", layers=(1,), count=2)
    parameters[:] = 0.0
    parameters[0], parameters[3] = 1e22, -3.0
    parameters[-4:] = [1.0, 0.0, 0.0, 0.0]
    batch.inputs[:3] = [[0.0, 1.0], [0.0, 0.0], [0.0, 0.0]]
    batch.targets[:] = [[-1.0, -1.0], [1.0, 1.0]]
    check = check_gradient(shape, parameters, batch)
    assert verdicts(check)["layer1.biases"] is not Verdict.WRONG


def test_a_class_that_is_all_but_certain_is_undecided():
    # Both examples are right, by 39 and by 262. The true slope along the second bias is
    # ½(e^−262 − e^−39), but p₂ − 1 of the second example is 0 to the last digit.
    shape, parameters, batch = case("linear", of="softmax_cross_entropy", layers=(), count=2)
    parameters[:] = 0.0
    shape.weights_and_biases(parameters)[0][0][0, 0] = 1.0
    batch.inputs[0] = [262.0, -39.0]
    batch.targets[:] = np.eye(2)
    check = check_gradient(shape, parameters, batch)
    assert verdicts(check)["layer1.biases"] is Verdict.NOISE


def test_a_loss_that_underflows_is_undecided():
    # Logits 178 apart on the right side: the gradient is e^−178, the loss 0 to the last digit.
    shape, parameters, batch = case("leaky_relu", of="softmax_cross_entropy", layers=(4,))
    shape.weights_and_biases(parameters)[1][0][:] = 0.0
    shape.weights_and_biases(parameters)[1][1][:] = [178.0, 0.0]
    batch.targets[:] = [[1.0], [0.0]]
    check = check_gradient(shape, parameters, batch)
    assert verdicts(check)["layer2.biases"] is Verdict.NOISE


def test_a_gradient_is_rightly_zero_where_the_loss_does_not_depend_on_the_tensor():
    shape, parameters, batch = case()
    shape.weights_and_biases(parameters)[2][0][:] = 0.0  # nothing below reaches the output
    tensor = named(check_gradient(shape, parameters, batch), "layer1.weights")
    assert tensor.verdict is Verdict.ZERO
    assert (tensor.relative_error, tensor.cosine, tensor.scale) == (0.0, None, None)


def test_without_time_some_units_stand_for_the_rest():
    shape, parameters, batch = case(layers=(40, 40), count=100)
    check = check_gradient(shape, parameters, batch, seconds=0.0)
    assert [tensor.checked for tensor in check.tensors] == [12, 4, 160, 4, 80, 2]
    assert set(verdicts(check).values()) == {Verdict.CORRECT}


def test_the_same_check_gives_the_same_result():
    assert check_gradient(*case("gelu")) == check_gradient(*case("gelu"))


def test_an_activation_with_the_slope_of_another_is_found_in_its_layer_and_below():
    shape, parameters, batch = case("tanh", layers=(6, 5, 4))
    tanh, sigmoid = (ACTIVATIONS.get(name)() for name in ("tanh", "sigmoid"))
    wrong = dataclasses.replace(tanh, slope=sigmoid.slope)
    mixed = (tanh, wrong, tanh, shape.activations[3])
    check = check_gradient(dataclasses.replace(shape, activations=mixed), parameters, batch)
    found = {name for name, verdict in verdicts(check).items() if verdict is Verdict.WRONG}
    assert found == {f"layer{layer}.{kind}" for layer in (1, 2) for kind in ("weights", "biases")}


def test_a_loss_with_a_wrong_slope_makes_every_tensor_wrong():
    shape, parameters, batch = case("tanh")
    absolute = LOSSES.get("mean_absolute_error")()
    broken = dataclasses.replace(shape.loss, slope=absolute.slope)
    check = check_gradient(dataclasses.replace(shape, loss=broken), parameters, batch)
    assert set(verdicts(check).values()) == {Verdict.WRONG}


def test_where_some_units_stand_for_the_rest_a_direction_covers_the_others():
    shape, parameters, batch = case(layers=(40, 40), count=100)
    gradient = loss_and_gradient(shape, parameters, batch)[1]
    right = check_gradient(shape, parameters, batch, gradient=gradient, seconds=0.0)
    assert [tensor.covered for tensor in right.tensors] == [True, True, True, True, None, None]
    wrong = gradient.copy()
    shape.weights_and_biases(wrong)[1][0][17, 23] *= -1.0
    found = named(
        check_gradient(shape, parameters, batch, gradient=wrong, seconds=0.0), "layer2.weights"
    )
    assert (found.verdict, found.covered) == (Verdict.WRONG, False)
    assert found.worst.index == (17, 23)
