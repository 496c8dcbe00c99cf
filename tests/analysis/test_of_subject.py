"""Curvature and reference fit of a Subject, against the exact answers for networks."""

import numpy as np
import pytest

from nndiag.analysis import curvature
from nndiag.analysis.of_subject import curvature_at, reference_of, stability_of
from nndiag.analysis.reference_fit import reference_fit
from nndiag.experiment import load_experiment
from nndiag.nn.network import examples
from nndiag.nn.optimizers import OPTIMIZERS
from nndiag.remedies.network_subject import NetworkSubject
from nndiag.subject import Capability, Subject, theta_of, vector_of
from nndiag.trace import Facts

SINE = "configs/posts/exploding_sine.yaml"
MOONS = "configs/healthy/circles.yaml"


class Plain(NetworkSubject):
    """The same, of which only loss and gradient are known, as of a program."""

    capabilities = frozenset({Capability.LOSS, Capability.GRADIENT})


def exact_sharpness(subject):
    built = subject.built
    data = examples(built.shape, *built.training)
    found = curvature.sharpness(built.shape, built.parameters, data, tolerance=1e-9, seconds=10.0)
    return found.value


@pytest.mark.parametrize("kind", [NetworkSubject, Plain])
@pytest.mark.parametrize("path", [SINE, MOONS])
def test_the_largest_eigenvalue_is_the_exact_one(kind, path):
    subject = kind(load_experiment(path))
    found = stability_of(subject, tolerance=1e-4)  # its square is the eigenvalue's error
    assert found.sharpness.value == pytest.approx(exact_sharpness(subject), rel=1e-6)
    assert found.limit == pytest.approx(2 / found.sharpness.value)


def test_the_limit_is_that_of_the_optimizer():
    subject = Plain(load_experiment(SINE))
    rule = OPTIMIZERS.get("sgd")(learning_rate=0.1, momentum=0.9)
    found = stability_of(subject, optimizer=rule)
    assert found.limit == pytest.approx(2 * 1.9 / found.sharpness.value)


def test_where_values_are_not_finite_there_is_no_limit():
    subject = Plain(load_experiment(SINE))
    theta = {name: np.full_like(array, np.nan) for name, array in subject.start().items()}
    found = stability_of(subject, theta)
    assert (np.isnan(found.sharpness.value), found.limit) == (True, None)


class Quadratic(Subject):
    """½·Σλᵢθᵢ², seen through its loss and gradient."""

    capabilities = frozenset({Capability.LOSS, Capability.GRADIENT})
    eigenvalues = np.array([[-2.0, 0.0, 1.0], [3.0, 5.0, 8.0]])

    def start(self):
        return {"w": np.arange(1.0, 7.0).reshape(2, 3)}

    def loss_at(self, theta, batch=None):
        return float(0.5 * np.sum(self.eigenvalues * theta["w"] ** 2))

    def gradient_at(self, theta, batch=None):
        return {"w": self.eigenvalues * theta["w"]}


def test_the_spectrum_of_a_quadratic_is_its_own():
    found = curvature_at(Quadratic())
    assert found.exact
    assert (found.smallest, found.largest) == pytest.approx((-2.0, 8.0), rel=1e-8)
    # ½·Σλᵢθᵢ² over the positive ones: ½(1·3² + 3·4² + 5·5² + 8·6²)
    assert found.newton_decrement == pytest.approx(0.5 * (9 + 48 + 125 + 288), rel=1e-6)


@pytest.mark.parametrize("path", [SINE, MOONS])
def test_a_reference_from_values_alone_is_as_good_as_that_of_the_network(path):
    subject = Plain(load_experiment(path))
    built = subject.built
    data = examples(built.shape, *built.training)
    exact = reference_fit(built.shape, {"start": built.parameters}, data, seconds=2.0)
    found = reference_of(subject, evaluations=400)
    assert found.baseline == exact.baseline
    assert found.loss <= 0.01 * found.baseline or found.loss <= 1.5 * exact.loss
    assert found.loss == pytest.approx(
        subject.loss_at(theta_of(found.parameters, subject.start())), rel=1e-9
    )
    assert next(iter(found.losses)) == "start"


def test_a_reference_begins_at_the_end_of_a_run_too():
    subject = Quadratic()
    subject.eigenvalues = np.abs(subject.eigenvalues)
    subject.describe = Facts  # of which nothing is known
    end = {"w": np.full((2, 3), 0.1)}
    found = reference_of(subject, end, evaluations=50)
    assert [*found.losses][:2] == ["end", "start"]
    assert found.loss < 1e-12
    assert found.r_squared is None  # the mean baseline is not known
    assert vector_of(end).shape == found.parameters.shape
