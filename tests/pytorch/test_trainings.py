"""Scripts whose steps, optimizers, models or losses are not one of each: what is told is true."""

import numpy as np
import pytest

from nndiag.finding import Outcome, Severity
from nndiag.own_program.run import judged
from tests.pytorch.scripts import run, script_of, watch

pytestmark = pytest.mark.torch

HEAD = """
import torch
from torch import nn
torch.manual_seed(1)
x = torch.linspace(-1, 1, 30).unsqueeze(1)
y = x ** 3
def network():
    return nn.Sequential(nn.Linear(1, 6), nn.Tanh(), nn.Linear(6, 1))
"""
STEP = """
    optimizer.zero_grad()
    loss = nn.functional.mse_loss(model(x), y)
    loss.backward()
    optimizer.step()
"""
ADAM = "optimizer = torch.optim.Adam(model.parameters(), lr=0.02)\n"


@pytest.fixture
def script(tmp_path):
    def written(text):
        path = tmp_path / "script.py"
        path.write_text(HEAD + text, encoding="utf-8")
        return path

    return written


def graver(found):
    return [x.problem for x in found.diagnosis.findings if x.severity is not Severity.NOTE]


def test_a_new_optimizer_for_the_same_model_goes_on_with_the_record(script):
    told = watch(script(f"model = network()\nfor epoch in range(12):\n    {ADAM}{STEP}"))
    assert told["count"] == len(told["rows"]) == 12
    assert told["trainings"] == [12]
    assert told["renewed"] == 11


def test_a_second_model_is_a_training_of_its_own_and_the_one_that_fails_is_told(script):
    text = f"""
model = network()
{ADAM}for step in range(300):{STEP}
model = network()
optimizer = torch.optim.SGD(model.parameters(), lr=4.0)
for step in range(20):{STEP}"""
    path = script(text)
    told = watch(path)
    assert told["trainings"] == [300, told["count"]]
    assert [len(x["rows"]) for x in (*told["earlier"], told)] == told["trainings"]
    chosen = script_of(path)
    assert judged(chosen, told).diagnosis.outcome is Outcome.DIVERGED
    assert chosen.chosen(told)["count"] == told["count"]


def test_a_model_that_is_made_in_each_epoch_is_told_and_made_before_the_loop(script):
    found = run(script(f"for epoch in range(40):\n    model = network()\n    {ADAM}{STEP}"))
    assert graver(found)[0] == "training-starts-anew"
    before, _, loop = found.check.fixed_text.partition("for epoch")
    assert "\nmodel = network()\noptimizer = torch.optim.Adam" in before
    assert "network()" not in loop


def test_a_search_among_rates_is_no_training_that_starts_anew(script):
    text = f"""
for rate in (0.01, 0.02, 0.03):
    model = network()
    optimizer = torch.optim.Adam(model.parameters(), lr=rate)
    for step in range(100):{STEP.replace(chr(10), chr(10) + "    ")}"""
    found = run(script(text))
    assert found.told["trainings"] == [100, 100, 100]
    assert graver(found) == []


@pytest.mark.parametrize(
    "order",
    ["loss.backward()\n    optimizer.zero_grad()\n    optimizer.step()",
     "optimizer.zero_grad()\n    optimizer.step()\n    loss.backward()"],
)  # fmt: skip
def test_steps_without_a_gradient_are_told_and_put_in_order(script, order):
    body = f"    loss = nn.functional.mse_loss(model(x), y)\n    {order}\n"
    found = run(script(f"model = network()\n{ADAM}for step in range(40):\n{body}"))
    assert graver(found)[0] == "parameter-not-trained"
    calls = [x.strip() for x in found.check.fixed_text.splitlines() if x.startswith("    ")][-3:]
    assert calls == ["optimizer.zero_grad()", "loss.backward()", "optimizer.step()"]


def test_weights_of_zero_that_let_no_gradient_through_are_named(script):
    text = f"""
model = nn.Sequential(nn.Linear(1, 6, bias=False), nn.Linear(6, 1, bias=False))
nn.init.zeros_(model[0].weight), nn.init.zeros_(model[1].weight)
{ADAM}for step in range(40):
    x = torch.randn(8, 1)
    y = 2 * x{STEP}"""
    finding = run(script(text)).diagnosis.cause.finding
    assert finding.problem == "parameter-not-trained"
    assert "model.0.weight, model.1.weight start at 0" in finding.message


