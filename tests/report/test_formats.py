"""What was found, as other tools read it."""

import json
from xml.etree import ElementTree

import pytest

from nndiag.finding import Severity
from nndiag.report.formats import Mark, github, junit, sarif
from nndiag.verbs.grade import Grade, GradeResult

WRONG = Mark("wrong-sign", Severity.ERROR, "100 % uphill,\nagain", "a,b.py", 13)
SLOW = Mark("not-enough-steps", Severity.WARNING, "still falling")
KNOWN = Mark("saddle-point", Severity.NOTE, "was passed", "net.yaml")


def test_github_gets_a_command_a_line_with_its_signs_escaped():
    assert github([WRONG, SLOW]) == (
        "::error file=a%2Cb.py,line=13,title=wrong-sign::100 %25 uphill,%0Aagain\n"
        "::warning title=not-enough-steps::still falling\n"
    )


def test_sarif_has_a_rule_for_each_problem_and_a_place_where_there_is_one():
    (run,) = json.loads(sarif([WRONG, WRONG, SLOW]))["runs"]
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == [
        "wrong-sign",
        "not-enough-steps",
    ]
    first, _, last = run["results"]
    place = first["locations"][0]["physicalLocation"]
    assert place == {"artifactLocation": {"uri": "a%2Cb.py"}, "region": {"startLine": 13}}
    assert (last["level"], "locations" in last) == ("warning", False)


@pytest.mark.parametrize(
    ("file", "uri"),
    [
        ("hand in/net é.py", "hand%20in/net%20%C3%A9.py"),
        ("a#1.py", "a%231.py"),
        ("/home/me/a b.py", "file:///home/me/a%20b.py"),
    ],
)
def test_a_place_in_sarif_is_a_reference_as_rfc_3986_has_it(file, uri):
    text = sarif([Mark("wrong-sign", Severity.ERROR, "uphill", file)])
    (result,) = json.loads(text)["runs"][0]["results"]
    assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == uri


def test_signs_that_xml_has_not_are_no_part_of_a_junit_report():
    # a program's message may hold colours of a terminal: XML 1.0, section 2.2, forbids escape
    told = Mark("cannot be run", Severity.ERROR, "ValueError: \x1b[31mno\x1b[0m\x00", "a.py", 2)
    failure = ElementTree.fromstring(junit([told]).encode()).find("testcase/failure")
    assert failure is not None
    assert failure.get("message") == "ValueError: ?[31mno?[0m?"


@pytest.mark.parametrize(
    ("marks", "tests", "failures"), [((WRONG, SLOW, KNOWN), "2", "2"), ((KNOWN,), "1", "0")]
)
def test_junit_has_a_failure_for_all_but_notes(marks, tests, failures):
    suite = ElementTree.fromstring(junit(marks).encode())
    assert (suite.get("tests"), suite.get("failures")) == (tests, failures)
    assert suite.get("errors") == "0"  # readers of JUnit want it
    assert len(suite.findall("testcase/failure")) == int(failures)


def test_programs_that_train_leave_no_mark():
    grades = (Grade("a.py", "trains"), Grade("b.py", "cannot be run", Severity.ERROR, line=2))
    (mark,) = GradeResult(grades).marks()
    assert (mark.problem, mark.file, mark.line) == ("cannot be run", "b.py", 2)
