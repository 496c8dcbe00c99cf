"""Pages that stand alone, in light and dark."""

import re
import sys
from html.parser import HTMLParser
from types import SimpleNamespace
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from rich.text import Text

import nndiag
from nndiag.diagnosis import diagnose
from nndiag.plots.vector import GRID, INK, vector_plots
from nndiag.report.html import page_html, renderable_html
from nndiag.report.run_page import run_page
from nndiag.verbs.result import text_of
from tests.conftest import made_trace

VOID = {"meta", "br", "hr", "img", "link", "input"}


class Outline(HTMLParser):
    """Which elements a page has, and whether they are closed in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def outline(page: str) -> list[tuple[str, dict[str, str | None]]]:
    parser = Outline()
    parser.feed(page)
    assert parser.open == []
    return parser.elements


@pytest.fixture(scope="module")
def trace():
    losses = [*np.geomspace(1, 0.1, 40), *np.geomspace(0.1, 1e12, 40), np.inf]
    norms = np.ones((81, 2)) * np.array([[1.0], [2.0]]).T
    return made_trace(losses, series={"gradient_norm": norms}, ending={"reason": "non-finite"})


@pytest.fixture(scope="module")
def page(trace) -> str:
    judged = diagnose(trace)
    pictures = vector_plots(trace, onset=judged.numbers.get("onset_step"))
    return run_page(judged, trace, name="<made> & co", pictures=pictures, next_command="nndiag x")


def test_a_page_is_well_formed_and_has_report_and_pictures(page):
    tags = [tag for tag, _ in outline(page)]
    assert tags.count("svg") == 2  # loss and gradient norms; predictions are not known
    assert {"pre", "figure", "details", "table", "title"} <= set(tags)
    assert "EXPLODING LOSS" in page
    assert "nndiag x" in page


def test_a_page_needs_nothing_from_elsewhere(page):
    for tag, attributes in outline(page):
        assert tag not in {"script", "link", "iframe", "img"}
        for name, value in attributes.items():
            if name in {"src", "href", "xlink:href", "data"}:
                assert (value or "").startswith("#")
    assert "@import" not in page
    assert not re.search(r"url\((?!#)", page)


def test_names_cannot_break_out_of_the_page(page):
    assert "<made>" not in page
    assert "&lt;made&gt; &amp; co" in page
    hostile = page_html("</title><script>", Text("<b>"), tables={"<i>": {"<u>": "<s>"}})
    tags = {tag for tag, _ in outline(hostile)}
    assert not tags & {"script", "b", "i", "u", "s"}


def test_a_page_follows_the_readers_light_or_dark(page):
    assert "prefers-color-scheme: dark" in page
    assert "color-scheme: light dark" in page


def test_pictures_take_the_pages_colours(trace):
    for svg in vector_plots(trace).values():
        assert INK not in svg
        assert GRID not in svg
        assert "#000000" not in svg
        assert "currentColor" in svg
        assert "var(--faint" in svg


def test_pictures_are_vector_graphics_with_text_as_text(trace):
    pictures = vector_plots(trace, onset=40)
    assert list(pictures) == ["loss", "gradient_norms"]
    for svg in pictures.values():
        root = ET.fromstring(svg)
        kinds = {element.tag.rpartition("}")[2] for element in root.iter()}
        assert {"path", "text"} <= kinds
        assert "image" not in kinds
    assert "growth from step 40" in pictures["loss"]


def test_ids_of_two_pictures_do_not_clash(page):
    ids = re.findall(r'(?:clip-path="url\(#|xlink:href="#)([\w-]+)', page)
    first, second = page.split("<figure", 2)[1:]
    assert ids
    for name in set(ids):
        assert (f'id="{name}"' in first) != (f'id="{name}"' in second)


def test_the_same_run_gives_the_same_page(trace):
    assert vector_plots(trace) == vector_plots(trace)


def test_a_report_in_a_notebook_keeps_its_text_and_colours(monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")  # a notebook is no terminal
    element = renderable_html(Text("a < b", style="bold red"))
    assert element.startswith("<pre")
    assert "a &lt; b" in element
    assert "color: #d03c32" in element


def test_ordinary_text_has_the_colour_of_its_page():
    element = renderable_html(Text.assemble(("a", "default"), ("b", "bold"), ("c", "dim")))
    assert "color: inherit" in element
    assert set(re.findall(r"#[0-9a-f]{6}", element)) == {"#808081"}  # grey on white and on black


def test_faded_colours_fade_into_any_paper():
    element = renderable_html(Text("a", style="dim red"))
    assert set(re.findall(r"#[0-9a-f]+", element)) == {"#d03c3280"}  # the red, half transparent


def test_a_result_shows_itself_in_a_notebook():
    result = nndiag.diagnose(made_trace(np.geomspace(1, 0.1, 30)))
    assert "IMPROVING" in result._repr_html_()
    assert "svg" in {tag for tag, _ in outline(result._repr_html_())}


def test_a_notebook_is_shown_a_result_once(monkeypatch):
    shown = []
    display = SimpleNamespace(display=shown.append)
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(display=display))
    monkeypatch.setitem(sys.modules, "IPython.display", display)
    monkeypatch.setattr("rich.console._is_jupyter", lambda: True)
    assert "a word" in renderable_html(Text("a word"))
    assert text_of(Text("a word")) == "a word"
    assert shown == []  # rich shows what is printed in a notebook, beside what the result gives
