"""The fixes that pages tell in PyTorch run as they stand."""

import re

import pytest

from nndiag.report.glossary import fixes

torch = pytest.importorskip("torch")

pytestmark = pytest.mark.torch

BLOCK = re.compile(r"^```python\n# PyTorch\n(.*?)^```$", re.DOTALL | re.MULTILINE)
FIXES = {one.name: one.text for one in fixes()}


def surroundings():
    """What stands around the lines of a fix: a small network, its data and its optimizer."""
    torch.manual_seed(0)
    X, y = torch.randn(80, 1), (torch.rand(80, 1) > 0.5).float()
    model = torch.nn.Sequential(torch.nn.Linear(1, 20), torch.nn.Tanh(), torch.nn.Linear(20, 1))
    z = torch.randn(80, 3, requires_grad=True)
    return {
        "torch": torch, "X": X, "X_new": X + 1, "y": y, "t": torch.arange(80.0), "model": model,
        "optimizer": torch.optim.SGD(model.parameters(), lr=0.1), "hidden": torch.randn(80, 20),
        "dataset": torch.utils.data.TensorDataset(X, y), "loader": None, "z": z,
        "labels": torch.randint(0, 3, (80,)), "loss": model(X).mean(),
        "train_one_epoch": lambda *given: None,
    }  # fmt: skip


@pytest.mark.parametrize("name", FIXES)
def test_a_fix_in_pytorch_runs(name):
    (text,) = BLOCK.findall(FIXES[name])
    names = surroundings()
    exec(text, names)
    for value in names.values():
        if isinstance(value, torch.Tensor):
            assert torch.isfinite(value).all()
