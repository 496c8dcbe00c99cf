"""The check from values of the loss alone, for every activation and loss, right and broken."""

import numpy as np
import pytest

from nndiag.gradients.check import check
from nndiag.gradients.network.check import places_of
from nndiag.gradients.verdict import Verdict
from nndiag.nn.activations import ACTIVATIONS
from nndiag.nn.losses import LOSSES
from nndiag.nn.network import architecture, examples, loss, loss_and_gradient


class Case:
    """A network of which only the loss at parameters and one gradient are known."""

    def __init__(self, hidden, last, of, *, inputs):
        rng = np.random.default_rng(0)
        self.shape = architecture(3, [(5, hidden), (4, hidden), (2, last)], loss=LOSSES.get(of)())
        targets = rng.random((20, 2))
        self.data = examples(
            self.shape,
            inputs * rng.normal(size=(20, 3)),
            targets / targets.sum(axis=1, keepdims=True),
        )
        self.parameters = 0.5 * rng.normal(size=self.shape.size)
        self.places = places_of(self.shape)
        self.theta = self.named(self.parameters)

    def named(self, parameters):
        return {name: parameters[places] for name, places in self.places.items()}

    def loss(self, theta):
        parameters = np.empty(self.shape.size)
        for name, places in self.places.items():
            parameters[places] = theta[name]
        return float(loss(self.shape, parameters, self.data))

    def gradient(self):
        return self.named(loss_and_gradient(self.shape, self.parameters, self.data)[1])


UNSCALED = [(hidden, inputs) for hidden in ("tanh", "relu") for inputs in (1e-3, 1e3)]


@pytest.mark.parametrize(
    ("hidden", "inputs"), [*((name, 1.0) for name in ACTIVATIONS.names()), *UNSCALED]
)
@pytest.mark.parametrize("of", LOSSES.names())
def test_right_gradients_are_never_wrong_and_broken_ones_never_right(of, hidden, inputs):
    case = Case(hidden, "tanh", of, inputs=inputs)
    gradient = case.gradient()
    right = check(case.loss, gradient, case.theta)
    assert right.correct
    rng = np.random.default_rng(1)
    for name in ("layer1.weights", "layer2.biases", "layer3.weights"):
        blurred = gradient[name] * (1 + 0.01 * rng.normal(size=gradient[name].shape))
        found = check(case.loss, {**gradient, name: blurred}, case.theta)
        if right[name].verdict is Verdict.CORRECT:
            assert [tensor.name for tensor in found if tensor.is_wrong] == [name]
        else:
            assert found[name].verdict is not Verdict.CORRECT or right[name].kinks
