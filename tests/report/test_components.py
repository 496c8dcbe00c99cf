"""What is read from the source is what is registered when it is imported."""

import inspect

import pytest

from nndiag.bugs import BUGS
from nndiag.detectors import DETECTORS
from nndiag.nn.activations import ACTIVATIONS
from nndiag.nn.datasets import DATASETS
from nndiag.nn.initializers import INITIALIZERS
from nndiag.nn.losses import LOSSES
from nndiag.nn.optimizers import OPTIMIZERS
from nndiag.remedies import remedies
from nndiag.report.catalogue import entries_of
from nndiag.report.components import REQUIRED

REGISTRIES = {
    "datasets": DATASETS,
    "activations": ACTIVATIONS,
    "initializers": INITIALIZERS,
    "losses": LOSSES,
    "optimizers": OPTIMIZERS,
    "problems": DETECTORS,
    "bugs": BUGS,
}


@pytest.mark.parametrize("kind", REGISTRIES)
def test_every_registered_component_is_read_and_no_other(kind):
    assert {entry.name for entry in entries_of(kind)} == set(REGISTRIES[kind].names())


@pytest.mark.parametrize("kind", REGISTRIES)
def test_options_and_summaries_are_those_of_the_functions(kind):
    registry = REGISTRIES[kind]
    for entry in entries_of(kind):
        defaults = {
            name: REQUIRED if option.required else option.default
            for name, option in registry.options(entry.name).items()
        }
        assert entry.options == defaults
        assert entry.summary == registry.summary(entry.name).rstrip(".")


def test_remedies_are_those_that_are_registered():
    known = remedies()
    entries = entries_of("fixes")
    assert {entry.name for entry in entries} == set(known)
    for entry in entries:
        remedy = known[entry.name]
        assert entry.summary == remedy.title
        assert entry.page.endswith(f"Source: {remedy.source}.")
        assert f"Tried first against {', '.join(sorted(remedy.cures))}." in entry.page


@pytest.mark.parametrize("kind", ["problems", "bugs"])
def test_the_page_of_a_rule_is_the_docstring_of_its_file(kind):
    for entry in entries_of(kind):
        function = inspect.unwrap(REGISTRIES[kind].get(entry.name))
        assert entry.page == inspect.getdoc(inspect.getmodule(function))
