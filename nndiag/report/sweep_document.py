"""A learning-rate sweep as one JSON object."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from nndiag.finding import Confidence, Finding, Severity
from nndiag.report.document import Document, DocumentPart, derived
from nndiag.report.run_document import CauseDocument, FindingDocument, SkippedDocument
from nndiag.training.lr_sweep import Sweep
from nndiag.training.sweep_failure import Reason
from nndiag.training.sweep_ranking import RankedRate
from nndiag.training.sweep_theory import Reading, Theory
from nndiag.training.sweep_threshold import Threshold
from nndiag.training.sweep_verdict import Fate


@dataclass(frozen=True)
class ConfiguredRateDocument(DocumentPart):
    """The configured learning rate beside the others."""

    configured: float
    place: str
    """Where it is: "in-band", "below-band", "above-band", "above-threshold" or "no-band"."""
    speed_up_of_recommended: float | None
    """How many times fewer steps the recommended rate needs."""


@dataclass(frozen=True)
class BandDocument(DocumentPart):
    """The rates that work."""

    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class ThresholdDocument(DocumentPart):
    """The largest stable rate, as it was measured, and what happens beyond it."""

    value: float
    of_seeds: tuple[float, float]
    """The smallest and the largest of a single seed."""
    beyond: Fate
    lost_after_steps: tuple[int, int] | None
    """First and last step at which runs beyond it were lost."""
    flat_share: float | None
    """Share of flat units of the runs that sit there saturated."""


@dataclass(frozen=True, kw_only=True)
class LimitDocument(DocumentPart):
    """The largest stable rate as theory has it."""

    stability_limit: float | None
    """At the start of the config's own seed; null where nothing curves upwards."""
    rule: str
    """The limit's formula."""
    of_seeds: tuple[float, float] | None
    of_batches: tuple[float, float] | None
    at_end: float | None
    """Where a run ends."""
    sharpness: float | None
    threshold_over_limit: float | None
    """The measured threshold over the limit."""
    reading: Reading | None
    """Why both differ."""


@dataclass(frozen=True)
class LearnedDocument(DocumentPart):
    """How many seeds learn with the recommended rate."""

    seeds: int
    learned: int


@dataclass(frozen=True, kw_only=True)
class FailureDocument(DocumentPart):
    """Why no rate learns."""

    reason: Reason
    initial: float
    mean_baseline: float
    """Loss of the mean baseline."""
    lowest: float
    gradient_norm: float
    flat_share: float | None
    identical_share: float


@dataclass(frozen=True)
class SeedDocument(DocumentPart):
    """One short run."""

    seed: int
    what: Fate
    loss: float
    lost_at: int | None


@dataclass(frozen=True)
class RateDocument(DocumentPart):
    """One rate."""

    rate: float
    what: Fate
    works: bool
    loss: float
    seeds: list[SeedDocument]


@dataclass(frozen=True, kw_only=True)
class SweepDocument(Document):
    """What `sweep-lr` prints."""

    command: Literal["sweep-lr"] = "sweep-lr"
    config: str
    outcome: Literal["interrupted"] | None
    """A sweep is many runs and has no other outcome."""
    cause: CauseDocument | None
    findings: list[FindingDocument]
    """Gravest first."""
    not_checked: list[SkippedDocument]
    optimizer: str
    learning_rate: ConfiguredRateDocument
    band: BandDocument | None
    best: float | None
    best_of_seeds: tuple[float, float] | None
    divergence_threshold: ThresholdDocument | None
    theory: LimitDocument | None
    """Null for a program."""
    recommended: float | None
    recommended_learned: LearnedDocument
    failure: FailureDocument | None
    rates: list[RateDocument]
    steps: int
    total_steps: int
    seeds: list[int]
    runs: int
    computed: float | None
    """Rates up to this one were computed from runs at larger ones; null where none was."""
    seconds: float
    run: str | None
    """The sweep's folder."""


def sweep_document(
    result: Sweep, findings: Sequence[Finding], *, run: str | None = None
) -> SweepDocument:
    """All that a sweep found.

    Args:
        result: The sweep.
        findings: What is said about the configured rate.
        run: The folder it is stored in.
    """
    grave = next((finding for finding in findings if finding.severity is Severity.ERROR), None)
    threshold, theory, failure = result.threshold, result.theory, result.failure
    return derived(
        SweepDocument,
        result,
        config=result.name,
        outcome="interrupted" if result.interrupted else None,
        cause=grave and CauseDocument(grave.problem, Confidence.CONFIRMED, []),
        findings=findings,
        not_checked=[],
        learning_rate=ConfiguredRateDocument(result.configured, result.place, result.speed_up),
        band=result.band and BandDocument(*result.band),
        divergence_threshold=threshold and _threshold(threshold),
        theory=theory and _theory(theory),
        recommended_learned=LearnedDocument(len(result.recommended_runs), result.learned),
        failure=failure and derived(FailureDocument, failure, mean_baseline=failure.reference),
        rates=[_rate(rate) for rate in result.rates],
        run=run,
    )


def _threshold(threshold: Threshold) -> ThresholdDocument:
    return derived(
        ThresholdDocument,
        threshold,
        of_seeds=(threshold.low, threshold.high),
        beyond=threshold.fate,
        lost_after_steps=threshold.steps,
    )


def _theory(theory: Theory) -> LimitDocument:
    return derived(
        LimitDocument,
        theory.start,
        of_seeds=theory.stability_limits,
        of_batches=theory.start.batch_limits,
        at_end=theory.settled,
        threshold_over_limit=theory.ratio,
        reading=theory.reading,
    )


def _rate(rate: RankedRate) -> RateDocument:
    seeds = [
        derived(SeedDocument, run, what=fate, loss=run.final)
        for run, fate in zip(rate.runs, rate.fates, strict=True)
    ]
    return derived(RateDocument, rate, rate=rate.value, what=rate.fate, seeds=seeds)
