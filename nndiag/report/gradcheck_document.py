"""A gradient check as one JSON object: of a config's network, or of a user's program."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from nndiag.gradients.network.points import NetworkCheck
from nndiag.gradients.verdict import Verdict
from nndiag.program import ProgramCheck
from nndiag.program.roles.status import Status
from nndiag.report.document import Document, DocumentPart, P, derived
from nndiag.report.gradcheck_network import network_findings
from nndiag.report.run_document import FindingDocument, SkippedDocument


@dataclass(frozen=True)
class ElementDocument(DocumentPart):
    """One element of a gradient."""

    index: list[int]
    analytic: float
    numeric: float


@dataclass(frozen=True, kw_only=True)
class TensorDocument(DocumentPart):
    """One tensor at one point."""

    name: str
    relative_error: float
    cosine: float | None
    scale: float | None
    verdict: Verdict
    complex_error: float | None
    """The relative error to a complex step."""
    worst: ElementDocument | None
    """The element with the largest error."""
    checked: int
    kinks: int
    """Elements that lie at a kink."""
    size: int


@dataclass(frozen=True, kw_only=True)
class WorstTensorDocument(TensorDocument):
    """One tensor at its worst point."""

    point: str


@dataclass(frozen=True, kw_only=True)
class PointDocument(DocumentPart):
    """One point."""

    point: str
    loss: float
    examples: int
    spot_error: float
    tensors: list[TensorDocument]


@dataclass(frozen=True, kw_only=True)
class NetworkCheckDocument(Document):
    """What `gradcheck` prints for a config."""

    command: Literal["gradcheck"] = "gradcheck"
    config: str
    correct: bool
    findings: list[FindingDocument]
    """Gravest first."""
    not_checked: list[SkippedDocument]
    tensors: list[WorstTensorDocument]
    points: list[PointDocument]
    complex_step: bool
    """Whether a complex step could be taken."""


@dataclass(frozen=True)
class PlaceDocument(DocumentPart):
    """A place in a program."""

    file: str
    cell: int | None
    """In a notebook: the cell, from 1."""
    line: int
    """The line, from 1; in a notebook that of the cell."""


@dataclass(frozen=True, kw_only=True)
class ProgramFindingDocument(FindingDocument):
    """One problem that was seen in a program."""

    place: PlaceDocument | None
    replacement: str | None
    """What to write there."""


@dataclass(frozen=True, kw_only=True)
class ProgramTensorDocument(DocumentPart):
    """One parameter of a program."""

    name: str
    shape: list[int]
    relative_error: float | None
    cosine: float | None
    """To the negative gradient."""
    scale: float | None
    verdict: Literal["correct"] | Status
    place: PlaceDocument | None
    """Where it is updated."""


@dataclass(frozen=True, kw_only=True)
class ProgramLossDocument(DocumentPart):
    """The loss that the steps were compared with."""

    expression: str
    own: bool
    """Whether the program computes it."""
    place: PlaceDocument | None
    assumption: str | None


@dataclass(frozen=True)
class ProgramRateDocument(DocumentPart):
    """The learning rate of a program."""

    expression: str
    value: float
    effective: float | None
    """The factor that the step has over the gradient."""


@dataclass(frozen=True, kw_only=True)
class RepairDocument(DocumentPart):
    """One line to change."""

    problem: str
    place: PlaceDocument | None
    before: str
    after: str
    tensors: list[str]
    """The parameters that it makes right."""


@dataclass(frozen=True, kw_only=True)
class MattersDocument(DocumentPart):
    """Training with the program's step and with the right one."""

    iterations: int
    start: float
    program: float
    right: float
    verdict: str


@dataclass(frozen=True, kw_only=True)
class TrajectoryDocument(DocumentPart):
    """How a program trains whose gradient is right."""

    iterations: int
    start: float
    end: float
    diverged: bool
    factor: float | None
    """What the rate was multiplied by for a run that does not diverge."""
    lower: float | None
    """The loss at the end of that run."""


@dataclass(frozen=True, kw_only=True)
class ProgramCheckDocument(Document):
    """What `gradcheck` prints for a program."""

    command: Literal["gradcheck"] = "gradcheck"
    program: str
    correct: bool
    findings: list[ProgramFindingDocument]
    """Gravest first."""
    tensors: list[ProgramTensorDocument]
    loss: ProgramLossDocument
    learning_rate: ProgramRateDocument | None
    loop: str
    other_loops: list[str]
    """Loops that look like training and were not checked."""
    points: list[str]
    repairs: list[RepairDocument]
    diff: str | None
    edits_tried: int
    matters: MattersDocument | None
    trajectory: TrajectoryDocument | None
    notes: list[str]
    fixed_program: str | None
    """The file of the mended program."""
    seconds: float


def network_document(check: NetworkCheck) -> NetworkCheckDocument:
    """All that was found in a config's network."""
    return derived(
        NetworkCheckDocument,
        check,
        config=check.name,
        findings=network_findings(check),
        not_checked=[SkippedDocument("gradient", text) for text in check.skipped],
        tensors=[
            derived(WorstTensorDocument, tensor, point=point.point)
            for tensor, point in check.tensors()
        ],
        complex_step=check.analytic,
    )


def program_document(check: ProgramCheck, *, written: Path | None = None) -> ProgramCheckDocument:
    """All that was found in a user's program.

    Args:
        check: What was found.
        written: Where the mended program was written.
    """
    rate = check.learning_rate

    def placed(kind: type[P], found: Any, **given: Any) -> P:
        return derived(kind, found, place=_place(check, found.line), **given)

    return derived(
        ProgramCheckDocument,
        check,
        program=check.path,
        findings=[placed(ProgramFindingDocument, one) for one in check.findings],
        tensors=[
            placed(ProgramTensorDocument, one, verdict=_verdict(one.verdict))
            for one in check.tensors
        ],
        loss=placed(ProgramLossDocument, check.loss, expression=check.loss.text),
        learning_rate=rate and derived(ProgramRateDocument, rate, expression=rate.text),
        repairs=[placed(RepairDocument, one) for one in check.repairs],
        trajectory=check.course,
        fixed_program=written,
    )


def _verdict(verdict: Status) -> str:
    return "correct" if verdict is Status.RIGHT else verdict


def _place(check: ProgramCheck, line: int | None) -> PlaceDocument | None:
    """A line of the program as it is known in its own file or cell."""
    if line is None:
        return None
    part = check.source.part(line)
    cell = check.source.cell(line)
    if cell is not None:
        return PlaceDocument(str(part.path), *cell)
    return PlaceDocument(str(part.path), None, line - part.start + 1)
