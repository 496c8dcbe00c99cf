"""The grades of many programs, as one JSON object."""

from dataclasses import dataclass
from typing import Any, Literal

from nndiag.report.document import Document, DocumentPart, derived


@dataclass(frozen=True)
class GradeDocument(DocumentPart):
    """What is said of one program."""

    program: str
    verdict: str
    """In a word or two: "trains", "gradient wrong", what keeps it from training."""
    severity: Literal["error", "warning", "note"] | None
    problem: str | None
    line: int | None
    fix: str | None
    message: str


@dataclass(frozen=True, kw_only=True)
class GradesDocument(Document):
    """What `grade` prints."""

    command: Literal["grade"] = "grade"
    outcome: Literal["interrupted"] | None
    """Programs have an outcome each, in `grades`."""
    grades: list[GradeDocument]


def grade_document(result: Any) -> GradesDocument:
    """All grades, of a `GradeResult`."""
    outcome = "interrupted" if result.cut_short() else None
    return derived(GradesDocument, result, outcome=outcome)
