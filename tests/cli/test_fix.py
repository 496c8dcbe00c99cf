"""`nndiag fix`: the cure is written, told, and told in the exit code."""

import json
from pathlib import Path

import pytest
import yaml

TANH = """\
dataset: {name: linear_doubling}
network:
  layers: [{units: 1, activation: tanh, weights: [[0.5]], biases: [0.5]}]
loss: {name: mean_squared_error, reduction: half_sum}
optimizer: {name: sgd, learning_rate: 0.07}
training: {steps: 2000}
"""


def test_the_cured_config_trains(command, folder):
    ended = command("fix", "exploding.yaml", "--seconds", "60")
    assert ended.code == 0
    assert "CURED" in ended.out
    assert "written exploding.fixed.yaml" in ended.out
    assert "next    nndiag train exploding.fixed.yaml" in ended.out
    assert list(yaml.safe_load((folder / "exploding.fixed.yaml").read_text())) == [
        "extends",
        "optimizer",
    ]
    assert command("train", "exploding.yaml", "--no-plots").code == 1
    assert command("train", "exploding.fixed.yaml", "--no-plots").code == 0


def test_a_linear_output_cures_a_tanh_on_a_line(command, folder):
    (folder / "tanh.yaml").write_text(TANH)
    ended = command("fix", "tanh.yaml", "--json", "--seconds", "60")
    found = json.loads(ended.out)
    assert ended.code == 0
    assert found["winner"]["remedies"] == ["linear-output"]
    assert found["fixed_config"] == "tanh.fixed.yaml"
    assert found["reference"]["limit"] == "model"


def test_a_healthy_config_has_nothing_to_be_fixed(command, folder):
    ended = command("fix", "healthy.yaml")
    assert ended.code == 0
    assert "NOTHING TO FIX" in ended.out
    assert "next nothing: it trains" in ended.out
    assert sorted(path.name for path in folder.glob("*.yaml")) == ["exploding.yaml", "healthy.yaml"]


def test_only_what_is_selected_is_looked_for_and_the_cured_config_looks_for_all(command, folder):
    ended = command("fix", "exploding.yaml", "--select", "exploding-loss", "--json")
    found = json.loads(ended.out)
    assert found["cause"]["problem"] == "exploding-loss"
    assert {one["problem"] for one in found["findings"]} == {"exploding-loss"}
    assert "diagnosis" not in yaml.safe_load((folder / "exploding.fixed.yaml").read_text())
    ended = command("fix", "exploding.yaml", "--ignore", "exploding-los")
    assert ended.code == 2
    assert "did you mean 'exploding-loss'?" in ended.err


def test_without_a_cure_the_exit_code_is_1_and_more_time_is_advised(command, folder):
    ended = command("fix", "exploding.yaml", "--seconds", "0")
    assert ended.code == 1
    assert "NOT CURED" in ended.out
    assert "next nndiag fix exploding.yaml --seconds" in ended.out
    assert not (folder / "exploding.fixed.yaml").exists()


def test_nothing_is_written_on_request(command, folder):
    ended = command("fix", "exploding.yaml", "--seconds", "60", "--no-write", "--quiet")
    assert ended.code == 0
    assert ended.out.startswith("exploding: cured by rate-below-limit: learning_rate 3 → ")
    assert not (folder / "exploding.fixed.yaml").exists()


def test_without_a_file_the_cure_is_told_as_overrides(command, folder):
    (folder / "clipped.yaml").write_text(
        "extends: healthy.yaml\noptimizer: {clip_norm: 1.0e-7}\n", encoding="utf-8"
    )
    ended = command("fix", "clipped.yaml", "--seconds", "60", "--no-write")
    assert "next nndiag train clipped.yaml optimizer.clip_norm=null\n" in ended.out
    cured = command("train", "clipped.yaml", "optimizer.clip_norm=null", "--no-plots", "--json")
    assert json.loads(cured.out)["cause"] is None


def test_a_cure_of_layers_is_not_told_as_overrides(command, folder):
    (folder / "tanh.yaml").write_text(TANH)
    ended = command("fix", "tanh.yaml", "--seconds", "60", "--no-write")
    assert "next nndiag fix tanh.yaml\n" in ended.out


def test_a_file_that_cannot_be_written_is_told_and_the_cure_still_is(command, monkeypatch):
    really_open = Path.open

    def refuse_new(path, mode="r", **options):
        if mode == "x":
            raise PermissionError(13, "Permission denied", str(path))
        return really_open(path, mode, **options)

    monkeypatch.setattr(Path, "open", refuse_new)
    ended = command("fix", "exploding.yaml", "--seconds", "60")
    assert ended.code == 0
    assert "CURED" in ended.out
    assert "next nndiag train exploding.yaml optimizer.learning_rate=" in ended.out
    assert "exploding.fixed.yaml: cannot be written: permission denied" in ended.err


def test_overrides_become_part_of_the_cured_config(command, folder):
    command("fix", "healthy.yaml", "optimizer.learning_rate=9", "--seconds", "60", "--quiet")
    again = yaml.safe_load((folder / "healthy.fixed.yaml").read_text())
    assert again["extends"] == "healthy.yaml"
    assert command("train", "healthy.fixed.yaml", "--no-plots").code == 0


def test_ctrl_c_ends_with_130_and_what_is_known(command, monkeypatch):
    def interrupted(bench, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr("nndiag.fixing.procedure.found", interrupted)
    ended = command("fix", "exploding.yaml", "--json")
    assert ended.code == 130
    assert json.loads(ended.out)["interrupted"] is True


def test_ctrl_c_during_the_first_training_is_told(command, monkeypatch):
    def interrupted(experiment, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr("nndiag.fixing.procedure.measured", interrupted)
    ended = command("fix", "exploding.yaml")
    assert ended.code == 130
    assert ended.out == ""
    assert "interrupted before the config was trained once" in ended.err


@pytest.mark.parametrize("seconds", ["-1", "soon"])
def test_a_time_that_is_none_is_refused(command, seconds):
    assert command("fix", "exploding.yaml", "--seconds", seconds).code == 2


def test_training_confirms_the_cause_on_request(command):
    ended = command("train", "exploding.yaml", "--no-plots", "--confirm", "--json")
    assert json.loads(ended.out)["cause"]["confidence"] == "confirmed"
    ended = command("train", "exploding.yaml", "--no-plots", "--json")
    assert json.loads(ended.out)["cause"]["confidence"] == "likely"
