"""What a verb is given is told apart in one place."""

from pathlib import Path

import pytest

from nndiag.cli.app import with_verb
from nndiag.errors import ConfigError
from nndiag.experiment import experiment_of
from nndiag.verbs.target import Kind, kind_of, program_of, words_of

NETWORK = {"dataset": "sine", "network": {"layers": [{"units": 1}]}}


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("net.py", Kind.PROGRAM),
        ("nets/net.ipynb", Kind.PROGRAM),
        ("net.py:Network", Kind.PROGRAM),
        ("sine.yaml", Kind.CONFIG),
        ("sine.YML", Kind.CONFIG),
        ("log.csv", Kind.LOG),
        ("history.jsonl", Kind.LOG),
        ("train.txt", Kind.LOG),
        ("trian", None),
        ("net.py:not a name", None),
        ("x" * 5000, None),
    ],
)
def test_a_file_is_known_by_its_name(name, kind):
    assert kind_of(name) is kind


def test_a_folder_is_a_run(tmp_path):
    assert kind_of(tmp_path) is Kind.RUN


def test_a_program_is_named_by_its_file_or_by_its_class():
    assert program_of("my_net.py").script == "my_net.py"
    assert program_of(Path("nets/my_net.ipynb")).script == "nets/my_net.ipynb"
    assert program_of("my_net.py:Network").class_name == "my_net.py:Network"
    assert program_of(NETWORK) is None


def test_what_is_what_in_a_program_can_be_said():
    found = program_of(
        "my_net.py",
        [
            "loss=np.mean((y == l2)**2)",
            "parameters=[w0, w1]",
            "code.learning_rate=lr",
            "gradients.w0=dw0",
        ],
    )
    assert found.loss == "np.mean((y == l2)**2)"
    assert found.parameters == ("w0", "w1")
    assert found.learning_rate == "lr"
    assert found.gradients == {"w0": "dw0"}


def test_what_says_nothing_about_a_program_is_refused():
    with pytest.raises(ConfigError, match="'seed=3' says nothing about a program"):
        program_of("net.py", {"seed": 3})


def test_a_target_is_written_as_a_command_line_has_it():
    assert words_of("my net.yaml", {"seed": 3}) == "'my net.yaml' seed=3"
    assert words_of(NETWORK) is None
    assert words_of(experiment_of(NETWORK)) is None


@pytest.mark.parametrize(
    ("arguments", "whole"),
    [
        (["sine.yaml", "seed=3"], ["train", "sine.yaml", "seed=3"]),
        (["net.py:Network"], ["train", "net.py:Network"]),
        (["log.csv", "--json"], ["diagnose", "log.csv", "--json"]),
        (["train", "sine.yaml"], ["train", "sine.yaml"]),
        (["trian", "sine.yaml"], ["trian", "sine.yaml"]),
        (["--version"], ["--version"]),
        ([], []),
    ],
)
def test_a_file_alone_stands_for_the_command_that_is_for_its_kind(arguments, whole):
    assert with_verb(arguments) == whole
