"""False alarms: random runs that learn get no finding of severity error.

`NNDIAG_HEALTHY_RUNS=200 pytest tests/test_diagnosis_of_healthy_runs.py` looks at 200 of them.
Whether a run is healthy is decided without nndiag's verdict: it learned at least half of what the
same network learns from the same start by Adam on all examples.
"""

import os

import numpy as np
import pytest

from nndiag.diagnosis import diagnose
from nndiag.experiment import experiment_of
from nndiag.experiment.building import build
from nndiag.finding import Outcome, Severity
from nndiag.training import train
from nndiag.training.facts import facts_of

RUNS = int(os.environ.get("NNDIAG_HEALTHY_RUNS", "8"))
REFERENCE = {"name": "adam", "learning_rate": 0.01}
ACTIVATIONS = {
    "tanh": ("glorot_uniform", "glorot_normal", "lecun_normal"),
    "relu": ("he_normal", "he_uniform", "glorot_uniform", "lecun_normal"),
    "leaky_relu": ("he_normal", "he_uniform", "lecun_uniform"),
    "elu": ("he_normal", "glorot_uniform", "lecun_normal"),
    "gelu": ("he_normal", "glorot_normal", "lecun_normal"),
    "softplus": ("glorot_uniform", "lecun_normal"),
    "sigmoid": ("glorot_uniform", "glorot_normal", "lecun_normal"),
}
LARGEST_RATE = {"mean_squared_error": 1.0, "mean_absolute_error": 0.1}


def regression(rng, samples):
    data = [
        {
            "name": "sine",
            "inputs": str(rng.choice(["grid", "uniform", "normal"])),
            "noise": float(rng.choice([0, 0.1, 0.5, 1.0])),
        },
        {
            "name": "quadratic_cosine",
            "scale_inputs": "standardize",
            "scale_targets": str(rng.choice(["standardize", "minmax"])),
            "noise": float(rng.choice([0, 1.0])),
        },
        {"name": "linear_doubling", "noise": float(rng.choice([0, 0.1, 0.5]))},
    ]
    losses = ["mean_squared_error", "mean_squared_error", "mean_absolute_error", "huber"]
    output = {"units": 1, "activation": "linear"}
    return {**data[rng.integers(3)], "samples": samples}, output, str(rng.choice(losses))


def classification(rng, samples):
    gate = str(rng.choice(["and", "or", "xor", "nand"]))
    data = [
        {"name": "blobs", "radius": float(rng.choice([0.5, 1, 2, 3]))},
        {"name": "circles", "noise": float(rng.choice([0, 0.1, 0.2]))},
        {"name": "spirals", "turns": 0.5},
        {"name": "logic_gate", "gate": gate, "noise": float(rng.choice([0, 0.2]))},
        {"name": "blobs", "classes": 3, "radius": 2.0, "encoding": "one_hot"},
    ]
    chosen = {**data[rng.integers(5)], "samples": samples}
    if chosen.get("encoding") == "one_hot":
        return chosen, {"units": 3, "activation": "softmax"}, "softmax_cross_entropy"
    loss = str(rng.choice(["binary_cross_entropy", "binary_cross_entropy", "mean_squared_error"]))
    return chosen, {"units": 1, "activation": "sigmoid"}, loss


def random_settings(rng):
    """A network, its data, and a rate below its stability limit."""
    samples = int(rng.choice([40, 100, 200, 400]))
    data, output, loss = (regression, classification)[rng.integers(2)](rng, samples)
    activation = str(rng.choice(list(ACTIVATIONS)))
    depth = 1 if activation == "sigmoid" else int(rng.integers(1, 4))
    hidden = {"units": int(rng.choice([8, 16, 32, 64])), "activation": activation}
    batch = ["full", "full", 32, 8, 1][rng.integers(5)]
    steps = int(rng.choice([1000, 3000])) * (5 if batch == 1 or activation == "sigmoid" else 1)
    settings = {
        "dataset": data,
        "seed": int(rng.integers(10**6)),
        "network": {
            "layers": [hidden] * depth + [output],
            "initializer": str(rng.choice(ACTIVATIONS[activation])),
        },
        "loss": {"name": loss, "reduction": str(rng.choice(["mean", "sum"]))},
        "training": {"steps": steps, "batch_size": batch},
    }
    settings["optimizer"] = random_optimizer(rng, settings, samples=samples, batch=batch)
    return settings


