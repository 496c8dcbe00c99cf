"""The verbs as functions, and what they return."""

import dataclasses
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nndiag
from nndiag.errors import ConfigError, NndiagError, RunError, UnknownNameError
from nndiag.finding import Outcome

CONFIG = """
dataset: {name: sine, samples: 30}
network:
  layers: [{units: 8, activation: tanh}, {units: 1}]
optimizer: {name: sgd, learning_rate: 0.05}
training: {steps: 200}
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "small.yaml"
    path.write_text(CONFIG)
    return path


@pytest.fixture(scope="module")
def result() -> nndiag.RunResult:
    return nndiag.train(
        {
            "name": "small",
            "dataset": {"name": "sine", "samples": 30},
            "network": {"layers": [{"units": 8, "activation": "tanh"}, {"units": 1}]},
            "optimizer": {"name": "sgd", "learning_rate": 0.05},
            "training": {"steps": 200},
        }
    )


def test_importing_the_package_loads_nothing_of_it() -> None:
    program = "import nndiag, sys; print([name for name in sys.modules if 'nndiag.' in name])"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_every_public_name_is_there_and_no_other() -> None:
    for name in nndiag.__all__:
        assert getattr(nndiag, name)
    assert set(nndiag.__all__) <= set(dir(nndiag))
    assert nndiag.testing.assert_gradients_correct
    with pytest.raises(AttributeError, match="no attribute 'diagnoze'"):
        nndiag.diagnoze  # noqa: B018


def test_a_run_says_in_a_line_how_it_went(result: nndiag.RunResult) -> None:
    assert repr(result).startswith("<RunResult small: ")
    assert str(result.outcome) in repr(result)
    assert "\n" not in repr(result)


def test_a_run_shows_the_report_of_the_terminal(result: nndiag.RunResult) -> None:
    assert str(result.outcome).upper() in str(result)
    assert "layer1" in str(result)
    assert max(map(len, str(result).splitlines())) <= 100


def test_a_run_is_frozen(result: nndiag.RunResult) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        result.name = "other"  # type: ignore[misc]


def test_a_run_gives_the_object_of_json(result: nndiag.RunResult) -> None:
    document = json.loads(json.dumps(result.to_dict(), allow_nan=False))
    assert document["version"] == 2
    assert document["outcome"] == result.outcome
    assert document["loss"]["steps"] == 200


def test_the_parameters_have_names_and_shapes(result: nndiag.RunResult) -> None:
    shapes = {name: array.shape for name, array in result.parameters.items()}
    assert shapes == {
        "layer1.weights": (8, 1),
        "layer1.biases": (8,),
        "layer2.weights": (1, 8),
        "layer2.biases": (1,),
    }


def test_a_file_a_dict_and_an_experiment_are_the_same_config(config: Path) -> None:
    """Every verb takes its config through `load_experiment`."""
    experiment = nndiag.load_experiment(config)
    for one in (config, str(config), experiment, dict(experiment.resolved)):
        same = nndiag.load_experiment(one, {"training.steps": 5})
        assert same.resolved == nndiag.load_experiment(config, ["training.steps=5"]).resolved


@pytest.mark.parametrize(
    "overrides",
    [
        {"optimizer.learning_rate": 1e-05, "training.batch_size": np.int64(7)},
        {"optimizer": {"name": "sgd", "learning_rate": 1e-05}, "training.batch_size": 7},
        ["optimizer.learning_rate=1e-05", "training.batch_size=7"],
    ],
)
def test_overrides_replace_settings(config: Path, overrides: Any) -> None:
    experiment = nndiag.load_experiment(config, overrides)
    assert experiment.config.optimizer.options["learning_rate"] == 1e-5
    assert experiment.config.training.batch_size == 7
    assert repr(experiment) == "<Experiment 'small': sine, 8 tanh-1 linear, sgd 1e-05>"


def test_wrong_overrides_are_all_told(config: Path) -> None:
    experiment = nndiag.load_experiment(config)
    with pytest.raises(ConfigError) as caught:
        nndiag.train(experiment, {"optimizer.learning_rat": 1, "training.steps": -1})
    assert len(caught.value.problems) == 2


def test_a_run_is_stored_where_that_is_asked_for(config: Path, tmp_path: Path) -> None:
    stored = nndiag.train(config, runs=tmp_path / "runs")
    assert stored.run is not None
    again = nndiag.diagnose(stored.run)
    np.testing.assert_array_equal(again.trace.loss, stored.trace.loss)
    assert again.diagnosis == stored.diagnosis
    assert again.name == stored.name
    parameters = np.load(stored.run / "parameters.npz")
    for name, array in stored.parameters.items():
        np.testing.assert_array_equal(parameters[name], array)
    repeated = nndiag.load_experiment(stored.run / "config.yaml")
    assert repeated.resolved == nndiag.load_experiment(config).resolved


def test_nothing_is_stored_by_default(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(config.parent)
    nndiag.train(config)
    assert [path.name for path in config.parent.iterdir()] == ["small.yaml"]


def test_a_run_is_judged_again_with_other_thresholds(config: Path) -> None:
    diverged = nndiag.train(config, {"optimizer.learning_rate": 50})
    assert diverged.outcome is Outcome.DIVERGED
    assert diverged.cause is not None
    problem = diverged.cause.finding.problem
    spared = nndiag.diagnose(diverged, ignore=[problem])
    assert problem not in {finding.problem for finding in spared.findings}
    alone = nndiag.diagnose(diverged.trace, select=["exploding-loss"])
    assert {finding.problem for finding in alone.findings} == {"exploding-loss"}
    with pytest.raises(UnknownNameError, match="did you mean"):
        nndiag.diagnose(diverged, ignore=["exploding-los"])


def test_a_configs_own_diagnosis_section_holds(config: Path) -> None:
    with config.open("a") as file:
        file.write("diagnosis: {ignore: [exploding-loss]}\n")
    diverged = nndiag.train(config, {"optimizer.learning_rate": 50}, runs=config.parent / "runs")
    again = nndiag.diagnose(diverged.run or "")
    for one in (diverged, again):
        assert "exploding-loss" not in {finding.problem for finding in one.findings}


def test_a_log_of_another_program_is_judged(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text("step,loss\n" + "\n".join(f"{step},{2.0**step}" for step in range(60)))
    judged = nndiag.diagnose(path)
    assert judged.outcome is Outcome.DIVERGED
    assert judged.name == "log"
    with pytest.raises(RunError):
        nndiag.diagnose(tmp_path / "no.csv")


def test_the_gradient_of_a_config_is_checked(config: Path) -> None:
    check = nndiag.gradcheck(config)
    assert check.correct
    assert repr(check) == "<NetworkCheckResult small: gradient correct>"
    assert "layer1.weights" in str(check)
    assert check.to_dict()["correct"] is True


@pytest.mark.parametrize(("sign", "correct"), [("-", True), ("+", False)])
def test_the_gradient_of_a_program_is_checked(
    tmp_path: Path, program_text: Callable[[str], str], sign: str, correct: bool
) -> None:
    path = tmp_path / "net.py"
    path.write_text(program_text(sign))
    check = nndiag.gradcheck(path, seconds=3)
    assert check.correct is correct
    assert correct or check.findings[0].problem == "wrong-sign"


def test_a_sweep_recommends_a_rate(config: Path) -> None:
    sweep = nndiag.sweep_lr(config, seeds=1, steps=100)
    assert sweep.recommended is not None
    assert repr(sweep).startswith("<SweepResult small: ")
    assert sweep.to_dict()["recommended"] == sweep.recommended


def test_a_program_can_be_swept(tmp_path: Path, program_text: Callable[[str], str]) -> None:
    path = tmp_path / "net.py"
    path.write_text(program_text("-").replace("x**2", "x**3"))  # units without biases are odd
    sweep = nndiag.sweep_lr(path)
    assert sweep.recommended is not None
    assert sweep.configured == pytest.approx(0.1)


def test_a_cure_can_be_trained_at_once(config: Path) -> None:
    found = nndiag.fix(config, {"optimizer.learning_rate": 5})
    assert found.fixed is not None
    assert not nndiag.train(found.fixed).diagnosis.failing
    assert repr(found).startswith("<FixResult small: cured by")
    assert sorted(path.name for path in config.parent.iterdir()) == ["small.yaml"]


def test_a_cure_is_written_beside_the_config_where_that_is_asked_for(config: Path) -> None:
    broken = config.with_name("broken.yaml")
    broken.write_text(CONFIG.replace("0.05", "5"))
    nndiag.fix(broken, write=True)
    (fixed,) = config.parent.glob("broken*fixed*.yaml")
    assert not nndiag.train(fixed).diagnosis.failing


@pytest.mark.parametrize("verb", ["train", "gradcheck", "sweep_lr", "fix", "load_experiment"])
def test_a_missing_config_is_an_nndiag_error(tmp_path: Path, verb: str) -> None:
    with pytest.raises(NndiagError, match="no such config"):
        getattr(nndiag, verb)(tmp_path / "missing.yaml")


def test_a_config_is_looked_over_before_training(config: Path) -> None:
    found = nndiag.doctor(config)
    assert repr(found) == "<CheckupResult small: ready to train>"
    assert "✓ gradient" in str(found)
    assert found.to_dict()["ready"] is True
    with pytest.raises(dataclasses.FrozenInstanceError):
        found.name = "other"  # type: ignore[misc]


def test_a_cause_is_confirmed_where_that_is_asked_for(config: Path) -> None:
    overrides = {"optimizer.learning_rate": 5.0}
    told, tried = (nndiag.train(config, overrides, confirm=asked) for asked in (False, True))
    assert told.cause is not None
    assert tried.cause is not None
    assert (told.cause.confidence, tried.cause.confidence) == ("likely", "confirmed")
    np.testing.assert_array_equal(told.trace.loss, tried.trace.loss)


@pytest.mark.parametrize(
    ("verb", "pictures"), [("train", 3), ("sweep_lr", 1), ("fix", 1), ("gradcheck", 0)]
)
def test_every_result_shows_itself_in_a_notebook(config: Path, verb: str, pictures: int) -> None:
    result: Any = getattr(nndiag, verb)(config, {"training.steps": 30})
    shown = result._repr_html_()
    assert shown.startswith("<pre")
    assert shown.count("<svg") == pictures
    assert repr(result).count("\n") == 0


def test_a_verb_called_from_python_stores_all_that_the_command_stores(config: Path) -> None:
    stored = nndiag.train(config, runs=config.parent / "runs")
    assert stored.run is not None
    document = json.loads((stored.run / "diagnosis.json").read_text())
    assert document == stored.to_dict()
    assert {path.name for path in (stored.run / "plots").iterdir()} >= {"loss.png"}


def test_runs_are_compared(config: Path) -> None:
    rates = (0.05, 0.01)
    found = nndiag.compare(*(nndiag.train(config, {"optimizer.learning_rate": x}) for x in rates))
    (differing,) = found.differences
    assert (differing.key, *differing.values) == ("optimizer.learning_rate", *rates)
    assert str(found).splitlines()[0].startswith("best: A (R² ")


def test_what_has_a_name_is_explained() -> None:
    assert "Dead" not in nndiag.explain("dead-units").line()
    assert nndiag.explain("Dead units").entry.kind == "problems"


def test_a_config_is_written_to_start_from(tmp_path: Path) -> None:
    path = nndiag.init(tmp_path / "new.yaml", data="circles")
    assert nndiag.load_experiment(path).config.dataset.name == "circles"
    with pytest.raises(ConfigError, match="exists already"):
        nndiag.init(path)
