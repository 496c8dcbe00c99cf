"""`nndiag train`: everything is recorded, told once, and told in the exit code."""

import json
from pathlib import Path

import numpy as np
import pytest

import nndiag.verbs.train
from nndiag.errors import RunError
from nndiag.trace import TraceRecorder, TraceWriter, read_trace
from nndiag.training import TrainingResult


def only_run(folder: Path) -> Path:
    (run,) = (folder / "runs").iterdir()
    return run


def test_a_healthy_run_ends_with_0_and_a_report(command, folder):
    ended = command("train", "healthy.yaml")
    assert ended.code == 0
    assert "CONVERGED" in ended.out
    assert "Nothing wrong was found" in ended.out
    assert f"run  runs/{only_run(folder).name}" in ended.out
    assert ended.err == ""


def test_a_run_with_an_error_ends_with_1(command):
    ended = command("train", "exploding.yaml", "--no-plots")
    assert ended.code == 1
    assert "LEARNING RATE TOO HIGH" in ended.out


@pytest.mark.parametrize(
    ("level", "config", "code"),
    [
        ("never", "exploding.yaml", 0),
        ("warning", "exploding.yaml", 1),
        ("warning", "healthy.yaml", 0),
    ],
)
def test_what_counts_as_failing_can_be_chosen(command, level, config, code):
    assert command("train", config, "--no-plots", "--fail-on", level).code == code


def test_the_run_holds_all_that_is_needed_to_repeat_and_to_judge_it(command, folder):
    command("train", "healthy.yaml")
    names = {path.name for path in only_run(folder).iterdir()}
    assert {
        "config.yaml", "environment.json", "trace.json", "steps.f64", "probes.f64", "facts.json",
        "ending.json", "parameters.npz", "diagnosis.json", "plots",
    } <= names  # fmt: skip
    pictures = {path.name for path in (only_run(folder) / "plots").iterdir()}
    assert pictures == {"loss.png", "gradient_norms.png", "prediction.png"}


def test_the_stored_config_trains_to_the_same_numbers_again(command, folder):
    command("train", "exploding.yaml", "optimizer.learning_rate=0.01", "--no-plots")
    first = only_run(folder)
    command("train", str(first / "config.yaml"), "--no-plots", "--runs", "again")
    (second,) = (folder / "again").iterdir()
    np.testing.assert_array_equal(read_trace(first).loss, read_trace(second).loss)


def test_the_stored_parameters_give_the_stored_predictions(command, folder):
    command("train", "healthy.yaml", "--no-plots")
    trace = read_trace(only_run(folder))
    with np.load(only_run(folder) / "parameters.npz", allow_pickle=False) as stored:
        predicted = trace.facts.inputs @ stored["layer1.weights"].T + stored["layer1.biases"]
    np.testing.assert_allclose(predicted, trace.ending.predictions, rtol=1e-12)


def test_an_override_takes_the_place_of_a_setting(command, folder):
    command("train", "healthy.yaml", "training.steps=7", "--no-plots")
    assert read_trace(only_run(folder)).steps == 7


def test_the_next_command_repeats_the_overrides(command):
    ended = command("train", "exploding.yaml", "training.steps=40", "--no-plots")
    assert "nndiag fix exploding.yaml training.steps=40" in ended.out


def test_json_is_one_object_and_nothing_else(command, folder):
    ended = command("train", "exploding.yaml", "--json")
    told = json.loads(ended.out)
    assert told["version"] == 2
    assert told["command"] == "train"
    assert told["config"] == "exploding"
    assert told["outcome"] == "diverged"
    assert told["run"] == f"runs/{only_run(folder).name}"
    assert json.loads((only_run(folder) / "diagnosis.json").read_text()) == told
    assert ended.err == ""


