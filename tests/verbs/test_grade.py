"""Many programs are graded each for itself; what is known already is not run again."""

import csv
from io import StringIO

import pytest
from rich.console import Console

import nndiag
from nndiag.errors import ConfigError
from nndiag.finding import Severity
from nndiag.verbs import grade as module
from nndiag.verbs.grade import Grade, GradeResult, grade, grade_of

BUG = Grade("b.py", "gradient wrong", Severity.ERROR, "wrong-sign", 13, "w -= 1", "uphill")
SAME = Grade("c.py", "gradient wrong", Severity.ERROR, "wrong-sign", 4, "v -= 1", "uphill")
FINE = Grade("a.py", "trains")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def asked(monkeypatch):
    """The files that were run; each gets the grade of a program that trains."""
    files = []

    def graded(waiting, **limits):
        for file in waiting:
            files.append(file)
            yield file, Grade(file, "trains")

    monkeypatch.setattr(module, "_graded", graded)
    return files


def test_a_wrong_program_gets_its_bug_its_line_and_what_to_write(folder, program_text):
    (folder / "net.py").write_text(program_text("+"))
    found = grade_of("net.py", seconds=10)
    assert (found.verdict, found.problem, found.line) == ("gradient wrong", "wrong-sign", 13)
    assert found.fix == "w2 -= 0.1 * dw2"


def test_a_program_that_cannot_be_read_gets_the_line_where_that_is(folder):
    (folder / "net.py").write_text("x = 1\ny = (\n")
    found = grade_of("net.py", seconds=10)
    assert (found.verdict, found.severity, found.line) == ("cannot be run", "error", 2)


def test_a_step_of_another_length_is_graded_by_what_it_does_to_the_run(folder):
    (folder / "net.py").write_text(
        "import numpy as np\n"
        "x = np.linspace(-1, 1, 60).reshape(-1, 1)\n"
        "y, w, lr = 3 * x, np.zeros((1, 1)), 0.2\n"
        "for step in range(100):\n"
        "    gap = x @ w - y\n"
        "    loss = np.mean(gap**2)\n"
        "    w -= lr * 2 * x.T @ gap\n"
    )
    found = grade_of("net.py", seconds=10)
    assert (found.verdict, found.severity) == ("learning rate above stability limit", "error")


def test_a_program_that_cannot_be_run_is_not_named_twice(folder):
    (folder / "net.py").write_text("x = 1\n")
    assert grade_of("net.py", seconds=10).message.startswith("no training loop found")


def test_programs_are_graded_in_processes_and_one_that_does_not_end_is_ended(folder, monkeypatch):
    monkeypatch.setattr(module, "_GRACE", 0.0)
    (folder / "net.py").write_text("while True: pass")
    (found,) = grade("net.py", seconds=0.1).grades
    assert (found.verdict, found.severity) == ("took too long", "error")


def test_what_was_graded_is_not_run_again_until_it_changes(folder, asked):
    for name in ("a.py", "b.py"):
        (folder / name).touch()
    grade("*.py", keep="kept.jsonl")
    (folder / "b.py").write_text("# changed")
    (folder / "c.py").touch()
    result = grade("*.py", keep="kept.jsonl")
    assert asked == ["a.py", "b.py", "b.py", "c.py"]
    assert [one.program for one in result.grades] == ["a.py", "b.py", "c.py"]


def test_an_interruption_keeps_what_is_there(folder, monkeypatch):
    def graded(waiting, **limits):
        yield waiting[0], Grade(waiting[0], "trains")
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "_graded", graded)
    for name in ("a.py", "b.py"):
        (folder / name).touch()
    result = grade("*.py", keep="kept.jsonl")
    assert result.cut_short()
    assert [one.program for one in result.grades] == ["a.py"]
    assert len((folder / "kept.jsonl").read_text().splitlines()) == 1
    (told,) = result.remarks()
    assert told.startswith("interrupted: 1 of 2 programs graded; the same command goes on")


def test_an_interruption_before_the_first_grade_says_so(folder, monkeypatch):
    def graded(waiting, **limits):
        raise KeyboardInterrupt
        yield

    monkeypatch.setattr(module, "_graded", graded)
    (folder / "a.py").touch()
    with pytest.raises(KeyboardInterrupt, match="before the first program was graded"):
        grade("*.py")


def test_progress_tells_how_many_are_done(folder, asked):
    for name in ("a.py", "b.py"):
        (folder / name).touch()
    told = []
    grade("*.py", progress=told.append)
    assert [text.partition(",")[0] for text in told] == [
        "programs: 0 of 2",
        "programs: 1 of 2",
        "programs: 2 of 2",
    ]


def test_a_pattern_that_meets_nothing_is_an_error(folder):
    with pytest.raises(ConfigError, match="no such program"):
        grade("nets/*.py")


def test_a_folder_stands_for_the_programs_in_it(folder, asked):
    (folder / "work" / "inner").mkdir(parents=True)
    for name in ("b.py", "a.ipynb", "__init__.py", "data.csv"):
        (folder / "work" / name).touch()
    assert [one.program for one in grade("work").grades] == ["work/a.ipynb", "work/b.py"]
    with pytest.raises(ConfigError, match="no program in this folder"):
        grade("work/inner")


def test_the_same_bug_is_told_once_with_its_places():
    text = str(GradeResult((FINE, BUG, SAME)))
    assert "3 programs: 2 failed, 1 trained" in text
    assert "2 wrong-sign: b.py:13, c.py:4" in text
    assert "once each: trains (a.py)" in text


@pytest.mark.parametrize(("columns", "lines"), [(60, 2), (80, 2), (160, 1)])
def test_what_to_write_stands_below_a_program_or_beside_it_and_is_not_broken(columns, lines):
    code = "da = d.dot(self.w2.T) * (1 - self.a ** 2)"
    grade = Grade(
        "b.py", "gradient wrong", Severity.ERROR, "wrong-activation-derivative", 13, code, "uphill"
    )
    console = Console(width=columns, file=StringIO())
    console.print(GradeResult((grade,)).__rich__())
    shown = [line.split() for line in console.file.getvalue().partition("\n\n")[0].splitlines()]
    assert shown[0][:2] == ["b.py", "wrong-activation-derivative"]
    assert f"line 13: {code}".split() == [
        *shown[0][2:],
        *(word for line in shown[1:] for word in line),
    ]
    assert len(shown) == lines


def test_a_warning_is_no_failure_and_a_program_that_cannot_be_run_no_grade():
    warned = Grade("d.py", "gradient wrong", Severity.WARNING, "wrong-loss-gradient")
    late, unread = Grade("e.py", "took too long", Severity.ERROR), Grade("f.py", "cannot be run")
    assert GradeResult((FINE, FINE, BUG, warned, late, unread, SAME, SAME)).line() == (
        "3 failed, 2 trained, 2 could not be run, 1 trained with a warning"
    )


def test_the_table_can_be_had_as_csv_and_as_json():
    result = GradeResult((FINE, BUG))
    rows = list(csv.DictReader(StringIO(result.csv())))
    assert [row["verdict"] for row in rows] == ["trains", "gradient wrong"]
    assert result.to_dict()["grades"][1]["line"] == 13
    assert result.gravest() is Severity.ERROR
    assert GradeResult((FINE,)).gravest() is None
    assert nndiag.grade is grade