def random_optimizer(rng, settings, *, samples, batch):
    name = str(rng.choice(["sgd", "momentum", "nesterov", "adam", "rmsprop"]))
    if name in ("adam", "rmsprop"):
        return {"name": name, "learning_rate": float(10 ** rng.uniform(-3, -2))}
    momentum = {} if name == "sgd" else {"momentum": 0.9, "nesterov": name == "nesterov"}
    optimizer = {"name": "sgd", "learning_rate": 1.0, **momentum}
    stability_limit = facts_of(
        build(experiment_of({**settings, "optimizer": optimizer}))
    ).stability_limit
    # Absolute and saturating errors have little curvature where they are steep: no guide there.
    largest = LARGEST_RATE.get(settings["loss"]["name"], np.inf) * (1.0 if name == "sgd" else 0.1)
    if settings["loss"]["reduction"] == "sum":
        largest /= samples if batch == "full" else batch
    share = rng.uniform(0.2, 0.7) * {"full": 1.0, 32: 0.5, 8: 0.2, 1: 0.1}[batch]
    return {**optimizer, "learning_rate": float(share * min(stability_limit or np.inf, largest))}


def healthy_trace(index):
    """The first run of a sequence of random ones that learned."""
    for attempt in range(20):
        settings = random_settings(np.random.default_rng([index, attempt]))
        trace = train(build(experiment_of(settings))).trace
        steps = {"steps": 2000, "batch_size": "full"}
        reference = {**settings, "optimizer": REFERENCE, "training": steps}
        reached = train(build(experiment_of(reference))).trace.ending.loss
        baseline = trace.facts.baseline_loss
        if baseline - trace.ending.loss >= 0.5 * (baseline - reached) > 0:
            return trace
    raise AssertionError("twenty runs in a row learned nothing")


@pytest.mark.parametrize("index", range(RUNS))
def test_a_run_that_learned_has_no_error(index):
    trace = healthy_trace(index)
    diagnosis = diagnose(trace)
    errors = [x.message for x in diagnosis.findings if x.severity is Severity.ERROR]
    assert errors == [], trace.facts.settings
    assert diagnosis.outcome is not Outcome.DIVERGED


SCALED = {
    "learns": {"learning_rate": 0.05},
    "learns with momentum": {"learning_rate": 0.02, "momentum": 0.9},
    "diverges": {"learning_rate": 0.9},
    "hardly moves": {"learning_rate": 1e-5},
}


@pytest.mark.parametrize("optimizer", SCALED.values(), ids=SCALED)
def test_a_summed_loss_at_a_rate_as_much_smaller_gets_the_same_verdict(optimizer):
    """128 examples: sum and rate/128 take the same steps as mean and rate, to the last bit."""
    verdicts = []
    for reduction, divisor in (("mean", 1), ("sum", 128)):
        scaled = {**optimizer, "learning_rate": optimizer["learning_rate"] / divisor}
        settings = {
            "dataset": {"name": "sine", "samples": 128},
            "network": {"layers": [{"units": 20, "activation": "tanh"}, {"units": 1}]},
            "loss": {"name": "mean_squared_error", "reduction": reduction},
            "optimizer": {"name": "sgd", **scaled},
            "training": {"steps": 1000},
        }
        diagnosis = diagnose(train(build(experiment_of(settings))).trace)
        cause = None if diagnosis.cause is None else diagnosis.cause.finding.problem
        found = [(x.problem, x.severity, x.layer) for x in diagnosis.findings]
        verdicts.append((diagnosis.outcome, cause, found))
    assert verdicts[0] == verdicts[1]
