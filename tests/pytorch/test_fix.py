"""Scripts are fixed by the smallest change of their text; their gradients are checked."""

import json

import pytest

from nndiag.own_program.fix import fix_program
from nndiag.pytorch.sweep import SweptScript
from tests.pytorch.scripts import SCRIPTS, InProcess, path_of, run, script_of

pytestmark = pytest.mark.torch


def changed(diff):
    return [line[1:].strip() for line in diff.splitlines()[2:] if line[:1] == "+"]


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("broken/eval_mode_left_on", ["model.train()"]),
        ("broken/loss_detached", ["loss = loss"]),
        ("broken/rate_too_high", ["xx = (xx - xx.mean(0)) / (xx.std(0) + 1e-8)"]),
        (
            "broken/head_not_in_optimizer",
            ["optimizer = torch.optim.SGD(model.parameters(), lr=0.2)"],
        ),
    ],
)
def test_fixes_a_script_by_the_smallest_change_over_seeds(name, lines):
    path = SCRIPTS / f"{name}.py"
    found = fix_program(run(path), script_of(path))
    assert changed(found.diff) == lines
    assert found.winner.r_squared > 0.9
    assert min(found.others) > 0.8 * found.winner.r_squared


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("broken/root_of_zero", ["dist = torch.sqrt(((a - b) ** 2).sum(dim=1) + 1e-8)"]),
        (
            "kept/optimizer_before_model",
            ["optimizer = optim.Adam(model.parameters(), lr=0.01)"],
        ),
        ("kept/never_stepped", ["optimizer.step()"]),
    ],
)
def test_fixes_what_was_measured(name, lines):
    path = path_of(name)
    assert changed(fix_program(run(path), script_of(path)).diff) == lines


NO_GRADIENT = """
import torch
from torch import nn
torch.manual_seed(0)
x = torch.linspace(-1, 1, 60).unsqueeze(1)
y = torch.sin(3 * x)
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body, self.head = nn.Linear(1, 20), nn.Linear(20, 1)
    {decorator}
    def forward(self, x):
        return self.head(torch.tanh(self.body(x)))
net = Net()
optimizer = torch.optim.Adam(net.parameters(), lr=0.02)
for epoch in range(200):
    optimizer.zero_grad()
    with {context}:
        out = net(x)
    loss = nn.functional.mse_loss(out, y).requires_grad_()
    loss.backward()
    optimizer.step()
"""
CHOSEN = """
import torch
from torch import nn
torch.manual_seed(0)
x = torch.randn(200, 2)
kinds = (x[:, 0] > 0).long() + (x[:, 1] > 0).long()
net = nn.Sequential(nn.Linear(2, 16), nn.ReLU(), nn.Linear(16, 3))
optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
for epoch in range(150):
    out = net(x)
    chosen = {chosen}
    loss = nn.functional.mse_loss(chosen.float(), kinds.float())
    loss.requires_grad = True
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
"""


@pytest.mark.parametrize("chosen", ["torch.max(out, 1)[1]", "out.argmax(dim=1)"])
def test_a_loss_of_chosen_classes_becomes_one_of_the_scores(tmp_path, chosen):
    path = tmp_path / "script.py"
    path.write_text(CHOSEN.format(chosen=chosen), encoding="utf-8")
    found = run(path)
    finding = found.diagnosis.cause.finding
    assert (finding.problem, finding.line) == ("loss-not-connected", 12)
    fixed = fix_program(found, script_of(path))
    assert changed(fixed.diff) == ["loss = torch.nn.functional.cross_entropy(out, kinds)"]
    assert "-    loss.requires_grad = True" in fixed.diff


SIGNS = """
import torch
from torch import nn
torch.manual_seed(0)
x = torch.randn(90, 2)
kinds = (x[:, 0] > 0).long() + (x[:, 1] > 0).long()
net = nn.Sequential(nn.Linear(2, 16), nn.ReLU(), nn.Linear(16, 3))
optimizer = torch.optim.Adam(net.parameters(), lr=0.02)
for epoch in range(150):
    out = net(x)
    loss = {loss}
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
"""
NETWORK = "net = nn.Sequential(nn.Linear(2, 16), nn.ReLU(), nn.Linear(16, 3))"
ENTROPY = "nn.functional.cross_entropy(out, kinds)"


