"""`nndiag sweep-lr` as a person runs it."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from nndiag.cli.app import run
from nndiag.parallel import processors

CONFIG = """
dataset: {name: sine, samples: 40}
network:
  layers:
    - {units: 8, activation: tanh}
    - {units: 1, activation: linear}
optimizer: {name: sgd, learning_rate: 5}
training: {steps: 100}
"""


@pytest.fixture
def config(tmp_path, monkeypatch):
    """A config whose rate is far too high, in an empty folder that is the current one."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "small.yaml"
    path.write_text(CONFIG)
    return "small.yaml"


def sweep(capsys, *arguments):
    """Exit code, stdout and stderr of a sweep of one seed."""
    code = run(["sweep-lr", *arguments, "--seeds", "1"])
    told = capsys.readouterr()
    return code, told.out, told.err


def test_a_rate_above_the_threshold_is_a_finding_and_the_next_command_cures_it(config, capsys):
    code, out, err = sweep(capsys, config)
    assert code == 1
    assert err == ""
    assert "above the divergence threshold" in out
    advice = out.splitlines()[-1].removeprefix("next ")
    assert advice.startswith("nndiag train small.yaml optimizer.learning_rate=")
    rate = advice.rpartition(" ")[2]
    assert sweep(capsys, config, rate)[0] == 0


def test_json_is_one_object_and_nothing_else(config, capsys):
    code, out, _ = sweep(capsys, config, "--json", "--no-plots")
    document = json.loads(out)
    assert code == 1
    assert document["learning_rate"]["configured"] == 5
    threshold = document["divergence_threshold"]["value"]
    assert document["band"]["low"] < document["recommended"] < threshold < 5


def test_the_sweep_is_stored_with_its_config_and_picture(config, capsys, tmp_path):
    sweep(capsys, config)
    (folder,) = (tmp_path / "runs").iterdir()
    assert {path.name for path in folder.iterdir()} == {"config.yaml", "sweep.json", "sweep.png"}
    assert json.loads((folder / "sweep.json").read_text())["run"] == f"runs/{folder.name}"


def test_quiet_is_one_line(config, capsys):
    _, out, _ = sweep(capsys, config, "--quiet", "--no-plots")
    assert out.startswith("small: learning rate 5 is ")
    assert out.count("\n") == 1


def test_overrides_are_carried_into_the_next_command(config, capsys):
    override = "network.layers.0.activation=relu"
    _, out, _ = sweep(capsys, config, override, "optimizer.learning_rate=0.3", "--no-plots")
    advice = " ".join(out.split()).rpartition("next ")[2]
    assert override in advice
    assert advice.count("learning_rate") == 1


def test_fail_on_never_is_healthy(config, capsys):
    assert sweep(capsys, config, "--fail-on", "never", "--no-plots")[0] == 0


@pytest.mark.parametrize(
    "options", [["--low", "0"], ["--low", "2", "--high", "1"], ["--rates", "1"], ["--steps", "0"]]
)
def test_a_range_that_is_none_is_refused(config, options):
    assert run(["sweep-lr", config, *options]) == 2


def test_a_folder_that_cannot_be_written_is_told_before_anything_is_trained(
    config, capsys, tmp_path
):
    (tmp_path / "runs").write_text("a file is in the way")
    code, out, err = sweep(capsys, config)
    assert (code, out) == (2, "")
    assert "choose another place with --runs DIR" in err


def test_where_no_rate_learns_the_exit_code_is_1_and_fix_is_next(config, capsys):
    zeros = "network.initializer=zeros"
    code, out, _ = sweep(capsys, config, zeros, "network.bias=false", "--no-plots")
    assert code == 1
    assert "No learning rate learns" in out
    assert out.splitlines()[-1].startswith("next nndiag fix")


def alive(pid: str) -> bool:
    """Whether a process still does something."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def children(pid: int) -> list[str]:
    """The processes that the threads of a process have started."""
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        return [child for task in tasks for child in (task / "children").read_text().split()]
    except OSError:
        return []


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="reads Linux's process tree")
@pytest.mark.parametrize("command", ["sweep-lr", "fix"])
def test_what_is_killed_leaves_no_worker_behind(config, tmp_path, command):
    faults = ["training.steps=100000", "optimizer.learning_rate=1e-9"]
    command = [sys.executable, "-m", "nndiag", command, config, *faults]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    try:
        while not (workers := children(process.pid)) and time.monotonic() < deadline:
            time.sleep(0.02)
    finally:
        process.kill()
        process.wait()
    assert workers or processors() < 2
    while any(map(alive, workers)) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not any(map(alive, workers))
