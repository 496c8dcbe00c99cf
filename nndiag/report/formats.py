"""What was found, in the formats of other tools: annotations of GitHub, SARIF, JUnit.

To add one: a function from marks to text, and a line in `FORMATS`.
"""

import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from urllib.parse import quote
from xml.etree import ElementTree

from nndiag import __version__
from nndiag.finding import Severity

_GITHUB = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "notice"}
_SARIF = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "note"}
_NO_XML = re.compile(
    r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"
)  # XML 1.0, section 2.2
_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


@dataclass(frozen=True)
class Mark:
    """One thing that was found, at its place.

    Attributes:
        problem: Its name, as `nndiag explain` knows it.
        severity: How grave it is.
        message: What was seen, in a sentence.
        file: The file to change; None where there is none.
        line: The line to change, from 1.
    """

    problem: str
    severity: Severity
    message: str
    file: str | None = None
    line: int | None = None


def github(marks: Sequence[Mark]) -> str:
    """Workflow commands, which GitHub shows beside the lines."""
    lines = []
    for mark in marks:
        about = {"file": mark.file, "line": mark.line, "title": mark.problem}
        said = {key: str(value) for key, value in about.items() if value is not None}
        place = ",".join(f"{key}={_escaped(value, ':,')}" for key, value in said.items())
        lines.append(f"::{_GITHUB[mark.severity]} {place}::{_escaped(mark.message)}\n")
    return "".join(lines)


def sarif(marks: Sequence[Mark]) -> str:
    """A log in the Static Analysis Results Interchange Format 2.1.0."""
    rules = [{"id": name} for name in dict.fromkeys(mark.problem for mark in marks)]
    driver = {"name": "nndiag", "version": __version__, "rules": rules}
    run = {"tool": {"driver": driver}, "results": [_sarif_result(mark) for mark in marks]}
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, indent=1) + "\n"


def junit(marks: Sequence[Mark]) -> str:
    """A report as JUnit writes it: a failed case for each mark above a note, or one that passed."""
    suite = ElementTree.Element("testsuite", name="nndiag")
    failed = [mark for mark in marks if mark.severity is not Severity.NOTE]
    for mark in failed:
        case = ElementTree.SubElement(
            suite, "testcase", name=mark.problem, classname=mark.file or ""
        )
        place = "" if mark.line is None else f"{mark.file}:{mark.line}: "
        said = _NO_XML.sub("?", mark.message)
        failure = ElementTree.SubElement(case, "failure", message=said, type=mark.severity)
        failure.text = f"{place}{said}"
    if not failed:
        ElementTree.SubElement(suite, "testcase", name="nothing found", classname="nndiag")
    suite.set("tests", str(len(suite)))
    suite.set("failures", str(len(failed)))
    suite.set("errors", "0")
    ElementTree.indent(suite)
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(suite, "unicode") + "\n"
    )


FORMATS: dict[str, Callable[[Sequence[Mark]], str]] = {
    "github": github,
    "sarif": sarif,
    "junit": junit,
}
"""Name → what writes it."""


def _sarif_result(mark: Mark) -> dict[str, object]:
    result: dict[str, object] = {
        "ruleId": mark.problem,
        "level": _SARIF[mark.severity],
        "message": {"text": mark.message},
    }
    if mark.file is not None:
        place: dict[str, object] = {"artifactLocation": {"uri": _uri(mark.file)}}
        if mark.line is not None:
            place["region"] = {"startLine": mark.line}
        result["locations"] = [{"physicalLocation": place}]
    return result


def _uri(file: str) -> str:
    """A file as SARIF wants it: a relative reference stays relative, its signs are escaped."""
    path = PurePath(file)
    return path.as_uri() if path.is_absolute() else quote(path.as_posix())


def _escaped(text: str, more: Iterable[str] = "") -> str:
    """Text with the signs that end a workflow command written by their numbers."""
    for sign in ("%", "\r", "\n", *more):
        text = text.replace(sign, f"%{ord(sign):02X}")
    return text
