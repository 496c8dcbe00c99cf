"""The cured config on disk: small, readable, never in the place of another."""

from pathlib import Path

import pytest
import yaml

from nndiag.errors import RunError
from nndiag.experiment import load_experiment
from nndiag.fixing import write_cured
from nndiag.remedies import changed

CONFIG = """\
# a sine
dataset: {name: sine, samples: 20}
network:
  layers: [{units: 4, activation: tanh}, {units: 1}]
optimizer: {name: sgd, learning_rate: 3, momentum: 0.5}
expect: {outcome: diverged}
"""


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "wave.yaml"
    path.write_text(CONFIG)
    return path


def cured_by(config, changes, overrides=()):
    return changed(load_experiment(config, overrides), changes)


def test_the_file_extends_the_config_and_holds_only_what_changes(config):
    cured = cured_by(config, {"optimizer": {"learning_rate": 0.01}})
    path = write_cured(config, cured, comment="cured")
    assert path == config.with_name("wave.fixed.yaml")
    assert yaml.safe_load(path.read_text()) == {
        "extends": "wave.yaml",
        "optimizer": {"learning_rate": 0.01},
    }


def test_the_file_gives_the_cured_experiment_again(config):
    layers = [{"units": 8, "activation": "relu"}, {"units": 1}]
    cured = cured_by(config, {"network": {"layers": layers}, "optimizer": {"name": "adam"}})
    again = load_experiment(write_cured(config, cured, comment="cured"))
    for key in ("dataset", "network", "loss", "optimizer", "training", "seed"):
        assert again.resolved[key] == cured.resolved[key]
    assert again.config.expect is None


def test_a_component_without_options_is_written_as_its_name(config):
    layers = [{"units": 8, "activation": "relu"}, {"units": 1}]
    path = write_cured(config, cured_by(config, {"network": {"layers": layers}}), comment="x")
    assert "{units: 8, activation: relu}" in path.read_text()


def test_overrides_of_the_command_line_are_kept(config):
    cured = cured_by(config, {"optimizer": {"learning_rate": 0.01}}, ["training.steps=7"])
    again = load_experiment(write_cured(config, cured, comment="cured"))
    assert again.config.training.steps == 7


def test_what_is_there_already_stays(config):
    cured = cured_by(config, {"optimizer": {"learning_rate": 0.01}})
    names = [write_cured(config, cured, comment="cured").name for _ in range(3)]
    assert names == ["wave.fixed.yaml", "wave.fixed-2.yaml", "wave.fixed-3.yaml"]
    assert config.read_text() == CONFIG


def test_a_comment_of_several_lines_stands_above(config):
    cured = cured_by(config, {"optimizer": {"learning_rate": 0.01}})
    text = write_cured(config, cured, comment="one\ntwo").read_text()
    assert text.startswith("# one\n# two\nextends: wave.yaml\n")


def test_a_file_without_the_usual_ending_keeps_its_name(config):
    plain = config.rename(config.with_name("wave.conf"))
    cured = cured_by(plain, {"optimizer": {"learning_rate": 0.01}})
    assert write_cured(plain, cured, comment="cured").name == "wave.conf.fixed.yaml"


def test_a_folder_that_cannot_be_written_is_told(config, monkeypatch):
    opened = Path.open

    def refuse(self, mode="r", **options):
        if mode == "x":
            raise PermissionError(13, "Permission denied")
        return opened(self, mode, **options)

    cured = cured_by(config, {"optimizer": {"learning_rate": 0.01}})
    monkeypatch.setattr("pathlib.Path.open", refuse)
    with pytest.raises(RunError, match="permission denied"):
        write_cured(config, cured, comment="cured")
