"""One run with what is said about it, as one JSON object."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal, TypeVar

from nndiag.finding import Cause, Confidence, Diagnosis, Outcome, Severity
from nndiag.report.document import Document, DocumentPart, derived
from nndiag.trace import Trace
from nndiag.trace.statistics import layer_gradients, loss_summary


@dataclass(frozen=True)
class EvidenceDocument(DocumentPart):
    """One number beside the limit that it was held against."""

    series: str
    """The series or the fact that was read."""
    measure: str | None
    """What of the series it is; null for its value."""
    observed: float
    limit: float | None
    layer: str | None
    steps: tuple[int, int] | None
    """First and last step."""


@dataclass(frozen=True)
class FindingDocument(DocumentPart):
    """One problem that was seen."""

    problem: str
    """A name that `nndiag explain` knows."""
    severity: Severity
    message: str
    """One sentence with numbers."""
    layer: str | None
    tensor: str | None
    evidence: list[EvidenceDocument]
    """The numbers behind it, the most telling first."""
    remedies: list[str]
    """What to try, the most promising first."""


@dataclass(frozen=True)
class SkippedDocument(DocumentPart):
    """A check that was not made."""

    problem: str
    reason: str


@dataclass(frozen=True)
class CauseDocument(DocumentPart):
    """What explains a failing run."""

    problem: str
    confidence: Confidence
    explains: list[str]
    """The problems that are its symptoms."""


@dataclass(frozen=True)
class LossDocument(DocumentPart):
    """The loss of a run."""

    initial: float
    final: float
    best: float | None
    """Null where no loss is finite."""
    steps: int
    r_squared: float | None
    """1 − loss / loss of the mean baseline."""


@dataclass(frozen=True)
class GradientNormDocument(DocumentPart):
    """The norm of a layer's gradient, the mean over the first, the middle and the last steps."""

    first: float
    middle: float
    end: float


@dataclass(frozen=True)
class LayerDocument(DocumentPart):
    """What is told of one layer."""

    name: str
    gradient_norm: GradientNormDocument


@dataclass(frozen=True)
class ChangeDocument(DocumentPart):
    """A change that lowers the sharpness."""

    name: str
    title: str
    factor: float
    """What it divides the sharpness by."""
    override: str | None
    """The `key=value` that makes it."""


@dataclass(frozen=True)
class StabilityDocument(DocumentPart):
    """The learning rate beside its stability limit before the first step."""

    rule: str
    """The limit's formula."""
    learning_rate: float
    adaptive: bool
    """Whether the limit moves with the run."""
    sharpness: float | None
    stability_limit: float | None
    """Null where nothing curves upwards."""
    batch_limits: tuple[float, float] | None
    """Smallest and largest limit of single mini-batches."""
    batch_size: int | None
    changes: list[ChangeDocument]
    """What would lower the sharpness."""
    ratio: float | None
    """The rate over its limit."""


@dataclass(frozen=True, kw_only=True)
class JudgedDocument(Document):
    """A run with what is said about it."""

    config: str | None
    """Name of the config or the log."""
    outcome: Outcome
    cause: CauseDocument | None
    """Null where nothing is wrong or nothing explains it."""
    findings: list[FindingDocument]
    """Gravest first."""
    not_checked: list[SkippedDocument]
    ruled_out: list[str]
    """Problems that were looked for and are not there."""
    loss: LossDocument
    numbers: Mapping[str, float]
    """The numbers behind the outcome, by name."""
    layers: list[LayerDocument]
    stability: StabilityDocument | None
    ended: str | None
    """Why the run ended; null where that is not known."""
    run: str | None
    """The run's folder."""


J = TypeVar("J", bound=JudgedDocument)


@dataclass(frozen=True, kw_only=True)
class RunDocument(JudgedDocument):
    """What `train` and `diagnose` print."""

    command: Literal["train", "diagnose"]


def run_document(
    diagnosis: Diagnosis, trace: Trace, *, command: str, config: str | None, run: str | None
) -> RunDocument:
    """All that is said about one run.

    Args:
        diagnosis: What is said.
        trace: The run.
        command: The command that asks: "train" or "diagnose".
        config: Name of the config.
        run: The folder of the run.
    """
    return judged_document(RunDocument, diagnosis, trace, command=command, config=config, run=run)


def judged_document(
    kind: type[J], diagnosis: Diagnosis, trace: Trace, *, source: object = None, **given: Any
) -> J:
    """A document of a run.

    Args:
        kind: Which one.
        diagnosis: What is said.
        trace: The run.
        source: A result that has the fields of this kind.
        given: Fields that none of them has.
    """
    loss = loss_summary(trace)
    best = None if loss.best_step is None else loss.best
    share = diagnosis.numbers.get("r_squared")
    judged = derived(
        JudgedDocument,
        diagnosis,
        command="",
        config=None,
        run=None,
        cause=diagnosis.cause and _cause(diagnosis.cause),
        loss=derived(LossDocument, loss, best=best, steps=trace.steps, r_squared=share),
        layers=[
            LayerDocument(one.layer, derived(GradientNormDocument, one))
            for one in layer_gradients(trace)
        ],
        stability=trace.facts.stability,
        ended=None if trace.ending is None else trace.ending.reason,
    )
    known = {field.name: getattr(judged, field.name) for field in fields(judged)}
    return derived(kind, source, **{**known, **given})


def _cause(cause: Cause) -> CauseDocument:
    explained = dict.fromkeys(finding.problem for finding in cause.explains)
    return CauseDocument(cause.finding.problem, cause.confidence, list(explained))
