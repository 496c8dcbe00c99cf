import os

import pytest
import yaml

from nndiag.errors import ConfigError
from nndiag.experiment import experiment_of, load_experiment, load_program, resolved_yaml
from nndiag.experiment.config import ProgramConfig

FULL = """\
name: full
seed: 3
dataset: {name: sine, samples: 30, low: -1e-3, noise: 1e-20, scale_inputs: minmax, seed: 5}
network:
  layers:
    - {units: 2, activation: {name: leaky_relu, slope: 0.3}, initializer: he_normal, bias: false}
    - {units: 2, weights: [[1, 2], [0.1, 1e-7]], biases: [1, 2]}
    - {units: 1, bias_initializer: {name: constant, value: 0.5}}
  initializer: {name: normal, std: 0.1}
loss: {name: huber, delta: 2}
optimizer: {name: rmsprop, learning_rate: 0.001, clip_norm: 1, weight_decay: 1e-4}
training: {epochs: 5, batch_size: 7, order: with_replacement, stop_when_converged: true}
diagnosis: {thresholds: {vanishing-gradients: {ratio: 1e-3}}, ignore: [dead-units]}
expect: {outcome: stalled, findings: [dead-units]}
"""


def refused(call, *arguments):
    with pytest.raises(ConfigError) as caught:
        call(*arguments)
    return caught.value.problems


def test_needs_only_data_and_layers(write):
    config = load_experiment(write()).config
    assert (config.name, config.seed, config.training.steps) == ("config", 0, 1000)
    assert (config.loss.name, config.optimizer.name) == ("mean_squared_error", "sgd")
    assert [layer.activation.name for layer in config.network.layers] == ["tanh", "linear"]


def test_writes_a_config_that_gives_the_same_experiment(write):
    first = load_experiment(write(FULL))
    second = load_experiment(write(resolved_yaml(first), "elsewhere/again.yaml"))
    assert second.config == first.config
    assert resolved_yaml(second) == resolved_yaml(first)


def test_writes_every_default_out(write):
    written = yaml.safe_load(resolved_yaml(load_experiment(write())))
    assert written["training"]["steps"] == 1000
    assert written["dataset"]["samples"] == 200
    assert written["network"]["bias"] is True
    assert "extends" not in written


@pytest.mark.parametrize("name", ["1e5", "no", "0x1f", "3.0", "1e-3", "a b", "é"])
def test_keeps_a_name_that_looks_like_something_else(write, name):
    first = load_experiment(write(FULL), [f"name='{name}'"])
    assert load_experiment(write(resolved_yaml(first))).config.name == name


def test_writes_paths_that_hold_in_any_folder(write):
    text = "dataset: {name: csv, path: d.csv}\nnetwork: {layers: [{units: 1}]}\n"
    first = load_experiment(write(text, "a/c.yaml"))
    second = load_experiment(write(resolved_yaml(first), "b/c.yaml"))
    assert second.config.dataset.options["path"] == first.config.dataset.options["path"]


def test_takes_plain_data_as_a_file_s(write):
    first = load_experiment(write(FULL))
    assert experiment_of(first.resolved).config == first.config


def test_checks_plain_data():
    (problem,) = refused(experiment_of, {"dataset": "sine", "network": {"layers": [{"unit": 1}]}})
    assert problem.hint == "did you mean 'units'?"


def test_knows_where_a_key_stands(write):
    path = write(FULL)
    experiment = load_experiment(path)
    assert str(experiment.location("optimizer", "learning_rate")) == f"{path}:11:28"
    assert str(experiment.location("network", "layers", 1, "biases")) == f"{path}:7:50"


def test_knows_the_section_of_a_key_that_is_not_written(write):
    path = write(FULL)
    assert str(load_experiment(path).location("optimizer", "decay")) == f"{path}:11:1"


@pytest.mark.parametrize(
    ("name", "expected"),
    [("my net (2).yaml", "my-net-2-"), ("..yaml", "experiment"), ("x.y.yml", "x.y")],
)
def test_names_an_experiment_after_its_file(write, name, expected):
    assert load_experiment(write(name=name)).config.name == expected


def test_does_not_change_when_loaded():
    with pytest.raises(Exception, match="frozen"):
        ProgramConfig.model_validate({"code": {"class": "a"}}).seed = 3