@pytest.mark.parametrize(
    ("loss", "right"),
    [
        (f"-{ENTROPY}", ENTROPY),
        (f"0.1 - {ENTROPY}", f"0.1 + {ENTROPY}"),
        (f"-3 * {ENTROPY}", f"3 * {ENTROPY}"),
        ("nn.functional.nll_loss(out, kinds)", ENTROPY),
    ],
)
def test_a_loss_without_bound_gets_the_other_sign_or_takes_raw_outputs(tmp_path, loss, right):
    path = tmp_path / "script.py"
    path.write_text(SIGNS.format(loss=loss), encoding="utf-8")
    found = run(path)
    finding = found.diagnosis.cause.finding
    assert (finding.problem, finding.line) == ("loss-without-bound", 11)
    fixed = fix_program(found, script_of(path))
    assert changed(fixed.diff) == [f"loss = {right}"]


@pytest.mark.parametrize("way", ["{}.item()", "{}.detach().numpy()", "{}.data.tolist()"])
def test_all_that_cuts_a_loss_off_is_left_out(tmp_path, way):
    path = tmp_path / "script.py"
    loss = f"torch.tensor({way.format(ENTROPY)}, requires_grad=True)"
    path.write_text(SIGNS.format(loss=loss), encoding="utf-8")
    assert "requires_grad" not in script_of(path).gradient_check().fixed_text


def test_a_model_that_is_made_anew_beside_its_optimizer_is_made_once(tmp_path):
    path = tmp_path / "script.py"
    text = SIGNS.format(loss=ENTROPY).replace(
        "    out = net(x)\n", f"    {NETWORK}\n    out = net(x)\n"
    )
    path.write_text(text, encoding="utf-8")
    found = run(path)
    assert found.diagnosis.cause.finding.problem == "parameter-not-trained"
    fixed = fix_program(found, script_of(path))
    assert changed(fixed.diff) == []
    assert f"-    {NETWORK}" in fixed.diff


def test_a_divergence_of_the_wrong_sign_is_turned(tmp_path):
    path = path_of("broken/divergence_subtracted")
    fixed = fix_program(run(path), script_of(path))
    assert changed(fixed.diff)[0].startswith("divergence = -0.5 * torch.sum(")


def test_an_output_that_gives_nothing_below_zero_loses_its_activation(tmp_path):
    path = tmp_path / "script.py"
    text = path_of("broken/sigmoid_output").read_text(encoding="utf-8")
    path.write_text(text.replace("torch.sigmoid(", "torch.relu("), encoding="utf-8")
    found = run(path)
    assert found.diagnosis.cause.finding.problem == "targets-outside-output-range"
    assert changed(fix_program(found, script_of(path)).diff) == ["x = self.predict(x)"]


PLAIN = "torch.autograd.profiler.record_function('forward')"


@pytest.mark.parametrize(
    ("decorator", "context", "line"),
    [
        ("", "torch.no_grad()", "with torch.enable_grad():"),
        ("", "torch.set_grad_enabled(False)", "with torch.set_grad_enabled(True):"),
        ("@torch.no_grad()", PLAIN, "@torch.enable_grad()"),
    ],
)
def test_a_forward_pass_without_gradients_gets_them(tmp_path, decorator, context, line):
    path = tmp_path / "script.py"
    path.write_text(NO_GRADIENT.format(decorator=decorator, context=context), encoding="utf-8")
    found = run(path)
    assert found.diagnosis.cause.finding.problem == "loss-not-connected"
    assert found.diagnosis.cause.finding.replacement == line
    fixed = fix_program(found, script_of(path))
    assert changed(fixed.diff) == [line]
    assert fixed.winner.r_squared > 0.9


def test_a_fault_of_a_script_that_trains_is_mended_too(tmp_path):
    path, text = tmp_path / "script.py", path_of("healthy/classifier").read_text(encoding="utf-8")
    path.write_text(text.replace("        net.train()\n", ""), encoding="utf-8")
    found = run(path)
    assert found.diagnosis.cause is None  # it trains
    assert [x.problem for x in found.check.findings] == ["wrong-mode"]
    fixed = fix_program(found, script_of(path))
    assert not fixed.healthy
    assert changed(fixed.diff) == ["net.train()"]


def test_a_healthy_script_needs_no_change():
    path = path_of("healthy/classifier")
    assert fix_program(run(path), script_of(path)).healthy


