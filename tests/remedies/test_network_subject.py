"""The network of a config as a Subject."""

import numpy as np
import pytest

from nndiag.experiment import load_experiment
from nndiag.gradients.differences import FunctionDifferences
from nndiag.gradients.hessian import differenced_products
from nndiag.gradients.of_subject import check_subject, differences_of
from nndiag.gradients.verdict import Verdict
from nndiag.remedies.network_subject import NetworkSubject
from nndiag.subject import Capability, Subject, vector_of
from nndiag.trace.recorder import TraceRecorder
from nndiag.training.trainer import train

CONFIGS = ("configs/posts/exploding_sine.yaml", "configs/healthy/circles.yaml")


@pytest.fixture(params=CONFIGS)
def subject(request):
    return NetworkSubject(load_experiment(request.param))


def test_it_is_a_subject_that_can_give_everything(subject):
    typed: Subject = subject
    assert typed.capabilities >= set(Capability) - {Capability.ANALYTIC}


def test_its_own_gradient_is_correct(subject):
    rng = np.random.default_rng(0)  # beside the start, where symmetry makes biases' gradients zero
    theta = {
        name: array + 0.1 * rng.normal(size=array.shape) for name, array in subject.start().items()
    }
    result = check_subject(subject, theta)
    assert {tensor.verdict for tensor in result} == {Verdict.CORRECT}
    assert [tensor.name for tensor in result] == [*subject.start()]
    assert all(tensor.checked + tensor.kinks == tensor.size for tensor in result)


def test_its_fast_differences_are_those_of_its_loss(subject):
    theta = subject.start()
    fast = differences_of(subject, theta)
    slow = FunctionDifferences(subject.loss_at, theta)
    assert fast.value == pytest.approx(slow.value, rel=1e-14)
    for name, array in theta.items():
        some = np.arange(min(array.size, 10))
        one, other = fast.central(name, some), slow.central(name, some)
        noise = one.noise + other.noise + 1e-9 * np.linalg.norm(other.values)
        assert (np.abs(one.values - other.values) <= noise).all()


def test_some_examples_have_a_loss_and_a_gradient_of_their_own(subject):
    theta, batch = subject.start(), np.array([3, 5, 8])
    result = check_subject(subject, theta, batch=batch)
    assert result.correct
    assert result.loss == subject.loss_at(theta, batch) != subject.loss_at(theta)


def test_its_products_are_differences_of_its_gradient(subject):
    theta = subject.start()
    exact, near = subject.curvature_at(theta), differenced_products(subject.gradient_at, theta)
    direction = np.random.default_rng(0).normal(size=len(vector_of(theta)))
    image = exact(direction)
    assert np.linalg.norm(near(direction) - image) < 1e-6 * np.linalg.norm(image)


def test_a_run_is_that_of_the_trainer(subject):
    recorder = TraceRecorder(layers=subject.built.layer_names)
    run = subject.run(recorder, until=7)
    trace = recorder.trace()
    assert trace.steps == 7
    assert trace.loss[0] == pytest.approx(subject.loss_at(subject.start()), rel=1e-12) or (
        subject.built.batch_size is not None
    )
    assert run.ending.loss == pytest.approx(subject.loss_at(run.theta), rel=1e-12)
    whole = train(subject.built).trace
    np.testing.assert_array_equal(whole.loss[:7], trace.loss)


def test_activations_lead_from_layer_to_layer(subject):
    theta = subject.start()
    first, second = subject.units_at(theta)[:2]
    inputs = subject.describe().inputs
    by_hand = inputs @ theta["layer1.weights"].T + theta["layer1.biases"]
    np.testing.assert_allclose(first.pre_activations, by_hand, rtol=1e-12, atol=1e-12)
    after = first.activations @ theta["layer2.weights"].T + theta["layer2.biases"]
    np.testing.assert_allclose(second.pre_activations, after, rtol=1e-12, atol=1e-12)


def test_edits_are_remedies_with_their_diff():
    subject = NetworkSubject(load_experiment("configs/posts/exploding_sine.yaml"))
    edits = {edit.name: edit for edit in subject.edits()}
    lower = edits["rate-below-limit"]
    before, after = (line for line in lower.diff.splitlines()[2:] if line[0] in "+-")
    rate = lower.change["optimizer"]["learning_rate"]
    assert before.startswith("-optimizer: {name: sgd, learning_rate: 0.2,")
    assert after == f"+{before[1:]}".replace("learning_rate: 0.2,", f"learning_rate: {rate},")
    again = subject.edited(lower)
    assert again.built.optimizer.learning_rate < 0.2
    assert subject.built.optimizer.learning_rate == 0.2
