"""`nndiag diagnose`: a stored run is judged again as it was, or otherwise if asked."""

import json
import os
from pathlib import Path

import pytest


def problems_in(told):
    return {finding["problem"] for finding in told["findings"]}


@pytest.fixture
def stored(command, folder) -> str:
    """A stored run that exploded."""
    command("train", "exploding.yaml", "--no-plots")
    (run,) = (folder / "runs").iterdir()
    return str(run.relative_to(folder))


def test_a_stored_run_gets_the_diagnosis_that_it_got_when_it_was_trained(command, stored):
    then = json.loads((Path(stored) / "diagnosis.json").read_text())
    ended = command("diagnose", stored, "--json")
    now = json.loads(ended.out)
    assert ended.code == 1
    assert now | {"command": "train"} == then


def test_the_report_suggests_the_stored_config(command, stored):
    assert f"{stored}/config.yaml" in command("diagnose", stored).out


def test_of_a_folder_of_runs_the_newest_is_judged(command, stored):
    command("train", "healthy.yaml", "--no-plots")
    newest = json.loads(command("diagnose", "runs", "--json").out)
    assert newest["config"] == "healthy"
    os.utime(Path(stored) / "trace.json", (2**32, 2**32))
    newest = json.loads(command("diagnose", "runs", "--json").out)
    assert (newest["config"], newest["run"]) == ("exploding", stored)


@pytest.mark.parametrize(("name", "verb"), [("healthy.yaml", "train"), ("n.py", "gradcheck")])
def test_what_is_no_log_is_told_with_the_command_that_takes_it(command, folder, name, verb):
    (folder / "n.py").write_text("import numpy\n")
    ended = command("diagnose", name)
    assert ended.code == 2
    assert f"{name}: this is no log of a run\n  try: nndiag {verb} {name}" in ended.err


@pytest.mark.parametrize("losses", ["loss", "train_loss"])
def test_a_log_of_epochs_shows_overfitting(command, folder, losses):
    rows = [(0.95**epoch, 0.5 + 0.05 * abs(epoch - 20)) for epoch in range(60)]
    text = "".join(f"{epoch},{row[0]},{row[1]}\n" for epoch, row in enumerate(rows))
    (folder / "history.csv").write_text(f"epoch,{losses},val_loss\n{text}")
    told = json.loads(command("diagnose", "history.csv", "--json").out)
    assert told["cause"]["problem"] == "overfitting"


def test_a_sweep_is_told_from_a_run(command, folder):
    (folder / "sweep").mkdir()
    (folder / "sweep" / "sweep.json").write_text("{}")
    ended = command("diagnose", "sweep")
    assert ended.code == 2
    assert "sweep: this is a sweep of many runs" in ended.err


def test_a_run_of_nearly_the_same_name_is_suggested(command, stored):
    ended = command("diagnose", stored[:-1])
    assert ended.code == 2
    assert f"did you mean '{stored}'?" in ended.err


def test_other_thresholds_can_be_asked_for(command, stored):
    before = json.loads(command("diagnose", stored, "--json").out)
    ended = command("diagnose", stored, "learning-rate-above-stability-limit.ratio=1e6", "--json")
    after = json.loads(ended.out)
    gone = problems_in(before) - problems_in(after)
    assert gone == {"learning-rate-above-stability-limit"}


@pytest.mark.parametrize(
    ("threshold", "told"),
    [
        ("exploding-loss.factor", "problem.threshold=number"),
        ("exploding-loss=3", "problem.threshold=number"),
        ("exploding-loss.factor=many", "problem.threshold=number"),
        ("exploding-loss.facter=3", "did you mean 'factor'?"),
        ("exploding-los.factor=3", "did you mean 'exploding-loss'?"),
        ("exploding-loss.factor=-3", "a number above 0"),
    ],
)
def test_a_threshold_that_does_not_exist_is_refused(command, stored, threshold, told):
    ended = command("diagnose", stored, threshold)
    assert ended.code == 2
    assert told in ended.err


def test_a_killed_run_is_judged_as_far_as_it_got(command, stored):
    (Path(stored) / "ending.json").unlink()
    steps = Path(stored) / "steps.f64"
    steps.write_bytes(steps.read_bytes()[:-5])
    told = json.loads(command("diagnose", stored, "--json").out)
    assert told["ended"] is None
    assert told["outcome"] in {"diverged", "interrupted"}


def test_a_folder_without_a_run_is_told(command, folder):
    ended = command("diagnose", str(folder))
    assert ended.code == 2
    assert "no run is stored here" in ended.err


def test_an_empty_run_is_told(command, stored):
    (Path(stored) / "steps.f64").write_bytes(b"")
    ended = command("diagnose", stored)
    assert ended.code == 2
    assert "no step was recorded" in ended.err