def test_layers_without_biases_get_them(tmp_path):
    path = tmp_path / "script.py"
    path.write_text(
        """
import torch
torch.manual_seed(0)
x = torch.linspace(-1, 1, 60).reshape(-1, 1)
y = 3 * x + 5
model = torch.nn.Linear(1, 1, bias=False)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for step in range(300):
    optimizer.zero_grad()
    loss = torch.nn.functional.mse_loss(model(x), y)
    loss.backward()
    optimizer.step()
""",
        encoding="utf-8",
    )
    assert run(path).diagnosis.cause.finding.problem == "missing-biases"
    found = fix_program(run(path), script_of(path))
    assert changed(found.diff) == ["model = torch.nn.Linear(1, 1, bias=True)"]


def test_tells_where_a_schedule_is_stepped_and_where_it_belongs():
    path = path_of("broken/schedule_each_batch")
    found = run(path)
    assert found.diagnosis.cause.finding.problem == "rate-decays-too-early"
    assert found.check.fixed_text.count("\n    scheduler.step()\n") == 1


FUNCTION = """
import torch
class Own(torch.autograd.Function):
    @staticmethod
    def forward(ctx, {arguments}):
        out = {forward}
        ctx.save_for_backward({arguments}, out)
        return out
    @staticmethod
    def backward(ctx, grad):
        {arguments}, out = ctx.saved_tensors
        return {backward}
torch.manual_seed(0)
x = torch.randn(20, 3)
net = torch.nn.Linear(3, 4)
second = torch.randn(4, 2, requires_grad=True)
optimizer = torch.optim.SGD([*net.parameters(), second], lr=0.01)
for step in range(3):
    loss = (Own.apply({call}) - 1).pow(2).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
"""
ONE, TWO = {"arguments": "a", "call": "net(x)"}, {"arguments": "a, b", "call": "net(x), second"}


@pytest.mark.parametrize(
    ("forward", "backward", "due", "more"),
    [
        ("torch.tanh(a)", "grad * (1 - a ** 2)", "grad * (1 - out ** 2)", ONE),
        ("a ** 2", "grad * a", "2 * grad * a", ONE),
        ("a.clamp(min=0)", "grad", "grad * (a > 0)", ONE),
        ("torch.sin(a)", "-grad * torch.cos(a)", "grad * torch.cos(a)", ONE),
        ("torch.erf(a)", "grad", "", ONE),
        ("a @ b", "grad @ b.t(), 3 * a.t() @ grad", "a.t() @ grad", TWO),
    ],
)
def test_writes_what_a_backward_is_to_return(tmp_path, forward, backward, due, more):
    path = tmp_path / "script.py"
    path.write_text(FUNCTION.format(forward=forward, backward=backward, **more), encoding="utf-8")
    check = script_of(path).gradient_check()
    assert check.findings[0].problem == "wrong-autograd-function"
    lines = (check.fixed_text or "").splitlines()
    assert bool(lines) is bool(due)
    assert not due or any(x.startswith("        return") and x.endswith(due) for x in lines)


def test_fixes_a_wrong_function():
    path = SCRIPTS / "broken" / "wrong_function.py"
    found = fix_program(run(path), script_of(path))
    assert changed(found.diff)[0].startswith("return grad_output * ")
    assert min(found.others) > 0.9


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("healthy/custom_function", set()),
        ("healthy/classifier", set()),
        ("broken/missing_zero_grad", {"hidden.weight", "hidden.bias", "out.weight", "out.bias"}),
        (
            "broken/wrong_function",
            {"linear1.weight", "linear1.bias", "linear2.weight", "linear2.bias"},
        ),
    ],
)
def test_checks_the_gradient_of_a_step_against_differences_of_the_loss(name, wrong):
    path = SCRIPTS / f"{name}.py"
    check = script_of(path).gradient_check()
    assert {x.name for x in check.tensors if str(x.verdict) == "wrong"} == wrong
    assert check.correct is not bool(wrong)


@pytest.mark.parametrize("kind", ["script", "notebook"])
def test_trains_a_script_at_other_rates_for_a_sweep(tmp_path, kind):
    path = SCRIPTS / "healthy" / "regression.py"
    if kind == "notebook":
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        cell = {"cell_type": "code", "metadata": {}, "source": lines, "outputs": []}
        path = tmp_path / "lesson.ipynb"
        path.write_text(json.dumps({"cells": [cell], "nbformat": 4}), encoding="utf-8")
    script = SweptScript(InProcess(path), path.name)
    assert (script.setting, script.rate) == ("lr", 0.05)
    still = script.losses(0.05e-12, shift=0, iterations=3)
    assert still[2] == pytest.approx(still[0], rel=1e-6)
    assert script.losses(0.05, shift=0, iterations=3)[2] < still[2]
