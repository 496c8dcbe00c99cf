import pytest

from nndiag.errors import ConfigError
from nndiag.experiment import load_experiment

PARENT = """\
name: parent
seed: 7
dataset: {name: sine, samples: 50, noise: 0.1, validation: 0.2}
network:
  layers:
    - {units: 5, activation: tanh}
    - {units: 1}
  initializer: {name: uniform, low: -2, high: 2}
optimizer: {name: sgd, learning_rate: 0.3, momentum: 0.9, clip_norm: 5}
training: {steps: 50, batch_size: 10}
expect: {outcome: diverged}
"""


@pytest.fixture
def extended(write):
    """The experiment of a config that extends PARENT."""
    write(PARENT, "parent.yaml")

    def load(text="", *overrides):
        return load_experiment(write(f"extends: parent.yaml\n{text}", "child.yaml"), overrides)

    return load


def refused(load, *arguments):
    with pytest.raises(ConfigError) as caught:
        load(*arguments)
    return caught.value.problems


def test_keeps_what_the_child_does_not_say(extended):
    config = extended("training: {batch_size: 5}\n").config
    assert (config.training.steps, config.training.batch_size) == (50, 5)
    assert config.seed == 7


def test_does_not_inherit_name_and_expectation(extended):
    config = extended().config
    assert config.name == "child"
    assert config.expect is None


def test_replaces_lists(extended):
    config = extended("network: {layers: [{units: 1}]}\n").config
    assert len(config.network.layers) == 1
    assert config.network.initializer.name == "uniform"


def test_keeps_options_of_the_same_component(extended):
    optimizer = extended("optimizer: {learning_rate: 0.01}\n").config.optimizer
    assert (optimizer.name, optimizer.learning_rate) == ("sgd", 0.01)
    assert optimizer.options["momentum"] == 0.9


@pytest.mark.parametrize("text", ["optimizer: adam\n", "optimizer: {name: adam}\n"])
def test_keeps_only_options_that_a_new_component_has_too(extended, text):
    optimizer = extended(text).config.optimizer
    assert (optimizer.name, optimizer.learning_rate, optimizer.clip_norm) == ("adam", 0.3, 5)
    assert "momentum" not in optimizer.options


def test_keeps_options_where_the_same_name_is_given_again(extended):
    assert extended("optimizer: sgd\n").config.optimizer.options["momentum"] == 0.9


def test_replaces_one_alternative_by_another(extended):
    training = extended("training: {epochs: 3}\n").config.training
    assert (training.steps, training.epochs) == (None, 3)


def test_takes_back_a_value_by_null(extended):
    assert extended("optimizer: {clip_norm: null}\n").config.optimizer.clip_norm is None


def test_follows_a_chain_in_other_folders(write):
    write(PARENT, "base/parent.yaml")
    write("extends: base/parent.yaml\nseed: 8\n", "middle.yaml")
    path = write("extends: ../middle.yaml\ntraining: {steps: 9}\n", "top/child.yaml")
    config = load_experiment(path).config
    assert (config.seed, config.training.steps, config.dataset.options["samples"]) == (8, 9, 50)


def test_locates_a_parent_s_problem_in_the_parent(write):
    parent = write(PARENT.replace("momentum", "momentun"), "parent.yaml")
    child = write("extends: parent.yaml\nseed: x\n", "child.yaml")
    found = refused(load_experiment, child)
    assert [str(problem.location) for problem in found] == [f"{child}:2:7", f"{parent}:9:44"]


@pytest.mark.parametrize("second", ["a.yaml", "b.yaml"])
def test_refuses_a_circle(write, second):
    write(f"extends: {second}\n", "b.yaml")
    path = write("extends: b.yaml\n", "a.yaml")
    (problem,) = refused(load_experiment, path)
    assert problem.message == "configs extend each other in a circle"
    assert problem.location.line == 1


def test_suggests_the_config_that_was_meant(write):
    write(PARENT, "parent.yaml")
    path = write("extends: parrent.yaml\n")
    (problem,) = refused(load_experiment, path)
    assert problem.message.startswith("no such config")
    assert "parent.yaml" in problem.hint
    assert problem.location.column == 10


