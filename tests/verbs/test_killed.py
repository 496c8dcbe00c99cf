"""A `sweep-lr` or a `fix` that is killed keeps what it measured."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest

import nndiag
from nndiag.errors import NndiagWarning, RunError
from nndiag.fixing import measure
from nndiag.training import sweep_blocks
from nndiag.training.sweep_record import SweepRecord
from nndiag.training.sweep_runs import ShortRun

SETTINGS = {
    "name": "small",
    "dataset": {"name": "sine", "samples": 20},
    "network": {"layers": [{"units": 4, "activation": "tanh"}, {"units": 1}]},
    "optimizer": {"name": "sgd", "learning_rate": 1e-5, "weight_decay": 0.5},
    "training": {"steps": 60},
}


class KilledError(BaseException):
    """Stands for the end of the process."""


@pytest.fixture
def alone(monkeypatch):
    """Everything is made in this process."""
    monkeypatch.setattr("nndiag.training.sweep_blocks.most_workers", lambda: 1)
    monkeypatch.setattr("nndiag.fixing.speculative.most_workers", lambda: 0)


def swept(runs, **options):
    return nndiag.sweep_lr(SETTINGS, runs=runs, plots=False, seeds=1, rates=9, **options)


def killed_after(blocks, monkeypatch):
    """Let a sweep end after so many blocks of runs."""
    made, train = [], sweep_blocks.train_block

    def trained(*arguments, **options):
        if len(made) == blocks:
            raise KilledError
        made.append(1)
        return train(*arguments, **options)

    monkeypatch.setattr("nndiag.training.sweep_blocks.train_block", trained)


@pytest.mark.usefixtures("alone")
def test_a_killed_sweep_is_gone_on_with_by_the_same_command(tmp_path, monkeypatch):
    whole = swept(tmp_path / "whole")
    with monkeypatch.context() as patch:
        killed_after(2, patch)
        with pytest.raises(KilledError):
            swept(tmp_path / "runs")
    (record,) = (tmp_path / "runs").glob("*/runs.jsonl")
    asked, *kept = record.read_text().splitlines()
    assert json.loads(asked)["options"]["rates"] == 9
    assert kept
    record.write_text("\n".join([asked, *kept, kept[-1][:40]]))  # its last line was cut off
    made: list[int] = []
    with pytest.warns(NndiagWarning, match=f"going on from {len(kept)} runs"):
        again = swept(tmp_path / "runs", progress=lambda count, _: made.append(count))
    assert again.run == record.parent
    assert len(kept) < made[0]
    assert made[-1] == whole.runs
    assert again.runs == whole.runs
    assert [rate.value for rate in again.rates] == [rate.value for rate in whole.rates]
    assert [rate.score for rate in again.rates] == pytest.approx(
        [rate.score for rate in whole.rates]
    )
    assert not record.exists()


@pytest.mark.usefixtures("alone")
def test_a_finished_sweep_and_one_of_another_config_are_not_gone_on_with(tmp_path):
    first = swept(tmp_path)
    (first.run / "sweep.json").rename(first.run / "runs.jsonl")
    config = first.run / "config.yaml"
    config.write_text(config.read_text().replace("units: 4", "units: 5"))
    second, third = swept(tmp_path), swept(tmp_path)
    assert len({first.run, second.run, third.run}) == 3


@pytest.mark.usefixtures("alone")
def test_a_killed_sweep_is_read_with_what_it_knows(tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        killed_after(2, patch)
        with pytest.raises(KilledError):
            swept(tmp_path)
    (record,) = tmp_path.glob("*/runs.jsonl")
    before = record.read_bytes()
    killed_after(0, monkeypatch)  # nothing may be trained
    found = nndiag.diagnose(tmp_path)
    assert found.interrupted
    assert not found.cut_short()  # what was asked for is whole: nobody pressed Ctrl-C
    assert len(found.rates) == len(before.splitlines()) - 1  # one seed, behind what was asked
    assert found.line().startswith("small: cut short: of ")
    again = f"nndiag sweep-lr {record.parent / 'config.yaml'} --seeds 1 --rates 9 --runs {tmp_path}"
    assert found.next_command == again
    assert record.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == [record.parent.name]


@pytest.mark.usefixtures("alone")
def test_a_sweep_without_a_whole_run_is_refused(tmp_path):
    swept(tmp_path)
    (folder,) = tmp_path.glob("*-sweep-lr-*")
    (folder / "sweep.json").rename(folder / "runs.jsonl")
    with pytest.raises(RunError, match="no whole run of this sweep is recorded") as refused:
        nndiag.diagnose(folder)
    assert f"nndiag sweep-lr {folder / 'config.yaml'}" in refused.value.problems[0].hint


@pytest.mark.usefixtures("alone")
def test_an_interrupted_sweep_is_gone_on_with_too(tmp_path):
    presses = iter([signal.SIGINT])
    first = swept(tmp_path, progress=lambda *_: [os.kill(os.getpid(), x) for x in presses])
    assert first.cut_short()
    assert first.next_command is None  # it has no file to name
    with pytest.warns(NndiagWarning, match="going on from"):
        again = swept(tmp_path)
    assert (again.run, again.interrupted) == (first.run, False)


@pytest.fixture
def killed(tmp_path, monkeypatch):
    """The folder of a search that was killed after the config as it is and one trial."""
    trained, made = measure.train, []

    def until_killed(*arguments, **options):
        if len(made) == 3:
            raise KilledError
        made.append(1)
        return trained(*arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr("nndiag.fixing.measure.train", until_killed)
        with pytest.raises(KilledError):
            nndiag.fix(SETTINGS, runs=tmp_path)
    (folder,) = tmp_path.iterdir()
    return folder


@pytest.mark.usefixtures("alone")
def test_what_a_killed_fix_has_tried_is_read(killed, monkeypatch):
    monkeypatch.setattr("nndiag.fixing.measure.train", None)  # nothing may be trained
    found = nndiag.diagnose(killed.parent)
    assert found.interrupted
    assert not found.cut_short()
    assert sum(trial.run is not None for trial in found.trials) == 1
    config = killed / "as-it-is" / "config.yaml"
    assert found.next_command == f"nndiag fix {config} --runs {killed.parent}"
    assert found.line() == "small: cut short: no fix so far"
    assert "INTERRUPTED  1 trial so far, none is a fix" in str(found)
    assert len(nndiag.compare(killed).sides) == 3


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize("damaged", ["parameters.npz", "facts.npz"])
def test_a_killed_fix_is_gone_on_with_by_the_same_command(killed, tmp_path, damaged):
    (killed / "as-it-is" / damaged).write_bytes(b"")  # what is damaged is made again
    with pytest.warns(NndiagWarning, match="going on with a search that was killed"):
        again = nndiag.fix(SETTINGS, runs=killed.parent)
    whole = nndiag.fix(SETTINGS, runs=tmp_path / "whole")
    assert (again.run, whole.run != again.run) == (killed, True)
    assert [trial.remedies for trial in again.trials] == [x.remedies for x in whole.trials]
    assert [trial.error for trial in again.trials] == [x.error for x in whole.trials]
    assert again.winner.trial.remedies == whole.winner.trial.remedies
    read = nndiag.diagnose(whole.run)
    assert not read.interrupted
    assert (read.line(), len(read.trials)) == (whole.line(), len(whole.trials))


@pytest.mark.parametrize(
    ("verb", "options", "enough"),
    [
        ("sweep-lr", ["--seeds", "1", "--rates", "4", "--no-plots"], "*/runs.jsonl"),
        ("fix", [], "*/as-it-is/parameters.npz"),
    ],
)
def test_what_a_sigkill_leaves_is_read(tmp_path, verb, options, enough):
    config = tmp_path / "slow.yaml"
    slow = {**SETTINGS, "training": {"steps": 50_000}}
    config.write_text(json.dumps(slow))
    command = [sys.executable, "-m", "nndiag", verb, str(config), "--runs", str(tmp_path / "runs")]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen([*command, *options], start_new_session=True, **quiet)
    try:
        while not any(len(one.read_bytes()) > 500 for one in (tmp_path / "runs").glob(enough)):
            assert process.poll() is None
            time.sleep(0.01)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
    found = nndiag.diagnose(tmp_path / "runs")
    assert found.interrupted
    assert found.next_command.startswith(f"nndiag {verb} {found.run}")


def test_a_line_behind_one_that_was_cut_off_is_not_lost(tmp_path):
    record = SweepRecord(tmp_path / "runs.jsonl", asked={})
    run = ShortRun(
        0.1, 0, 1.0, 1.0, np.array([0, 5]), np.array([1.0, np.nan]), np.inf, np.inf, 4, 0, 0, None
    )
    record.add([run], steps=5)
    record.close()
    with (tmp_path / "runs.jsonl").open("a") as file:
        file.write('{"version": ')
    again = SweepRecord(tmp_path / "runs.jsonl", asked={"seeds": 2})
    again.add([replace(run, rate=0.2)], steps=5)
    again.close()
    last = SweepRecord(tmp_path / "runs.jsonl")
    assert (last.count, last.asked, last.read_only) == (2, {"seeds": 2}, True)
    found = last.run(0.1, 0, steps=5)
    assert found.final == np.inf
    np.testing.assert_array_equal(found.curve, run.curve)