@pytest.mark.parametrize(
    ("content", "line", "message"),
    [
        ("", None, "the config is empty"),
        ("# only a comment\n", None, "the config is empty"),
        ("- 1\n", 1, "the config is not a mapping"),
        ("hello\n", 1, "the config is not a mapping"),
        (b"a: 1\nb: \xff\n", 2, "the config is not UTF-8"),
        ("seed: 1\n".encode("utf-16"), 1, "the config is not UTF-8"),
        (b"# " + b"x" * 5_000_000, None, "the config is too large"),
    ],
)  # fmt: skip
def test_refuses_files_that_are_no_config(write, content, line, message):
    problem = refused(load_experiment, write(content))[0]
    assert problem.message.startswith(message)
    assert problem.location.line == line or line is None


def test_reads_a_file_with_a_byte_order_mark_and_windows_line_ends(write):
    path = write(b"\xef\xbb\xbf" + FULL.replace("\n", "\r\n").encode())
    assert str(load_experiment(path).location("seed")) == f"{path}:2:1"


def test_refuses_a_missing_file_with_a_suggestion(write, tmp_path):
    write(name="sine.yaml")
    (problem,) = refused(load_experiment, tmp_path / "sin.yaml")
    assert problem.message == "no such config"
    assert "sine.yaml" in problem.hint


def test_refuses_a_folder(tmp_path):
    (problem,) = refused(load_experiment, tmp_path)
    assert problem.message == "this is a folder, not a config"


def test_a_run_s_folder_is_told_with_its_config(tmp_path):
    (tmp_path / "config.yaml").write_text("dataset: sine\n")
    (problem,) = refused(load_experiment, tmp_path)
    assert problem.hint == f"the config of this run is {tmp_path / 'config.yaml'}"


def test_a_program_is_told_with_the_commands_that_take_one(tmp_path):
    (tmp_path / "net.py").write_text("import numpy\n")
    (problem,) = refused(load_experiment, tmp_path / "net.py")
    assert problem.message == "this is a program, not a config"
    assert "nndiag gradcheck" in problem.hint


@pytest.mark.parametrize("name", ["-", os.devnull])
def test_refuses_what_is_no_file(name):
    (problem,) = refused(load_experiment, name)
    assert problem.message == "a pipe or a device is no config"
    assert "store the config in a file" in problem.hint


PROGRAM = """\
code:
  script: my_net.py
  loss: "np.mean((y - l2)**2)"
  parameters: [w0, w1]
  learning_rate: lr
  gradients: {w0: dw0}
"""


def test_reads_a_config_that_names_a_program(write, tmp_path):
    program = load_program(write(PROGRAM))
    assert program.config.code.script == tmp_path / "my_net.py"
    assert program.config.code.gradients == {"w0": "dw0"}


def test_finds_the_file_of_a_class(write, tmp_path):
    program = load_program(write("code: {class: 'net.py:Network'}\n"))
    assert program.resolved["code"]["class"] == f"{tmp_path}/net.py:Network"


def test_leaves_statements_that_make_a_step_as_they_are(write):
    step = "grads, cost = propagate(w, b, X, Y)"
    program = load_program(write(f"code: {{script: net.py, functions: '{step}'}}\n"))
    assert program.resolved["code"]["functions"] == step


def test_refuses_statements_without_a_program(write):
    (problem,) = refused(load_program, write("code: {functions: step()}\n"))
    assert "names no program" in problem.message


def test_gives_no_program_for_a_network(write):
    assert load_program(write(FULL)) is None


def test_gives_the_program_of_a_config_with_a_network(write):
    assert load_program(write(FULL + PROGRAM)).config.code.loss == "np.mean((y - l2)**2)"
    assert load_experiment(write(FULL + PROGRAM)).config.code.learning_rate == "lr"


def test_tells_that_a_program_is_not_trained(write):
    (problem,) = refused(load_experiment, write(PROGRAM))
    assert problem.message == "this config names a program and no network"
    assert "nndiag gradcheck" in problem.hint


def test_refuses_two_ways_to_name_a_program(write):
    (problem,) = refused(load_program, write("code: {script: a.py, class: 'a.py:Net'}\n"))
    assert "keep one" in problem.message
