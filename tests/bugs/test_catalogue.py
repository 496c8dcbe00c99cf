"""The catalogue of bugs: its names, and a page for each."""

import importlib
import re

import pytest

import nndiag.bugs
from nndiag.finding import Severity
from nndiag.program.judging.bug import BUGS

NAMES = [
    "wrong-sign",
    "summed-instead-of-averaged",
    "wrong-constant-factor",
    "loss-gradient-scaled-by-residual",
    "wrong-loss-gradient",
    "gradient-never-computed",
    "missing-activation-derivative",
    "activation-derivative-of-wrong-argument",
    "wrong-activation-derivative",
    "broken-chain-rule",
    "raw-error-instead-of-delta",
    "uses-updated-weights",
    "wrong-layer-activation",
    "wrong-bias-gradient",
    "bias-per-example",
    "softmax-wrong-axis",
    "wrong-softmax-gradient",
    "mismatched-shapes",
    "weight-decay-not-in-loss",
    "wrong-weight-decay",
    "integer-weights",
    "clipped-gradient",
    "assignment-instead-of-increment",
    "gradient-not-reset",
    "wrong-moment",
    "loss-is-not-the-objective",
]
SECTIONS = ("What it is:", "Why it matters:", "How it is told:", "Fix:", "Source:")


def test_has_the_bugs_that_programs_have():
    assert sorted(BUGS.names()) == sorted(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_keeps_each_bug_in_a_file_of_its_name(name):
    module = importlib.import_module(f"nndiag.bugs.{name.replace('-', '_')}")
    assert BUGS.get(name).__module__ == module.__name__


@pytest.mark.parametrize("name", NAMES)
def test_has_a_page_with_all_sections(name):
    page = importlib.import_module(f"nndiag.bugs.{name.replace('-', '_')}").__doc__
    assert [section for section in SECTIONS if section not in page] == []
    positions = [page.index(section) for section in SECTIONS]
    assert positions == sorted(positions)


@pytest.mark.parametrize("name", NAMES)
def test_says_the_same_in_the_page_and_the_summary(name):
    page = importlib.import_module(f"nndiag.bugs.{name.replace('-', '_')}").__doc__
    title = re.split(r"\n\n", page)[0].replace("\n", " ").rstrip(".")
    assert title.split(":")[0].split(",")[0][:20] == BUGS.summary(name)[:20]


@pytest.mark.parametrize("name", NAMES)
def test_has_a_sentence_and_a_severity(name):
    bug = BUGS.get(name)()
    assert bug.sentence[0].islower()
    assert not bug.sentence.endswith(".")
    assert bug.severity in Severity


def test_lists_every_file_of_the_folder():
    modules = {name.replace("-", "_") for name in BUGS.names()}
    assert modules == {name for name in nndiag.bugs.__all__ if name != "BUGS"}
