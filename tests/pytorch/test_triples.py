"""One network with one data set, as a config, as a numpy program and as a script with torch."""

import sys

import numpy as np
import pytest

import nndiag
from nndiag.experiment.building import build
from nndiag.verbs.target import load_experiment
from tests.pytorch.scripts import run

pytestmark = pytest.mark.torch

NUMPY = """
import numpy as np

data, start = np.load({data!r}), np.load({start!r})
X, Y = data["x"], data["y"]
{labels}
W1, b1, W2, b2 = start["W1"], start["b1"], start["W2"], start["b2"]
{before}
lr = {rate}
for step in range({steps}):
    h = np.tanh(X @ W1 + b1)
    z = h @ W2 + b2
{loss}
    dW2, db2 = h.T @ dz, dz.sum(axis=0)
    dh = dz @ W2.T * (1 - h ** 2)
    dW1, db1 = X.T @ dh, dh.sum(axis=0)
{update}
"""
PLAIN = """    W1 -= lr * dW1
    b1 -= lr * db1
    W2 -= lr * dW2
    b2 -= lr * db2"""
HEAVY = """    vW1, vb1 = 0.9 * vW1 + dW1, 0.9 * vb1 + db1
    vW2, vb2 = 0.9 * vW2 + dW2, 0.9 * vb2 + db2
    W1 -= lr * vW1
    b1 -= lr * vb1
    W2 -= lr * vW2
    b2 -= lr * vb2"""
VELOCITIES = "vW1, vb1, vW2, vb2 = W1 * 0, b1 * 0, W2 * 0, b2 * 0"
SQUARES = """    loss = np.mean((z - Y) ** 2)
    dz = 2 * (z - Y) / z.size"""
LOGISTIC = """    p = 1 / (1 + np.exp(-z))
    loss = -np.mean(Y * np.log(p) + (1 - Y) * np.log(1 - p))
    dz = (p - Y) / p.size"""
CLASSES = """    e = np.exp(z - z.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    loss = -np.sum(T * np.log(p)) / len(X)
    dz = (p - T) / len(X)"""
TORCH = """
import numpy as np
import torch
from torch import nn

data, start = np.load({data!r}), np.load({start!r})
X, Y = torch.tensor(data["x"]), torch.tensor(data["y"])
net = nn.Sequential(nn.Linear({inputs}, {units}), nn.Tanh(), nn.Linear({units}, {outputs})).double()
with torch.no_grad():
    net[0].weight.copy_(torch.tensor(start["W1"].T))
    net[0].bias.copy_(torch.tensor(start["b1"]))
    net[2].weight.copy_(torch.tensor(start["W2"].T))
    net[2].bias.copy_(torch.tensor(start["b2"]))
optimizer = torch.optim.SGD(net.parameters(), lr={rate}, momentum={momentum})
criterion = nn.{criterion}()
for step in range({steps}):
    optimizer.zero_grad()
    loss = criterion(net(X), Y)
    loss.backward()
    optimizer.step()
"""


def regression(rng):
    x = rng.uniform(-2, 2, (60, 1))
    return x, np.sin(2 * x)


def illnesses(rng):
    x = np.column_stack([rng.uniform(20, 80, 80), rng.normal(0, 1, 80)])
    return x, (x[:, :1] + 10 * x[:, 1:] > 50).astype(float)


def clusters(rng):
    labels = rng.integers(0, 3, 90)
    return rng.normal(0, 0.5, (90, 2)) + 2 * np.eye(3)[labels][:, :2], labels


KINDS = {
    "regression": ("mean_squared_error", "linear", SQUARES, "MSELoss"),
    "logistic": ("binary_cross_entropy", "sigmoid", LOGISTIC, "BCEWithLogitsLoss"),
    "classes": ("softmax_cross_entropy", "softmax", CLASSES, "CrossEntropyLoss"),
}
TOO_HIGH, TOO_SMALL = "learning-rate-above-stability-limit", "learning-rate-too-small"


@pytest.mark.parametrize(
    ("kind", "draw", "outputs", "rate", "momentum", "steps", "cause"),
    [
        ("regression", regression, 1, 5.0, 0.0, 300, TOO_HIGH),
        ("regression", regression, 1, 6.0, 0.9, 300, TOO_HIGH),
        ("logistic", illnesses, 1, 1.0, 0.0, 300, "unscaled-inputs"),
        ("classes", clusters, 3, 1e-5, 0.0, 300, TOO_SMALL),
    ],
)
def test_a_config_a_program_and_a_script_are_told_alike(
    tmp_path, kind, draw, outputs, rate, momentum, steps, cause
):
    x, y = draw(np.random.default_rng(0))
    np.savez(tmp_path / "data.npz", x=x, y=y)
    columns = np.eye(outputs)[y] if y.dtype == np.int64 else y
    np.savez(tmp_path / "columns.npz", x=x, y=columns)
    loss, activation, text, criterion = KINDS[kind]
    config = {
        "dataset": {"name": "npz", "path": str(tmp_path / "columns.npz")},
        "network": {
            "layers": [{"units": 12, "activation": "tanh"}, {"units": outputs}],
            "initializer": "glorot_normal",
        },
        "loss": loss,
        "optimizer": {"name": "sgd", "learning_rate": rate, "momentum": momentum},
        "training": {"steps": steps},
    }
    config["network"]["layers"][1]["activation"] = activation
    built = build(load_experiment(config))
    first, last = built.shape.matrices(built.parameters)
    start = {"W1": first[:, :-1].T, "b1": first[:, -1], "W2": last[:, :-1].T, "b2": last[:, -1]}
    np.savez(tmp_path / "start.npz", **start)
    places = {"data": str(tmp_path / "data.npz"), "start": str(tmp_path / "start.npz")}
    program, script = tmp_path / "program.py", tmp_path / "script.py"
    before, update = (VELOCITIES, HEAVY) if momentum else ("", PLAIN)
    labels = "T = np.eye(3)[Y]" if kind == "classes" else ""
    program.write_text(
        NUMPY.format(
            **places,
            rate=rate,
            steps=steps,
            loss=text,
            labels=labels,
            before=before,
            update=update,
        )
    )
    script.write_text(
        TORCH.format(
            **places,
            inputs=x.shape[1],
            units=12,
            outputs=outputs,
            rate=rate,
            momentum=momentum,
            steps=steps,
            criterion=criterion,
        )
    )
    runs = [
        nndiag.train(config),
        nndiag.train(program, plots=False, python=sys.executable),
        run(script),
    ]
    causes = [found.diagnosis.cause.finding.problem for found in runs]
    assert causes == [cause] * 3
    largest = [found.trace.facts.initial_sharpness for found in runs]
    assert largest[1:] == pytest.approx(largest[:1] * 2, rel=1e-6)
