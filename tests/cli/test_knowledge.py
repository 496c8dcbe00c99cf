"""`explain`, `list`, `schema`, `--version`: what nndiag knows can be looked up."""

import json
from pathlib import Path

import numpy as np
import pytest

import nndiag
from nndiag import __version__
from nndiag.report.catalogue import KINDS, entries_of
from nndiag.report.glossary import terms
from nndiag.verbs.explain import explain

DOCS = Path(nndiag.__file__).parent / "docs"


def test_the_changelog_begins_with_what_this_version_changes():
    headings = [line for line in (DOCS / "changelog.md").read_text().splitlines() if "## " in line]
    assert headings[0].removeprefix("## ").split(",")[0] == __version__


@pytest.mark.parametrize("kind", ["problems", "bugs", "fixes", "terms"])
def test_everything_that_a_report_names_can_be_explained(command, kind):
    for entry in entries_of(kind):
        assert explain(entry.name).entry.name == entry.name
        assert len(entry.page) > 60
    ended = command("explain", entry.name)
    assert ended.code == 0
    assert ended.out.startswith(f"{entry.name}\n")
    assert len(ended.out) > 100


def test_a_problem_tells_where_its_page_and_its_picture_lie(command, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")  # shorter than their paths
    *_, page, picture = command("explain", "dead-units").out.splitlines()
    assert page.startswith("page ")
    assert Path(page.split(maxsplit=1)[1]).read_text(encoding="utf-8").startswith("# dead-units")
    assert Path(picture.split(maxsplit=1)[1]).suffix == ".svg"
    assert Path(picture.split(maxsplit=1)[1]).is_file()


def test_what_has_no_page_of_its_own_tells_no_place(command):
    assert "picture" not in command("explain", "r_squared").out


def test_an_unknown_name_is_met_with_a_suggestion(command):
    ended = command("explain", "vanishing-gradient")
    assert ended.code == 2
    assert "did you mean 'vanishing-gradients'?" in ended.err


@pytest.mark.parametrize(
    ("word", "term"),
    [
        ("edge", "divergence-threshold"),
        ("likely", "confidence"),
        ("confirmed", "confidence"),
        ("R²", "r-squared"),
        ("stability limit", "stability-limit"),
        ("λ_max", "sharpness"),
        ("gradient check", "gradient-check"),
        ("Newton decrement", "newton-decrement"),
        ("held out", "validation"),
        *((name, name) for name in ("cosine", "loss", "epoch", "batch", "ablation", "validation")),
    ],
)
def test_a_term_is_found_by_the_words_for_it(command, word, term):
    assert command("explain", word).out.startswith(f"{term}\n")


def test_no_word_stands_for_two_terms():
    words = [word.lower() for term in terms() for word in (term.name, *term.listed)]
    assert len(words) == len(set(words))


def test_a_mistyped_term_is_met_with_a_suggestion(command):
    assert "did you mean 'cosine'?" in command("explain", "cosinus").err


def test_everything_is_listed(command):
    text = command("list").out
    for kind in KINDS:
        assert f"{kind}\n" in text


def test_one_kind_is_listed(command):
    text = command("list", "losses").out
    assert "mean_squared_error" in text
    assert "tanh" not in text


def test_a_kind_may_be_written_in_the_singular(command):
    for one, many in (("loss", "losses"), ("fix", "fixes"), ("optimizer", "optimizers")):
        assert command("list", one).out == command("list", many).out


def test_defaults_are_spelled_as_in_a_config(command):
    text = command("list", "optimizers").out
    assert "nesterov=false" in text
    assert "epsilon=1e-8" in text


@pytest.mark.parametrize("name", ["dead-units", "dead_units", "Dead units"])
def test_a_name_is_found_however_it_is_written(command, name):
    assert command("explain", name).out.startswith("dead-units\n")


def test_a_list_as_json(command):
    told = json.loads(command("list", "optimizers", "--json").out)
    sgd = next(one for one in told["kinds"]["optimizers"] if one["name"] == "sgd")
    assert sgd["options"]["momentum"] == {"required": False, "default": 0.0}


def test_an_unknown_kind_is_refused(command):
    assert command("list", "colours").code == 2


def test_the_schema_is_json(command):
    assert json.loads(command("schema").out)["$schema"].startswith("https://json-schema.org")


def test_the_version_names_what_it_runs_on(command):
    ended = command("--version")
    assert ended.code == 0
    assert f"nndiag {__version__}\n" in ended.out
    assert f"numpy {np.__version__}\n" in ended.out
