"""Commands are run inside the test process, except where the process itself is what is tested."""

import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile

import pytest

from nndiag.cli.app import run
from tests.cli.forked import PATIENCE, start

HEALTHY = """\
# a line, learned by one linear unit
dataset: {name: linear_doubling, samples: 10}
network:
  layers: [{units: 1, activation: linear}]
optimizer: {name: sgd, learning_rate: 0.5}
training: {steps: 300}
"""

EXPLODING = """\
dataset: {name: sine, samples: 50}
network:
  layers: [{units: 20, activation: tanh}, {units: 1, activation: linear}]
  initializer: {name: normal, std: 1}
optimizer: {name: sgd, learning_rate: 3}
training: {steps: 300}
"""


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """A working folder with `healthy.yaml` and `exploding.yaml`."""
    (tmp_path / "healthy.yaml").write_text(HEALTHY)
    (tmp_path / "exploding.yaml").write_text(EXPLODING)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def command(folder, capsys) -> Callable[..., Ended]:
    """Runs one command in the working folder."""

    def call(*arguments: str) -> Ended:
        code = run(list(arguments))
        told = capsys.readouterr()
        return Ended(code, told.out, told.err)

    return call


@pytest.fixture
def process(folder) -> Callable[..., Ended]:
    """Runs one command in a process of its own."""

    def call(*arguments: str, **environment: str) -> Ended:
        with TemporaryFile() as out, TemporaryFile() as err:
            streams = (subprocess.DEVNULL, out, err)
            running = start(
                *arguments, folder=folder, streams=streams, environment=os.environ | environment
            )
            code = running.wait(PATIENCE)
            encoding = environment.get("PYTHONIOENCODING", "utf-8")
            for file in (out, err):
                file.seek(0)
            return Ended(code, out.read().decode(encoding), err.read().decode(encoding))

    return call