@pytest.mark.parametrize("value", ["[a.yaml]", "3", '"\\0"', "."])
def test_refuses_an_extends_that_is_no_file(write, value):
    (problem,) = refused(load_experiment, write(f"extends: {value}\n"))
    assert problem.location.line == 1


@pytest.mark.parametrize(
    ("override", "value"),
    [
        ("optimizer.learning_rate=1e-2", lambda c: c.optimizer.learning_rate == 0.01),
        ("optimizer=adam", lambda c: c.optimizer.name == "adam"),
        ("optimizer={name: sgd}", lambda c: c.optimizer.options["momentum"] == 0.9),
        ("network.layers.0.units=9", lambda c: c.network.layers[0].units == 9),
        ("network.layers[0].units=9", lambda c: c.network.layers[0].units == 9),
        (
            "network.layers.-1.activation=tanh",
            lambda c: c.network.layers[1].activation.name == "tanh",
        ),
        ("network.layers=[{units: 1}]", lambda c: len(c.network.layers) == 1),
        ("network.bias = false", lambda c: c.network.bias is False),
        ("training.epochs=3", lambda c: c.training.steps is None),
        ("loss.reduction=sum", lambda c: c.loss.options["reduction"] == "sum"),
        (
            "diagnosis.thresholds.dead-units.share=0.5",
            lambda c: c.diagnosis.thresholds == {"dead-units": {"share": 0.5}},
        ),
        ("name=a b", lambda c: c.name == "a b"),
        ("dataset.seed=3", lambda c: c.dataset.seed == 3),
    ],
)
def test_overrides_any_key(extended, override, value):
    assert value(extended("", override).config)


def test_applies_overrides_in_their_order(extended):
    assert extended("", "seed=1", "seed=2").config.seed == 2


@pytest.mark.parametrize(
    ("override", "message", "hint"),
    [
        ("optimizer.lr=0.1", "unknown key 'lr' in optimizer", "did you mean 'learning_rate'?"),
        ("optimiser.x=1", "unknown key 'optimiser' in the config", "did you mean 'optimizer'?"),
        ("loss=categorical_cross_entropy", "unknown loss 'categorical_cross_entropy'",
         "did you mean 'softmax_cross_entropy'?"),
        ("dataset.name=xor", "unknown dataset 'xor'", "did you mean 'logic_gate'?"),
        ("network.layers.2.units=3", "no item '2' in the list", None),
        ("network.layers.x=3", "no item 'x' in the list", None),
        ("seed=x", "'seed' must be a whole number", None),
        ("seed.x=3", "'seed' must be a whole number", None),
        ("seed=", "'seed' has no value", "write one after the ="),
        ("seed=[", "not YAML: did not find expected node content while parsing a flow node", None),
        ("extends=other.yaml", "'extends' cannot be overridden", "name the config"),
    ],
)  # fmt: skip
def test_locates_problems_of_overrides_on_the_command_line(extended, override, message, hint):
    (problem,) = refused(extended, "", override)
    assert str(problem.location) == f"command line: {override}"
    assert problem.message == message
    assert problem.hint == hint


@pytest.mark.parametrize("override", ["seed", "=3", "", "a..b=3", ".=1"])
def test_refuses_what_is_no_override(extended, override):
    (problem,) = refused(extended, "", override)
    assert problem.message == f"not an override: {override!r}"


def test_reports_problems_of_the_file_and_of_all_overrides_together(extended):
    found = refused(extended, "sede: 1\n", "optimizer.lr=1", "foo", "seed=x")
    assert len(found) == 4


def test_finds_paths_relative_to_the_file_that_names_them(write, tmp_path):
    write("dataset: {name: csv, path: d.csv}\nnetwork: {layers: [{units: 1}]}\n", "base/p.yaml")
    path = write("extends: base/p.yaml\n", "child.yaml")
    assert load_experiment(path).config.dataset.options["path"] == tmp_path / "base/d.csv"


def test_finds_paths_of_overrides_relative_to_the_working_folder(write, tmp_path, monkeypatch):
    path = write("dataset: {name: csv, path: d.csv}\nnetwork: {layers: [{units: 1}]}\n", "a/c.yaml")
    monkeypatch.chdir(tmp_path)
    config = load_experiment(path, ["dataset.path=e.csv"]).config
    assert config.dataset.options["path"] == tmp_path / "e.csv"
