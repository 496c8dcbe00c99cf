"""Pages and catalogues name everything, and nothing is cut off."""

import pytest
from rich.console import Console

from nndiag.errors import UnknownNameError
from nndiag.finding import Outcome
from nndiag.report.catalogue import KINDS, catalogue_document, catalogue_view, registry_of
from nndiag.report.glossary import TERMS
from nndiag.report.page import page_view


def shown(renderable, *, width=80):
    console = Console(width=width, no_color=True)
    with console.capture() as captured:
        console.print(renderable)
    return captured.get()


@pytest.mark.parametrize("kind", KINDS)
def test_a_catalogue_names_every_component_and_option(kind):
    text = shown(catalogue_view([kind]))
    registry = registry_of(kind)
    for name in registry.names():
        assert name in text
        for option in registry.options(name):
            assert option in text


def test_a_required_option_has_no_default():
    (gate,) = [one for one in catalogue_document(["datasets"])["datasets"] if one["name"] == "csv"]
    assert gate["options"]["path"] == {"required": True}


def test_an_unknown_kind_is_refused_with_a_suggestion():
    with pytest.raises(UnknownNameError, match="did you mean 'losses'"):
        registry_of("loses")


def test_every_outcome_is_explained():
    assert set(map(str, Outcome)) <= set(TERMS)


PAGE = """A first line.

What it sees
    Something that is long enough to be folded
    over two lines.

Source
    A paper.
"""


def test_a_page_keeps_its_sections_and_folds_its_lines():
    lines = [
        line.rstrip() for line in shown(page_view("some-problem", PAGE), width=30).splitlines()
    ]
    assert lines == [
        "some-problem",
        "",
        "A first line.",
        "",
        "What it sees",
        "  Something that is long",
        "  enough to be folded over two",
        "  lines.",
        "",
        "Source",
        "  A paper.",
    ]