@pytest.mark.parametrize(("place", "severity"), [("    ", "error"), ("", "note")])
def test_an_error_of_the_script_s_own_is_told_with_its_line(script, place, severity):
    stop = f"{place}if step == 25:\n{place}    raise ValueError('bad shape')\n"
    told = run(script(f"model = network()\n{ADAM}for step in range(26):{STEP}{stop}")).diagnosis
    finding = next(x for x in told.findings if x.problem == "ends-by-its-own-error")
    assert finding.severity == severity
    assert finding.message.endswith("after 26 steps: ValueError: bad shape")


def test_an_error_in_a_function_of_the_training_is_one_of_the_training(script):
    text = f"""
body, calls = network(), []
def model(x):
    calls.append(1)
    return body(x if len(calls) < 9 else x.T)
optimizer = torch.optim.Adam(body.parameters(), lr=0.02)
for step in range(26):{STEP}"""
    assert graver(run(script(text)))[0] == "ends-by-its-own-error"


@pytest.mark.parametrize(
    ("output", "mended"),
    [("torch.softmax(head(x), 0)", "torch.softmax(head(x), 1)"),
     ("nn.Softmax(dim=0)(head(x))", "nn.Softmax(dim=1)(head(x))")],
)  # fmt: skip
def test_a_softmax_over_the_examples_is_turned(script, output, mended):
    text = f"""
head = nn.Linear(1, 3)
optimizer = torch.optim.Adam(head.parameters(), lr=0.02)
for step in range(5):
    optimizer.zero_grad()
    loss = nn.functional.nll_loss(torch.log({output}), torch.arange(30) % 3)
    loss.backward()
    optimizer.step()
"""
    found = run(script(text))
    assert graver(found)[0] == "softmax-over-examples"
    assert mended in found.check.fixed_text


def test_each_optimizer_s_loss_is_its_own(script):
    text = """
one, other = network(), network()
first = torch.optim.SGD(one.parameters(), lr=0.1)
second = torch.optim.SGD(other.parameters(), lr=0.1)
kept = []
for step in range(5):
    a = nn.functional.mse_loss(one(x), y)
    b = nn.functional.mse_loss(other(x), y) + 100
    first.zero_grad(), second.zero_grad()
    a.backward(), b.backward()
    first.step(), second.step()
    kept.append(float(a))
assert all(k < 50 for k in kept)
"""
    told = watch(script(text))
    assert told["count"] == 5
    assert (told["rows"][:, 0] < 50).all()  # without the other's 100
    assert (told["rows"][:, 1:] > 0).all()  # the gradients of both
    assert told["surrogate"] is None


ADVERSARIES = """
maker, judge = network(), network()
first = torch.optim.Adam(maker.parameters(), lr=0.01)
second = torch.optim.Adam(judge.parameters(), lr=0.01)
for step in range(40):
    made = maker(torch.randn(8, 1))
    a = -judge(made).mean()
    first.zero_grad(), a.backward(), first.step()
    b = judge(made.detach()).mean() - judge(torch.randn(8, 1) + 3).mean()
    second.zero_grad(), b.backward(), second.step()
"""
POLICY = """
from torch.distributions import Categorical
model = nn.Sequential(nn.Linear(1, 6), nn.Tanh(), nn.Linear(6, 3))
optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
for episode in range(40):
    policy = Categorical(logits=model(torch.randn(8, 1)))
    action = policy.sample()
    loss = -(policy.log_prob(action) * (action.float() - 1.0) * episode).sum()
    optimizer.zero_grad(), loss.backward(), optimizer.step()
"""


UNDETACHED = ADVERSARIES.replace(".detach()", "").replace(
    "a.backward()", "a.backward(retain_graph=True)"
)
UNDETACHED = UNDETACHED.replace(
    "    b = judge(made)", "    made = maker(torch.randn(8, 1))\n    b = judge(made)"
)


@pytest.mark.parametrize("text", [ADVERSARIES, POLICY, UNDETACHED])
def test_a_loss_that_need_not_fall_is_not_judged(script, text):
    found = run(script(text))
    assert found.diagnosis.outcome is Outcome.UNJUDGED
    assert graver(found) == []


def test_two_optimizers_of_one_loss_are_judged(script):
    text = f"""
model = network()
first = torch.optim.Adam(model[0].parameters(), lr=0.02)
optimizer = torch.optim.Adam(model[2].parameters(), lr=0.02)
for step in range(300):{STEP}    first.step(), first.zero_grad()
"""
    assert run(script(text)).diagnosis.outcome is not Outcome.UNJUDGED


