"""Output, prompts, windows, pauses and files do not get in the way, and nothing is left behind."""

import builtins
import random
import sys

import numpy as np
import pytest

from nndiag.program.execution.sandbox import fresh_module, sandbox
from tests.program.conftest import LINEAR


@pytest.mark.parametrize(
    "line",
    [
        "name = input('rate? '); rate = float(name)",
        "import matplotlib.pyplot as plt; fig, ax = plt.subplots(); ax.plot([1]); plt.show()",
        "import matplotlib.pyplot as plt; fig, axes = plt.subplots(2, 2); axes[0, 1].hist([1, 2])",
        "from tqdm import tqdm, trange; list(tqdm([1, 2])); assert list(trange(3)) == [0, 1, 2]",
        "from tqdm import tqdm\nfor i in (bar := tqdm(range(2))): bar.set_description(str(i))",
        "import tqdm\nwith tqdm.tqdm(total=3) as bar: bar.update(1)\ntqdm.tqdm.write('hello')",
        "import seaborn as sns; sns.set(style='darkgrid')",
        "import time; time.sleep(3600)",
        "np.save('weights.npy', w0) if (w0 := np.ones(3)) is not None else 0",
        "open('log.txt', 'w').write('hello')",
        "import sys; sys.stdout.write('hello')",
        "p = np.math.pi; q = np.mat([[1.0]])",
        "assert __name__ == '__main__'",
        "import pickle; pickle.dump({'a': 1}, open('a.pkl', 'wb'))",
    ],
)
def test_lets_nothing_get_in_the_way(ask, capsys, tmp_path, line):
    found = ask(LINEAR.replace("w = np.zeros(3)", f"{line}\nw = np.zeros(3)"))
    assert found.correct
    assert capsys.readouterr().out == ""
    assert [item.name for item in tmp_path.iterdir()] == ["program.py"]


@pytest.mark.parametrize(
    "line",
    [
        "open('kept.txt', 'w').write('gone')",
        "from pathlib import Path; Path('kept.txt').write_text('gone')",
        "import os; os.remove('kept.txt')",
        "import os; os.makedirs('folder/inside', exist_ok=True)",
        "import os; os.rename('kept.txt', 'moved.txt')",
        "from pathlib import Path; Path('kept.txt').unlink(); Path('folder').mkdir()",
        "import shutil; shutil.copy('kept.txt', 'copy.txt'); shutil.rmtree('.')",
        "np.savetxt('weights.txt', np.ones(3))",
    ],
)
def test_leaves_the_files_of_its_user_alone(ask, tmp_path, monkeypatch, line):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "kept.txt").write_text("kept")
    assert ask(LINEAR.replace("w = np", f"{line}\nw = np", 1)).correct
    assert {item.name for item in tmp_path.iterdir()} == {"program.py", "kept.txt"}
    assert (tmp_path / "kept.txt").read_text() == "kept"


def test_runs_only_as_far_as_needed(ask):
    found = ask(LINEAR + "raise RuntimeError('never reached')\n")
    assert found.correct


def test_gives_everything_back(tmp_path):
    before = (
        builtins.open,
        sys.argv,
        sys.stdout,
        random.getstate(),
        np.random.get_state()[1].tolist(),
    )
    with sandbox(tmp_path / "p.py"):
        random.random()
        np.random.rand()
        import matplotlib  # noqa: F401
    after = (
        builtins.open,
        sys.argv,
        sys.stdout,
        random.getstate(),
        np.random.get_state()[1].tolist(),
    )
    assert before == after


def test_draws_the_same_numbers_in_each_run(tmp_path):
    draws = []
    for _ in range(2):
        with sandbox(tmp_path / "p.py"):
            draws.append((random.random(), np.random.rand(), np.random.default_rng().random()))
    assert draws[0] == draws[1]


def test_prints_nothing(tmp_path, capsys):
    with sandbox(tmp_path / "p.py"):
        exec("print('hello')", fresh_module(tmp_path / "p.py", {}).__dict__)
    assert capsys.readouterr().out == ""
