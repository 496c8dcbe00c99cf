"""What is recorded of a script is what it computes: losses, gradients, curvature, its network."""

import numpy as np
import pytest

from nndiag.analysis.curvature import sharpness
from nndiag.errors import UserCodeError
from nndiag.own_program.mirror import mirror_of
from tests.pytorch.scripts import watch

pytestmark = pytest.mark.torch

CHAIN = """
import torch
torch.manual_seed(3)
torch.set_default_dtype(torch.float64)
x = torch.linspace(-2, 2, 40).unsqueeze(1)
y = torch.sin(2 * x)
model = torch.nn.Sequential(torch.nn.Linear(1, 8), torch.nn.Tanh(), torch.nn.Linear(8, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for step in range(30):
    optimizer.zero_grad()
    loss = torch.nn.functional.mse_loss(model(x), y)
    loss.backward()
    optimizer.step()
"""


def told_of(tmp_path, text, **more):
    path = tmp_path / "script.py"
    path.write_text(text, encoding="utf-8")
    return watch(path, **more)


def test_computes_the_same_curvature_by_double_backward_as_numpy(tmp_path):
    told = told_of(tmp_path, CHAIN)
    mirror = mirror_of(told)
    start = mirror.vector(told["copies"][0][1])
    largest = sharpness(mirror.shape, start, mirror.data, tolerance=1e-6).value
    assert told["sharpness"] == pytest.approx(largest, rel=1e-6)


def test_records_losses_and_gradients_of_every_step(tmp_path):
    told = told_of(tmp_path, CHAIN)
    assert told["count"] == len(told["rows"]) == 30
    moved = told["moves"][0]
    # a step of gradient descent is the rate times the gradient
    assert moved == pytest.approx(0.1 * told["rows"][0, 1:])


def test_stops_after_the_steps_that_are_asked_for(tmp_path):
    assert told_of(tmp_path, CHAIN, steps=7)["count"] == 7


def test_other_seeds_start_elsewhere(tmp_path):
    one, other = told_of(tmp_path, CHAIN, steps=1), told_of(tmp_path, CHAIN, steps=1, shift=5)
    starts = [told["copies"][0][1]["model.0.weight"] for told in (one, other)]
    assert not np.array_equal(*starts)


def test_a_script_that_fails_before_its_first_step_tells_its_own_error(tmp_path):
    text = CHAIN.replace("model(x), y", "torch.sigmoid(model(x)).add_(1), y")
    with pytest.raises(UserCodeError, match=r"script.py:12: the program fails by itself"):
        told_of(tmp_path, text)


def test_a_loss_is_taken_before_it_is_scaled_for_mixed_precision(tmp_path):
    scaled = CHAIN.replace(
        "    loss.backward()\n    optimizer.step()\n",
        "    scaler.scale(loss).backward()\n    scaler.step(optimizer)\n    scaler.update()\n",
    ).replace("for step", 'scaler = torch.amp.GradScaler("cpu")\nfor step')
    plain, told = told_of(tmp_path, CHAIN), told_of(tmp_path, scaled)
    assert told["rows"] == pytest.approx(plain["rows"], rel=1e-6)
    assert told["sharpness"] == pytest.approx(plain["sharpness"], rel=1e-9)
    assert any("mixed precision" in note for note in told["notes"])


BY_HAND = """
    model.zero_grad()
    loss = torch.nn.functional.mse_loss(model(x), y)
    loss.backward()
    with torch.no_grad():
        for p in model.parameters():
            p -= 0.1 * p.grad
"""
CLOSURE = """
    def closure():
        optimizer.zero_grad()
        loss = torch.nn.functional.mse_loss(model(x), y)
        loss.backward()
        return loss
    optimizer.step(closure)
"""
ACCUMULATED = """
    loss = torch.nn.functional.mse_loss(model(x), y)
    (loss / 3).backward()
    if step % 3 == 2:
        optimizer.step()
        optimizer.zero_grad()
"""


@pytest.mark.parametrize("way", ["by_hand", "closure", "accumulated"])
def test_sees_steps_however_they_are_made(tmp_path, way):
    head = CHAIN.partition("    optimizer.zero_grad()")[0]
    body = {"by_hand": BY_HAND, "closure": CLOSURE, "accumulated": ACCUMULATED}[way]
    if way == "by_hand":
        head = head.replace("optimizer = torch.optim.SGD(model.parameters(), lr=0.1)", "")
    elif way == "closure":
        head = head.replace("SGD(model.parameters(), lr=0.1)", "LBFGS(model.parameters(), lr=0.1)")
    text = head + body
    told = told_of(tmp_path, text)
    assert told["count"] == (10 if way == "accumulated" else 30)
    assert told["rows"][-1, 0] < told["rows"][0, 0]
    carried = [x["carried"] for x in told["faults"].get("gradient-accumulates", ())]
    assert not any(carried)
    if way == "by_hand":
        assert told["rate"][1] == pytest.approx(0.1)
