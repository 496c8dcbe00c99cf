"""One run with what is said about it, as one JSON object."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from nndiag.finding import Cause, Confidence, Diagnosis, Evidence, Finding, Outcome, Severity
from nndiag.report.document import Document, Part
from nndiag.trace import Stability, Trace
from nndiag.trace.statistics import layer_gradients, loss_summary


@dataclass(frozen=True)
class EvidenceDocument(Part):
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
class FindingDocument(Part):
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
class SkippedDocument(Part):
    """A check that was not made."""

    problem: str
    reason: str


@dataclass(frozen=True)
class CauseDocument(Part):
    """What explains a failing run."""

    problem: str
    confidence: Confidence
    explains: list[str]
    """The problems that are its symptoms."""


@dataclass(frozen=True)
class LossDocument(Part):
    """The loss of a run."""

    initial: float
    final: float
    best: float | None
    """Null where no loss is finite."""
    steps: int
    r_squared: float | None
    """1 − loss / loss of the mean baseline."""


@dataclass(frozen=True)
class GradientNormDocument(Part):
    """The norm of a layer's gradient, the mean over the first, the middle and the last steps."""

    first: float
    middle: float
    end: float


@dataclass(frozen=True)
class LayerDocument(Part):
    """What is told of one layer."""

    name: str
    gradient_norm: GradientNormDocument


@dataclass(frozen=True)
class ChangeDocument(Part):
    """A change that lowers the sharpness."""

    name: str
    title: str
    factor: float
    """What it divides the sharpness by."""
    override: str | None
    """The `key=value` that makes it."""


@dataclass(frozen=True)
class StabilityDocument(Part):
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
    asked: Literal["train", "diagnose"] = "train" if command == "train" else "diagnose"
    return RunDocument(command=asked, **judged_fields(diagnosis, trace, config=config, run=run))


def judged_fields(
    diagnosis: Diagnosis, trace: Trace, *, config: str | None, run: str | None
) -> dict[str, Any]:
    """The fields of a `JudgedDocument`, by name."""
    loss = loss_summary(trace)
    return {
        "config": config,
        "outcome": diagnosis.outcome,
        "cause": None if diagnosis.cause is None else _cause(diagnosis.cause),
        "findings": [finding_document(finding) for finding in diagnosis.findings],
        "not_checked": [SkippedDocument(one.problem, one.reason) for one in diagnosis.not_checked],
        "ruled_out": list(diagnosis.ruled_out),
        "loss": LossDocument(
            initial=loss.initial,
            final=loss.final,
            best=None if loss.best_step is None else loss.best,
            steps=trace.steps,
            r_squared=diagnosis.numbers.get("r_squared"),
        ),
        "numbers": diagnosis.numbers,
        "layers": [
            LayerDocument(one.layer, GradientNormDocument(one.first, one.middle, one.end))
            for one in layer_gradients(trace)
        ],
        "stability": _stability(trace.facts.stability),
        "ended": None if trace.ending is None else trace.ending.reason,
        "run": run,
    }


def finding_document(finding: Finding) -> FindingDocument:
    """One finding."""
    return FindingDocument(**finding_fields(finding))


def finding_fields(finding: Finding) -> dict[str, Any]:
    """The fields of a `FindingDocument`, by name."""
    return {
        "problem": finding.problem,
        "severity": finding.severity,
        "message": finding.message,
        "layer": finding.layer,
        "tensor": finding.tensor,
        "evidence": [_evidence(one) for one in finding.evidence],
        "remedies": list(finding.remedies),
    }


def _evidence(one: Evidence) -> EvidenceDocument:
    return EvidenceDocument(one.series, one.measure, one.observed, one.limit, one.layer, one.steps)


def _cause(cause: Cause) -> CauseDocument:
    explained = dict.fromkeys(finding.problem for finding in cause.explains)
    return CauseDocument(cause.finding.problem, cause.confidence, list(explained))


def _stability(stability: Stability | None) -> StabilityDocument | None:
    if stability is None:
        return None
    return StabilityDocument(
        rule=stability.rule,
        learning_rate=stability.learning_rate,
        adaptive=stability.adaptive,
        sharpness=stability.sharpness,
        stability_limit=stability.stability_limit,
        batch_limits=stability.batch_limits,
        batch_size=stability.batch_size,
        changes=[
            ChangeDocument(one.name, one.title, one.factor, one.override)
            for one in stability.changes
        ],
        ratio=stability.ratio,
    )
