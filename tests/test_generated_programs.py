"""The generator of programs: the same each time, right where it says so, wrong where it says so."""

import ast

import pytest

from tests.benchmarks.generated import population, scoring, settings
from tests.benchmarks.generated.catalogue import BUGS
from tests.benchmarks.generated.running import run
from tests.benchmarks.generated.styles import all_styles
from tests.benchmarks.generated.truth import steps_of

STYLES = all_styles()
CALLS = 4
"""Steps of each program that are compared here."""


def steps(made, faults=()):
    course = run(made.writer.written(faults).probed(), made.files, calls=CALLS)
    assert not course.error
    return steps_of(course, made.recipe, made.objective)


@pytest.mark.parametrize("name", STYLES)
def test_composes_the_same_program_from_the_same_seed(name):
    first, second = (population.draft(STYLES[name], 7).writer.written() for _ in range(2))
    assert first == second


@pytest.mark.parametrize("name", STYLES)
def test_steps_of_a_right_program_are_those_of_the_reference(name):
    # Single seeds may compose a gradient of exactly zero, whose rounding has no relative error.
    assert any(steps(population.draft(STYLES[name], seed)).right for seed in (4, 5))


@pytest.mark.parametrize("name", STYLES)
def test_a_program_with_a_bug_can_be_parsed_and_differs_in_the_lines_that_are_told(name):
    made = population.draft(STYLES[name], 3)
    right = made.writer.written()
    for fault in made.writer.faults:
        wrong = made.writer.written((fault,))
        ast.parse(wrong.text())
        assert wrong.text() != right.text()
        assert wrong.accepted
        if len(fault.edits) == 1:
            assert not {wrong.lines[number - 1].strip() for number in wrong.wrong} & set(wrong.due)


def test_a_bug_changes_the_step():
    specimen = population.with_bug("look", 0, "derivative-missing")
    faults = [f for f in specimen.draft.writer.faults if f.bug in specimen.bugs]
    assert any(steps(specimen.draft, (fault,)).wrong for fault in faults)
    assert specimen.tensors


def test_every_bug_that_a_style_writes_is_in_the_catalogue():
    written = {
        fault.bug
        for style in STYLES.values()
        for seed in range(10)
        for fault in population.draft(style, seed).writer.faults
    }
    assert written <= set(BUGS)


def test_the_halves_of_the_seeds_share_none():
    look, report = (
        {population.seed_of("right", half, i, j) for i in range(50) for j in range(5)}
        for half in ("look", "report")
    )
    assert not look & report


def test_a_wrong_setting_keeps_a_program_from_training_whose_gradient_is_right():
    specimen = settings.with_setting("look", 0, "rate-too-high")
    assert specimen.right_text != specimen.text
    assert specimen.training[1] < settings.HEALTHY * specimen.training[2]
    assert not specimen.bugs


def test_probes_follow_the_lines_of_a_changed_text():
    specimen = population.right("look", 7)
    changed = specimen.text.replace(
        "import numpy as np\n", "import numpy as np\n# a line more\n", 1
    )
    assert scoring.with_probes(specimen, specimen.text).splitlines() == specimen.probed.splitlines()
    assert scoring.passes(specimen, changed)