def test_inputs_whose_derivative_the_loss_takes_are_no_parameters(script):
    import torch  # noqa: PLC0415 (only where it is installed)

    text = """
model = network().double()
t = torch.linspace(0, 2, 15).double().unsqueeze(1).requires_grad_()
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
for step in range(30):
    optimizer.zero_grad()
    u = model(t)
    slope = torch.autograd.grad(u, t, torch.ones_like(u), create_graph=True)[0]
    loss = ((slope + u) ** 2).mean()
    loss.backward()
    optimizer.step()
"""
    found = run(script(text))
    assert "parameter-not-trained" not in graver(found)
    told = found.told
    assert {name.partition(".")[0] for name, _, _ in told["tensors"]} == {"model"}
    start = [torch.from_numpy(x) for x in told["copies"][0][1].values()]
    t = torch.linspace(0, 2, 15).double().unsqueeze(1).requires_grad_()

    def loss(vector):
        weights, biases, out, last = vector.split([6, 6, 6, 1])
        hidden = torch.tanh(t @ weights.reshape(1, 6) + biases)
        u = hidden @ out.reshape(6, 1) + last
        slope = torch.autograd.grad(u, t, torch.ones_like(u), create_graph=True)[0]
        return ((slope + u) ** 2).mean()

    hessian = torch.autograd.functional.hessian(loss, torch.cat(start))
    largest = float(torch.linalg.eigvalsh(hessian)[-1])
    assert told["sharpness"] == pytest.approx(largest, rel=1e-6)  # squares of a residual of 1e-4


def test_a_recurrent_state_of_zeros_is_not_taken_for_the_data(script):
    text = """
letters = torch.randint(0, 5, (40, 3))
classes = (letters.float().mean(1) > 2).long()
table = torch.randn(5, 4, requires_grad=True)
inner, hidden, outer = (torch.randn(4, n, requires_grad=True) for n in (4, 4, 2))
optimizer = torch.optim.Adam([table, inner, hidden, outer], lr=0.05)
for step in range(150):
    state = torch.zeros(40, 4)
    for place in range(3):
        state = torch.tanh(state @ hidden + table[letters[:, place]] @ inner)
    optimizer.zero_grad()
    nn.functional.cross_entropy(state @ outer, classes).backward()
    optimizer.step()
"""
    assert graver(run(script(text))) == []


def test_a_module_that_is_only_copied_has_no_parameters_in_the_record(script):
    text = (
        """
layer = nn.TransformerEncoderLayer(4, 2, 8, batch_first=True, dropout=0.0)
model = nn.Sequential(nn.Linear(1, 4), nn.TransformerEncoder(layer, 2), nn.Linear(4, 1))
del layer
"""
        + f"{ADAM}x, y = x.unsqueeze(0), y.unsqueeze(0)\nfor step in range(4):{STEP}"
    )
    names = {name for name, _, _ in watch(script(text))["tensors"]}
    assert {name.partition(".")[0] for name in names} == {"model"}


def test_a_script_s_own_error_comes_before_what_a_second_step_would_show(script):
    text = """
weight = torch.zeros(1, 1, requires_grad=True)
for step in range(9):
    loss = ((x @ weight - y) ** 2).mean()
    loss.backward()
    weight = weight - 0.1 * weight.grad
    weight.grad.zero_()
"""
    cause = run(script(text)).diagnosis.cause
    assert cause.finding.problem == "ends-by-its-own-error"


def test_a_handful_of_a_whole_batch_can_be_learned_whatever_the_layers(script):
    text = """
rnn, head = nn.GRU(1, 8, batch_first=True), nn.Linear(8, 1)
rows, sums = torch.randn(20, 4, 1), torch.randn(20, 1)
optimizer = torch.optim.Adam([*rnn.parameters(), *head.parameters()], lr=0.01)
for step in range(3):
    optimizer.zero_grad()
    loss = nn.functional.mse_loss(head(rnn(rows)[0][:, -1]), sums)
    loss.backward()
    optimizer.step()
"""
    handful = watch(script(text), handful=True)["handful"]
    assert handful["examples"] == 8
    assert handful["left"] < 0.05


def test_batches_that_are_moved_to_a_graphics_card_are_known(script, monkeypatch):
    import torch  # noqa: PLC0415 (only where it is installed)
    from torch.overrides import handle_torch_function, has_torch_function_unary  # noqa: PLC0415

    def cuda(tensor, *args):  # as torch tells of it, without a card
        if has_torch_function_unary(tensor):
            return handle_torch_function(cuda, (tensor,), tensor, *args)
        return tensor.detach().clone()

    monkeypatch.setattr(torch.Tensor, "cuda", cuda)
    text = """
from torch.utils.data import DataLoader, TensorDataset
loader = DataLoader(TensorDataset(x, y), batch_size=10)
model = network()
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
for epoch in range(2):
    for a, b in loader:
        optimizer.zero_grad()
        nn.functional.mse_loss(model(a.cuda()), b.cuda()).backward()
        optimizer.step()
"""
    told = watch(script(text))
    assert (told["batch"], told["whole"]) == (10, False)
    assert told["end"]["targets"].shape == (30, 1)


