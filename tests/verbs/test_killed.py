"""A `sweep-lr` or a `fix` that is killed keeps what it measured."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest

import nndiag
from nndiag.errors import NndiagWarning, RunError
from nndiag.fixing import trial_runner
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
    kept = record.read_text().splitlines()
    assert kept
    record.write_text("\n".join([*kept, kept[-1][:40]]))  # its last line was cut off
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
def test_diagnose_says_how_a_killed_sweep_is_gone_on_with(tmp_path):
    swept(tmp_path)
    (folder,) = tmp_path.glob("*-sweep-lr-*")
    (folder / "sweep.json").rename(folder / "runs.jsonl")
    with pytest.raises(RunError, match="a sweep of many runs") as refused:
        nndiag.diagnose(folder)
    assert f"nndiag sweep-lr {folder / 'config.yaml'}" in refused.value.problems[0].hint
    with pytest.raises(RunError, match="no run is stored here, but a sweep") as above:
        nndiag.diagnose(tmp_path)
    assert above.value.problems[0].hint == refused.value.problems[0].hint


@pytest.mark.usefixtures("alone")
def test_what_a_killed_fix_has_tried_is_diagnosed_and_compared(tmp_path, monkeypatch):
    measured, made = trial_runner.measured, []

    def until_killed(*arguments, **options):
        if len(made) == 2:
            raise KilledError
        made.append(measured(*arguments, **options))
        return made[-1]

    monkeypatch.setattr("nndiag.fixing.trial_runner.measured", until_killed)
    with pytest.raises(KilledError):
        nndiag.fix(SETTINGS, runs=tmp_path)
    (folder,) = tmp_path.iterdir()
    names = {path.name for path in folder.iterdir()}
    assert "as-it-is" in names
    assert len(names) == 3
    begun = folder / "begun-only"  # as a kill leaves it before the first step
    shutil.copytree(folder / "as-it-is", begun)
    (begun / "steps.f64").write_bytes(b"")
    assert nndiag.diagnose(tmp_path).trace.loss.tolist() == made[-1].trace.loss.tolist()
    shutil.rmtree(begun)
    last = nndiag.diagnose(folder)
    assert last.trace.loss.tolist() == made[-1].trace.loss.tolist()
    assert len(nndiag.compare(folder / "as-it-is", last.run).sides) == 2
    assert json.loads((folder / "as-it-is" / "ending.json").read_text())["reason"] == "finished"


def test_a_line_behind_one_that_was_cut_off_is_not_lost(tmp_path):
    record = SweepRecord(tmp_path / "runs.jsonl")
    run = ShortRun(
        0.1, 0, 1.0, 1.0, np.array([0, 5]), np.array([1.0, np.nan]), np.inf, np.inf, 4, 0, 0, None
    )
    record.add([run], steps=5)
    record.close()
    with (tmp_path / "runs.jsonl").open("a") as file:
        file.write('{"version": ')
    again = SweepRecord(tmp_path / "runs.jsonl")
    again.add([replace(run, rate=0.2)], steps=5)
    again.close()
    last = SweepRecord(tmp_path / "runs.jsonl")
    last.close()
    assert last.count == 2
    found = last.run(0.1, 0, steps=5)
    assert found.final == np.inf
    np.testing.assert_array_equal(found.curve, run.curve)