def test_the_limit_before_the_first_step_is_told_and_stored(command, folder):
    told = json.loads(command("train", "exploding.yaml", "--json", "--no-plots").out)["stability"]
    assert told["ratio"] == pytest.approx(told["learning_rate"] / told["stability_limit"])
    assert told["ratio"] > 1
    assert told["changes"]
    stored = command("diagnose", str(only_run(folder))).out
    assert " × the stability limit" in stored
    assert "before step 1 the stability limit is 2/λ_max" in stored


def test_quiet_tells_the_verdict_in_one_line(command):
    ended = command("train", "healthy.yaml", "--quiet", "--no-plots")
    assert ended.out == "healthy: converged\n"


def test_no_plots_draws_nothing(command, folder):
    command("train", "healthy.yaml", "--no-plots")
    assert not (only_run(folder) / "plots").exists()


def test_an_ignored_problem_is_not_looked_for(command):
    told = json.loads(
        command("train", "exploding.yaml", "--json", "--no-plots", "--ignore", "exploding-loss").out
    )
    assert "exploding-loss" not in {finding["problem"] for finding in told["findings"]}


def test_a_selected_problem_is_the_only_one_looked_for(command):
    told = json.loads(
        command("train", "exploding.yaml", "--json", "--no-plots", "--select", "exploding-loss").out
    )
    assert {finding["problem"] for finding in told["findings"]} == {"exploding-loss"}


def test_an_unknown_problem_is_refused_before_anything_is_trained(command, folder):
    ended = command("train", "healthy.yaml", "--ignore", "exploding-los")
    assert ended.code == 2
    assert "did you mean 'exploding-loss'?" in ended.err
    assert not (folder / "runs").exists()


def test_a_mistake_in_the_config_is_told_with_its_place_and_leaves_no_run(command, folder):
    (folder / "healthy.yaml").write_text("dataset: sine\nnetwork: {layer: []}\n")
    ended = command("train", "healthy.yaml")
    assert ended.code == 2
    assert ended.out == ""
    assert "healthy.yaml:2:" in ended.err
    assert "Traceback" not in ended.err
    assert not (folder / "runs").exists()


def test_a_place_where_no_run_can_be_stored_is_told_with_a_way_out(command, folder):
    (folder / "taken").write_text("a file")
    ended = command("train", "healthy.yaml", "--runs", "taken")
    assert ended.code == 2
    assert "--runs DIR" in ended.err


def test_a_disk_that_fills_up_costs_the_record_and_not_the_diagnosis(command, monkeypatch):
    def fail(self, rows, *, first):
        raise RunError("no space left on device")

    monkeypatch.setattr(TraceWriter, "write_steps", fail)
    ended = command("train", "exploding.yaml", "--no-plots")
    assert ended.code == 1
    assert "LEARNING RATE TOO HIGH" in ended.out
    assert "could not be recorded to its end: no space left" in ended.err


def test_a_folder_that_disappears_costs_what_was_to_be_stored_there(command, monkeypatch):
    def fail(*arguments, **known):
        raise RunError("gone")

    for place in ("nndiag.training.stored_run.write_parameters", "nndiag.verbs.train.write_file",
                  "nndiag.plots.save_plots"):  # fmt: skip
        monkeypatch.setattr(place, fail)
    ended = command("train", "healthy.yaml")
    assert ended.code == 0
    assert ended.err.count("gone") == 3


def test_two_runs_of_one_second_do_not_meet(command, folder):
    for _ in range(2):
        command("train", "healthy.yaml", "--no-plots")
    assert len(list((folder / "runs").iterdir())) == 2


def test_ctrl_c_before_the_first_step_says_so(command, monkeypatch):
    def interrupted(built, folder, *, facts, told):
        trace = TraceRecorder(layers=built.layer_names).trace()
        return TrainingResult(trace, built.parameters)

    monkeypatch.setattr(nndiag.verbs.train, "_trained", interrupted)
    ended = command("train", "healthy.yaml")
    assert ended.code == 130
    assert "interrupted before the first step; nothing was recorded in runs" in ended.err
