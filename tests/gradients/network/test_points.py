"""The check of a config's network at several points."""

import dataclasses

import numpy as np
import pytest

from nndiag.errors import NndiagError
from nndiag.experiment import experiment_of
from nndiag.experiment.building import build
from nndiag.gradients.network.check import check_gradient
from nndiag.gradients.network.points import NetworkCheck, check_network, perturbed
from nndiag.gradients.verdict import Verdict
from nndiag.nn.calls import now
from nndiag.nn.folding import folded, raised
from nndiag.nn.network import examples, forward, loss_and_gradient, workspace


def built(**changed):
    """A sine with a small tanh network; `changed` replaces top-level keys."""
    settings = {
        "name": "sine",
        "dataset": {"name": "sine", "samples": 40},
        "network": {
            "layers": [
                {"units": 6, "activation": "tanh"},
                {"units": 1, "activation": "linear"},
            ]
        },
        "optimizer": {"name": "sgd", "learning_rate": 0.1},
        "training": {"steps": 100},
    }
    return build(experiment_of(settings | changed))


def test_the_gradient_is_checked_at_the_start_beside_it_and_after_some_steps():
    check = check_network(built())
    assert [point.point for point in check.points] == ["initial", "perturbed", "after 20 steps"]
    assert check.correct
    assert check.analytic
    assert check.layout == "1-6-1 tanh linear"
    assert check.skipped == ()


@pytest.mark.parametrize("batch", [1, 7, "full"])
def test_any_batch_size_leads_to_the_third_point(batch):
    check = check_network(built(training={"steps": 100, "batch_size": batch}))
    assert check.points[2].loss != check.points[0].loss


def test_a_run_that_explodes_is_checked_after_fewer_steps():
    check = check_network(built(optimizer={"name": "sgd", "learning_rate": 50.0}))
    assert check.points[2].point == "after 1 step"
    assert check.correct


def test_a_network_that_is_never_finite_has_no_gradient():
    layers = [{"units": 1, "activation": "linear", "weights": [[1e200]]}]
    with pytest.raises(NndiagError, match="not finite at the initial weights"):
        check_network(built(network={"layers": layers}))


def test_the_same_config_gives_the_same_check():
    assert check_network(built()) == check_network(built())


def test_the_perturbed_point_has_biases_and_breaks_symmetry():
    shape = built().shape
    moved = perturbed(shape, np.zeros(shape.size), np.random.default_rng(0))
    assert np.unique(moved).size == shape.size


def with_verdicts(check, name, verdicts, errors):
    """The check with one tensor's verdict and error at each point replaced."""
    points = []
    for point, verdict, error in zip(check.points, verdicts, errors, strict=True):
        tensors = tuple(
            dataclasses.replace(tensor, verdict=verdict, relative_error=error)
            if tensor.name == name
            else tensor
            for tensor in point.tensors
        )
        points.append(dataclasses.replace(point, tensors=tensors))
    return dataclasses.replace(check, points=tuple(points))


CASES = [
    # verdicts at the three points, errors there, the verdict that counts, the point it is from
    ((Verdict.CORRECT, Verdict.WRONG, Verdict.CORRECT), (0.0, 0.5, 0.0), Verdict.WRONG, 1),
    ((Verdict.NOISE, Verdict.CORRECT, Verdict.KINK), (0.9, 1e-9, 0.0), Verdict.CORRECT, 1),
    ((Verdict.CORRECT, Verdict.CORRECT, Verdict.CORRECT), (1e-9, 1e-8, 1e-10), Verdict.CORRECT, 1),
    ((Verdict.KINK, Verdict.NOISE, Verdict.KINK), (0.0, 0.9, 0.0), Verdict.NOISE, 1),
]


@pytest.mark.parametrize(("verdicts", "errors", "expected", "place"), CASES)
def test_a_tensor_is_shown_where_it_matters_most(verdicts, errors, expected, place):
    check: NetworkCheck = with_verdicts(check_network(built()), "layer1.weights", verdicts, errors)
    tensor, point = check.tensors()[0]
    assert tensor.verdict is expected
    assert point is check.points[place]
    assert check.correct is (expected is not Verdict.WRONG)


def normalised(hidden="tanh"):
    layers = [
        {"units": 6, "activation": hidden, "batch_norm": True},
        {"units": 4, "activation": hidden, "batch_norm": True},
        {"units": 1, "activation": "linear"},
    ]
    return built(network={"layers": layers}, training={"steps": 100, "batch_size": 10})


@pytest.mark.parametrize("hidden", ["tanh", "relu", "sigmoid"])
def test_a_normalised_network_is_checked_as_its_steps_see_it(hidden):
    """β and γ are tensors of their own, and the batch's mean and variance move with the weights."""
    check = check_network(normalised(hidden))
    assert check.correct
    names = [tensor.name for tensor, _ in check.tensors()]
    assert names == [
        "layer1.weights", "layer1.biases", "layer1.gains",
        "layer2.weights", "layer2.biases", "layer2.gains",
        "layer3.weights", "layer3.biases",
    ]  # fmt: skip
    assert all(tensor.relative_error < 1e-5 for tensor, _ in check.tensors())


def test_a_gradient_that_takes_the_statistics_for_constants_is_wrong():
    """What a backward pass gives that forgets the means over the batch: γ/√(σ² + ε)·∂ℓ/∂u."""
    network = normalised()
    shape = network.shape.in_training
    point = perturbed(shape, raised(network.shape, network.drawn), np.random.default_rng(0))
    data = examples(shape, *network.training)
    space = workspace(shape, data)
    forward(now, shape, shape.matrices(point), space)
    right = loss_and_gradient(shape, point, data)[1]
    _, without = loss_and_gradient(network.shape, folded(network.shape, point, data), data)
    forgetful = right.copy()
    factor = shape.matrices(point)[0][:, -1:] / space.normal[0].spread
    inner = network.shape.matrices(without)[0][:, :1]
    shape.matrices(forgetful)[0][:, :1] = factor * inner
    check = check_gradient(shape, point, data, gradient=forgetful)
    assert [x.name for x in check.tensors if x.is_wrong] == ["layer1.weights"]
