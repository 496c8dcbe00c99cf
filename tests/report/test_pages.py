"""Pages and catalogues name everything, and nothing is cut off."""

import pytest
from rich.console import Console

from nndiag.errors import UnknownNameError
from nndiag.finding import Outcome
from nndiag.report.catalogue import (
    KINDS,
    entries_of,
    entry_of,
)
from nndiag.report.catalogue_document import OptionDocument, list_document
from nndiag.report.catalogue_view import catalogue_view
from nndiag.report.glossary import terms
from nndiag.report.page import page_view


def shown(renderable, *, width=80):
    console = Console(width=width, no_color=True)
    with console.capture() as captured:
        console.print(renderable)
    return captured.get()


@pytest.mark.parametrize("kind", KINDS)
def test_a_catalogue_names_every_entry_and_option(kind):
    text = shown(catalogue_view([kind]))
    for entry in entries_of(kind):
        assert entry.name in text
        for option in entry.options:
            assert option in text


@pytest.mark.parametrize("kind", KINDS)
def test_every_entry_has_a_summary_and_a_page_of_its_own(kind):
    for entry in entries_of(kind):
        assert entry.summary
        assert not entry.summary.endswith(".")
        assert entry.summary[:20] in " ".join(entry.page.split())


@pytest.mark.parametrize(
    "name", ["vanishing-gradients", "vanishing_gradients", "wrong-sign", "tanh"]
)
def test_whatever_has_a_name_can_be_found(name):
    assert entry_of(name).name == name.replace("_", "-")


def test_a_required_option_has_no_default():
    (csv,) = [one for one in list_document(["datasets"]).kinds["datasets"] if one.name == "csv"]
    assert csv.options["path"] == OptionDocument(required=True, default=None)


def test_an_unknown_kind_is_refused_with_a_suggestion():
    with pytest.raises(UnknownNameError, match="did you mean 'losses'"):
        entries_of("loses")


def test_every_outcome_is_explained():
    assert set(map(str, Outcome)) <= {one.name for one in terms()}


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
