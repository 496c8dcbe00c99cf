"""The Markdown pages are what the docstrings and the configs say now."""

import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from nndiag.detectors import DETECTORS
from nndiag.experiment import load_experiment
from nndiag.pages import FOLDER, page_file, picture_file
from nndiag.pages.markdown import page_markdown, pages
from nndiag.pages.picture import fingerprint, picture_of
from nndiag.report.catalogue import Entry

BROKEN = Path(__file__).parents[2] / "configs" / "broken"
AGAIN = "write them again: python -m nndiag.pages"


def config_of(problem: str) -> Path:
    return BROKEN / f"{problem.replace('-', '_')}.yaml"


def test_the_pages_are_up_to_date():
    written = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.md")}
    wanted = pages(BROKEN)
    assert set(written) == set(wanted), AGAIN
    for name, text in wanted.items():
        assert written[name] == text, f"{name}: {AGAIN}"


@pytest.mark.parametrize("problem", DETECTORS.names())
def test_each_problem_has_a_picture_of_its_config_as_it_is(problem):
    picture = picture_file(problem)
    assert picture is not None, AGAIN
    root = ET.fromstring(picture.read_text(encoding="utf-8"))
    (made_from,) = root.iter("{http://www.w3.org/2000/svg}desc")
    assert made_from.text == fingerprint(load_experiment(config_of(problem))), AGAIN


def test_no_picture_is_left_over():
    assert {path.stem for path in FOLDER.glob("*.svg")} == set(DETECTORS.names())


def test_a_picture_drawn_again_shows_the_same():
    stored = (FOLDER / "exploding-loss.svg").read_text(encoding="utf-8")
    drawn = picture_of(config_of("exploding-loss"))
    for pattern in (r"<text[^>]*>([^<]*)</text>", r"<desc>(.*)</desc>", r'<g id="(axes_\d)">'):
        assert re.findall(pattern, drawn) == re.findall(pattern, stored), AGAIN


def test_the_pictures_need_nothing_from_elsewhere_and_stay_small():
    for path in FOLDER.glob("*.svg"):
        text = path.read_text(encoding="utf-8")
        assert len(text) < 80_000, path.name
        assert "<script" not in text
        assert not re.search(r'(?:href|src)="(?!#)', text)
        assert "prefers-color-scheme:dark" in text


def test_a_page_says_where_its_run_comes_from():
    text = page_file("dead-units").read_text(encoding="utf-8")
    assert text.startswith("# dead-units\n")
    assert "](dead-units.svg)" in text
    assert "`nndiag train configs/broken/dead_units.yaml`" in text
    assert "\n## Fires when\n" in text


def test_stars_and_angles_of_a_docstring_are_no_markup():
    entry = Entry("x", "", "One a*b*c <d> `e*f`.\n\nHow it is told: |g|.\n\nSource\n    A b.")
    assert page_markdown(entry) == (
        "# x\n\nOne a\\*b\\*c \\<d> `e*f`.\n\n**How it is told:** \\|g\\|.\n\n## Source\n\nA b.\n"
    )
