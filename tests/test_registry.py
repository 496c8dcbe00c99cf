"""Names that were probably meant."""

import pickle

import pytest

from nndiag.errors import UnknownNameError
from nndiag.nn.activations import ACTIVATIONS
from nndiag.nn.losses import LOSSES
from nndiag.nn.optimizers import OPTIMIZERS
from nndiag.registry import Registry, suggestion

NAMES = [
    *("elu", "relu", "leaky_relu", "tanh", "mean_squared_error"),
    *("dead-units", "vanishing-gradients"),
]


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("Relu", "relu"),
        ("leaky-ReLU", "leaky_relu"),
        ("Dead Units", "dead-units"),
        ("dead_unit", "dead-units"),
        ("vanish", "vanishing-gradients"),
        ("mean", "mean_squared_error"),
        ("thanh", "tanh"),
        ("dead", "dead-units"),
        ("squared", "mean_squared_error"),
    ],
)
def test_suggests_what_was_probably_meant(word, meant):
    assert suggestion(word, NAMES) == f"did you mean {meant!r}?"


@pytest.mark.parametrize("word", ["", "x", "softmax_cross"])
def test_suggests_nothing_where_nothing_is_near(word):
    assert suggestion(word, NAMES) is None


@pytest.mark.parametrize(
    ("many", "allowed"), [(2, "name0, name1"), (21, "the names that `nndiag list` shows")]
)
def test_names_are_listed_as_long_as_one_can_read_them(many, allowed):
    registry = Registry("thing")
    for number in range(many):
        registry.register(f"name{number}")(lambda: None)
    with pytest.raises(UnknownNameError) as caught:
        registry.get("nmae1")
    (problem,) = caught.value.problems
    assert (problem.allowed, problem.hint) == (allowed, "did you mean 'name1'?")


@pytest.mark.parametrize("registry", [ACTIVATIONS, LOSSES, OPTIMIZERS], ids=lambda one: one.kind)
def test_every_component_survives_pickling_with_its_options(registry):
    for name in registry.names():
        component = registry.get(name)()
        again = pickle.loads(pickle.dumps(component))
        assert plain(again) == plain(component)


def test_options_and_later_changes_survive_pickling():
    optimizer = OPTIMIZERS.get("sgd")(learning_rate=0.5, momentum=0.9).changed(clip_norm=2.0)
    again = pickle.loads(pickle.dumps(optimizer))
    assert (again.learning_rate, again.momentum, again.clip_norm) == (0.5, 0.9, 2.0)
    assert again.memories == 1  # the update is that with momentum


def test_a_part_of_a_component_survives_pickling_by_itself():
    absorbed = LOSSES.get("binary_cross_entropy")(reduction="sum").absorbed
    again = pickle.loads(pickle.dumps(absorbed))
    assert again.absorbs is None
    assert plain(again) == plain(absorbed)


def plain(component):
    """The values of a component that are not functions or components."""
    kinds = (str, int, float, tuple, type(None))
    values = vars(component).items()
    return {key: value for key, value in values if isinstance(value, kinds) and key != "_origin"}
