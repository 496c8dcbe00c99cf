import json

import pytest

from nndiag.experiment.schema import json_schema
from nndiag.nn.activations import ACTIVATIONS
from nndiag.nn.datasets import DATASETS
from nndiag.nn.losses import LOSSES
from nndiag.nn.optimizers import OPTIMIZERS


def components(section):
    """Schemas of the components of one section, by name."""
    return {entry["title"]: entry for entry in section["anyOf"] if "title" in entry}


@pytest.mark.parametrize(
    ("key", "registry"), [("dataset", DATASETS), ("loss", LOSSES), ("optimizer", OPTIMIZERS)]
)
def test_has_every_component_with_its_options(key, registry):
    found = components(json_schema()["properties"][key])
    assert list(found) == registry.names()
    for name, schema in found.items():
        assert registry.options(name).keys() <= schema["properties"].keys()
        assert schema["description"] == registry.summary(name)


def test_has_the_activations_of_a_layer():
    layer = json_schema()["$defs"]["Layer"]["properties"]
    assert list(components(layer["activation"])) == ACTIVATIONS.names()


def test_offers_bare_names_of_components_without_required_options():
    (bare,) = [
        entry for entry in json_schema()["properties"]["dataset"]["anyOf"] if "enum" in entry
    ]
    assert {"sine", "circles"} <= set(bare["enum"])
    assert not {"csv", "logic_gate"} & set(bare["enum"])


def test_states_bounds():
    sgd = components(json_schema()["properties"]["optimizer"])["sgd"]["properties"]
    assert sgd["learning_rate"]["exclusiveMinimum"] == 0
    assert (sgd["momentum"]["minimum"], sgd["momentum"]["exclusiveMaximum"]) == (0, 1)


def test_is_json_in_which_every_reference_leads_somewhere():
    schema = json_schema()
    text = json.dumps(schema, allow_nan=False)
    references = {part.split('"')[0] for part in text.split('"#/$defs/')[1:]}
    assert references <= schema["$defs"].keys()
