"""The check-up as one JSON object."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from nndiag.checkup import Checkup, Status
from nndiag.report.document import Document, DocumentPart, derived


@dataclass(frozen=True)
class CheckDocument(DocumentPart):
    """One line of the list."""

    name: str
    status: Status
    message: str
    remedy: str | None
    problem: str | None
    """A name that `nndiag explain` knows."""
    numbers: Mapping[str, float]


@dataclass(frozen=True, kw_only=True)
class DoctorDocument(Document):
    """What `doctor` prints."""

    command: Literal["doctor"] = "doctor"
    config: str
    ready: bool
    """Whether no check failed."""
    checks: list[CheckDocument]


def doctor_document(checkup: Checkup) -> DoctorDocument:
    """All that was found."""
    return derived(DoctorDocument, checkup, config=checkup.name, ready=not checkup.failed)
