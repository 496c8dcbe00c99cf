from pathlib import Path
from typing import Annotated, Literal

import pytest
from annotated_types import Gt
from pydantic import ValidationError

from nndiag.experiment.components import Component, ComponentOf
from nndiag.experiment.config import (
    AnyActivation,
    AnyDataset,
    AnyInitializer,
    AnyLoss,
    AnyOptimizer,
    ScalingName,
)
from nndiag.nn.scaling import SCALINGS
from nndiag.registry import Registry

FRUIT = Registry("fruit")


@FRUIT.register("apple")
def apple(*, weight: Annotated[float, Gt(0)], colour: Literal["red", "green"] = "red"):
    return weight, colour


@FRUIT.register("letter")
def letter(*, file: Path = Path("x")):
    return file


ANY = ComponentOf(FRUIT)
KINDS = [
    annotation.__metadata__[0]
    for annotation in (AnyDataset, AnyActivation, AnyInitializer, AnyLoss, AnyOptimizer)
]


def test_takes_options_from_the_signature():
    component = ANY.parse({"name": "apple", "weight": 2})
    assert component.options == {"weight": 2.0, "colour": "red"}
    assert FRUIT.get(component.name)(**component.options) == (2.0, "red")


@pytest.mark.parametrize(
    "settings",
    [
        {"name": "apple"},
        {"name": "apple", "weight": 0},
        {"name": "apple", "weight": "1"},
        {"name": "apple", "weight": 1, "colour": "blue"},
        {"name": "apple", "weight": 1, "size": 3},
        {"name": "letter", "file": 3},
    ],
)
def test_refuses_what_the_signature_does_not_allow(settings):
    with pytest.raises(ValidationError):
        ANY.parse(settings)


def test_takes_text_for_a_path():
    assert ANY.parse({"name": "letter", "file": "a/b"}).options == {"file": Path("a/b")}


def test_leaves_a_component_as_it_is():
    component = ANY.parse("letter")
    assert ANY.parse(component) is component


def test_takes_the_default_where_no_name_is_given():
    assert ComponentOf(FRUIT, default="letter").parse({"file": "z"}).name == "letter"


def test_builds_each_model_once():
    assert ANY.model("apple") is ANY.model("apple")


@pytest.mark.parametrize(
    ("kind", "name"), [(kind, name) for kind in KINDS for name in kind.registry.names()]
)
def test_gives_every_registered_component_a_model(kind, name):
    model = kind.model(name)
    assert issubclass(model, Component)
    assert set(model.registered) == set(kind.registry.options(name))


@pytest.mark.parametrize(
    ("kind", "name"), [(kind, name) for kind in KINDS for name in kind.registry.names()]
)
def test_has_defaults_that_its_own_bounds_allow(kind, name):
    options = kind.registry.options(name)
    defaults = {key: option.default for key, option in options.items() if not option.required}
    required = {"gate": "and", "path": "x", "value": 1.0}
    given = {key: required[key] for key, option in options.items() if option.required}
    assert kind.parse({"name": name, **defaults, **given}).name == name


def test_lists_every_scaling():
    assert list(ScalingName.__args__) == SCALINGS.names()
