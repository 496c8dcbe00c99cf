"""Data are standardized where they are complete and not yet dealt out, test data by the same."""

import pytest

from nndiag.own_program.setting_edit import edited
from nndiag.program.text.source import Source
from nndiag.pytorch.edits import ScriptEditor
from tests.pytorch.scripts import watch

pytestmark = pytest.mark.torch

HEAD = """
import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
torch.manual_seed(0)
size = np.random.default_rng(0).uniform(300, 3000, (60, 2))
cost = 0.002 * size[:, :1] - 0.001 * size[:, 1:]
"""
NET = "net = nn.Sequential(nn.Linear(2, 4), nn.Tanh(), nn.Linear(4, 1))\n"
OPT = "optimizer = torch.optim.SGD(net.parameters(), lr=0.05)\n"
TENSORS = """
x, x_test = torch.tensor(size[:40]).float(), torch.tensor(size[40:]).float()
y, y_test = torch.tensor(cost[:40]).float(), torch.tensor(cost[40:]).float()
"""
FUNCTION = f"""{TENSORS}
def train(model, inputs, targets):
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    for step in range(6):
        optimizer.zero_grad()
        ((model(inputs) - targets) ** 2).mean().backward()
        optimizer.step()
{NET}train(net, x, y)
with torch.no_grad():
    left = (net(x_test) - y_test).abs().mean()
"""
EPOCHS = f"""
def train_epoch(model, loader, optimizer):
    for a, b in loader:
        optimizer.zero_grad()
        nn.functional.mse_loss(model(a), b).backward()
        optimizer.step()
def main():
    {TENSORS.strip().replace(chr(10), chr(10) + "    ")}
    loader = DataLoader(TensorDataset(x, y), batch_size=20)
    {NET}    {OPT}
    for epoch in range(3):
        train_epoch(net, loader, optimizer)
        with torch.no_grad():
            left = (net(x_test) - y_test).abs().mean()
main()
"""
ARRAYS = f"""
x, x_test, y, y_test = size[:40], size[40:], cost[:40], cost[40:]
first = TensorDataset(torch.tensor(x).float(), torch.tensor(y).float())
other = TensorDataset(torch.tensor(x_test).float(), torch.tensor(y_test).float())
loader, test_loader = DataLoader(first, batch_size=20), DataLoader(other, batch_size=20)
{NET}{OPT}
for epoch in range(3):
    for a, b in loader:
        optimizer.zero_grad()
        nn.functional.mse_loss(net(a), b).backward()
        optimizer.step()
    with torch.no_grad():
        left = sum((net(a) - b).abs().mean() for a, b in test_loader)
"""


def standardized(tmp_path, text, **which):
    path = tmp_path / "script.py"
    path.write_text(HEAD + text, encoding="utf-8")
    source = Source(path, HEAD + text)
    edit = ScriptEditor(source, watch(path)).standardized(**which)
    return None if edit is None else edited(source.text, [edit])


@pytest.mark.parametrize(
    ("text", "before"),
    [(FUNCTION, "train(net, x, y)"), (EPOCHS, "loader = Data"), (ARRAYS, "first = TensorDataset")],
)
def test_training_and_test_data_are_scaled_by_the_same_numbers(tmp_path, text, before):
    lines = [line.strip() for line in standardized(tmp_path, text).splitlines()]
    place = lines.index("x = (x - x.mean(0)) / (x.std(0) + 1e-8)")
    assert lines[place - 1] == "x_test = (x_test - x.mean(0)) / (x.std(0) + 1e-8)"
    assert lines[place + 1].startswith(before)


def test_targets_of_other_loaders_are_scaled_with_those_of_the_training(tmp_path):
    lines = standardized(tmp_path, ARRAYS, targets=True).splitlines()
    place = lines.index("y = (y - y.mean(0)) / (y.std(0) + 1e-8)")
    assert lines[place - 1] == "y_test = (y_test - y.mean(0)) / (y.std(0) + 1e-8)"


def test_nothing_is_scaled_that_the_targets_are_still_computed_of(tmp_path):
    text = ARRAYS.replace("torch.tensor(y).float()", "torch.tensor(x.sum(1)).float()")
    text = text.replace("first = Tens", "y = np.sin(x)\nfirst = Tens")
    assert "x = (x" in standardized(tmp_path, text)  # before the data set, behind the targets
    late = text.replace("y = np.sin(x)\n", "t = torch.tensor(x)\nz = np.sin(x)\n")
    assert standardized(tmp_path, late) is None