def test_weights_of_zero_that_are_changed_by_hand_are_no_parameters_left_out(script):
    text = """
inner, outer = torch.zeros(1, 5, requires_grad=True), torch.zeros(5, 1, requires_grad=True)
bias = torch.zeros(1, requires_grad=True)
for step in range(60):
    loss = ((torch.tanh(x @ inner) @ outer + bias - x ** 2) ** 2).mean()
    loss.backward()
    with torch.no_grad():
        for parameter in (inner, outer, bias):
            parameter -= 0.1 * parameter.grad
            parameter.grad.zero_()
"""
    assert "parameter-not-trained" not in graver(run(script(text)))


def test_an_optimizer_is_called_as_elsewhere_so_that_detectors_know_it(script):
    text = (
        """
x = torch.randn(50, 1)
y = 80 * x + 3
model = nn.Linear(1, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=2.5)
"""
        + f"for step in range(20):{STEP}"
    )
    found = run(script(text))
    assert found.trace.facts.optimizer == "sgd"
    # a single layer's steps grow with its targets: these are not why it diverges
    assert graver(found)[0] == "learning-rate-above-stability-limit"


def test_the_time_may_come_first_in_the_inputs(script):
    text = """
inputs = torch.randn(10, 4, 3)  # examples, steps, values
classes = torch.arange(10) % 2
lstm, head = nn.LSTM(3, 5), nn.Linear(5, 2)
optimizer = torch.optim.Adam([*lstm.parameters(), *head.parameters()], lr=0.01)
for step in range(4):
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(head(lstm(inputs.transpose(0, 1))[0][-1]), classes)
    loss.backward()
    optimizer.step()
"""
    found = run(script(text))
    assert found.told["batch"] == 10
    # half of the examples in each of two classes: ln 2
    assert found.trace.facts.baseline_loss == pytest.approx(np.log(2))


def test_batches_are_known_by_the_loader_s_tensors_also_where_they_are_renamed(script):
    text = """
from torch.utils.data import DataLoader, TensorDataset
images = torch.rand(24, 2, 3)
loader = DataLoader(TensorDataset(images), batch_size=8)
model = nn.Sequential(nn.Linear(6, 2), nn.Linear(2, 6))
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
for epoch in range(2):
    for (batch,) in loader:
        flat = batch.view(-1, 6)
        wanted = batch.view(-1, 6)
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(model(flat), wanted)
        loss.backward()
        optimizer.step()
"""
    told = watch(script(text))
    assert told["batch"] == 8
    assert told["end"]["targets"].shape == (24, 6)


def test_the_stability_limit_is_that_of_the_optimizer(script):
    text = """
lstm = nn.LSTM(1, 4, batch_first=True)
optimizer = torch.optim.SGD(lstm.parameters(), lr=0.01, momentum=0.5, nesterov=True)
for step in range(3):
    optimizer.zero_grad()
    loss = (lstm(x.unsqueeze(0))[0][..., :1] - y).pow(2).mean()
    loss.backward()
    optimizer.step()
"""
    found = run(script(text))
    # Nesterov's momentum m: 2 (1 + m) / ((1 + 2 m) λ)
    expected = 2 * 1.5 / (2 * found.told["sharpness"])
    assert found.trace.facts.stability_limit == pytest.approx(expected)


def test_a_loss_that_saturates_at_once_is_computed_again_in_the_script_s_own_precision(script):
    text = """
x = 300 * torch.randn(40, 3) + 500
y = (x[:, :1] > 500).float()
model = nn.Sequential(nn.Linear(3, 1), nn.Sigmoid())
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for step in range(30):
    optimizer.zero_grad()
    loss = nn.functional.binary_cross_entropy(model(x), y)
    loss.backward()
    optimizer.step()
"""
    found = run(script(text))
    assert found.diagnosis.cause.finding.problem == "unscaled-inputs"
    assert found.trace.facts.baseline_loss == pytest.approx(np.log(2), rel=0.05)  # about half each


def test_one_of_several_comparisons_is_not_taken_for_the_whole(script):
    text = """
cell, head = nn.RNNCell(1, 4), nn.Linear(4, 3)
optimizer = torch.optim.Adam([*cell.parameters(), *head.parameters()], lr=0.05)
for step in range(10):
    hidden, loss = torch.zeros(1, 4), 0
    for letter in (0, 1, 2, 1):
        hidden = cell(torch.tensor([[float(letter)]]), hidden)
        loss = loss + nn.functional.cross_entropy(head(hidden), torch.tensor([letter]))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
"""
    assert watch(script(text))["end"] == {}
