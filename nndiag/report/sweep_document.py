"""A learning-rate sweep as one JSON object."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from nndiag.finding import Confidence, Finding, Severity
from nndiag.report.document import Document, Part
from nndiag.report.run_document import (
    CauseDocument,
    FindingDocument,
    SkippedDocument,
    finding_document,
)
from nndiag.training.lr_sweep import SweepResult
from nndiag.training.sweep_failure import Failure, Reason
from nndiag.training.sweep_ranking import Rate
from nndiag.training.sweep_theory import Reading, Theory
from nndiag.training.sweep_threshold import Threshold
from nndiag.training.sweep_verdict import Fate


@dataclass(frozen=True)
class ConfiguredRateDocument(Part):
    """The configured learning rate beside the others."""

    configured: float
    place: str
    """Where it is: "in-band", "below-band", "above-band", "above-threshold" or "no-band"."""
    speed_up_of_recommended: float | None
    """How many times fewer steps the recommended rate needs."""


@dataclass(frozen=True)
class BandDocument(Part):
    """The rates that work."""

    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class ThresholdDocument(Part):
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
class LimitDocument(Part):
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
class LearnedDocument(Part):
    """How many seeds learn with the recommended rate."""

    seeds: int
    learned: int


@dataclass(frozen=True, kw_only=True)
class FailureDocument(Part):
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
class SeedDocument(Part):
    """One short run."""

    seed: int
    what: Fate
    loss: float
    lost_at: int | None


@dataclass(frozen=True)
class RateDocument(Part):
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
    seconds: float
    run: str | None
    """The sweep's folder."""


def sweep_document(
    result: SweepResult, findings: Sequence[Finding], *, run: str | None = None
) -> SweepDocument:
    """All that a sweep found.

    Args:
        result: The sweep.
        findings: What is said about the configured rate.
        run: The folder it is stored in.
    """
    grave = next((finding for finding in findings if finding.severity is Severity.ERROR), None)
    cause = None if grave is None else CauseDocument(grave.problem, Confidence.CONFIRMED, [])
    return SweepDocument(
        config=result.name,
        outcome="interrupted" if result.interrupted else None,
        cause=cause,
        findings=[finding_document(finding) for finding in findings],
        not_checked=[],
        optimizer=result.optimizer,
        learning_rate=ConfiguredRateDocument(result.configured, result.place, result.speed_up),
        band=None if result.band is None else BandDocument(*result.band),
        best=result.best,
        best_of_seeds=result.best_of_seeds,
        divergence_threshold=None if result.threshold is None else _threshold(result.threshold),
        theory=None if result.theory is None else _theory(result.theory),
        recommended=result.recommended,
        recommended_learned=LearnedDocument(len(result.recommended_runs), result.learned),
        failure=None if result.failure is None else _failure(result.failure),
        rates=[_rate(rate) for rate in result.rates],
        steps=result.steps,
        total_steps=result.total_steps,
        seeds=list(result.seeds),
        runs=result.runs,
        seconds=result.seconds,
        run=run,
    )


def _threshold(threshold: Threshold) -> ThresholdDocument:
    return ThresholdDocument(
        value=threshold.value,
        of_seeds=(threshold.low, threshold.high),
        beyond=threshold.fate,
        lost_after_steps=threshold.steps,
        flat_share=threshold.flat_share,
    )


def _theory(theory: Theory) -> LimitDocument:
    start = theory.start
    return LimitDocument(
        stability_limit=start.stability_limit,
        rule=start.rule,
        of_seeds=theory.stability_limits,
        of_batches=start.batch_limits,
        at_end=theory.settled,
        sharpness=start.sharpness,
        threshold_over_limit=theory.ratio,
        reading=theory.reading,
    )


def _failure(failure: Failure) -> FailureDocument:
    return FailureDocument(
        reason=failure.reason,
        initial=failure.initial,
        mean_baseline=failure.reference,
        lowest=failure.lowest,
        gradient_norm=failure.gradient_norm,
        flat_share=failure.flat_share,
        identical_share=failure.identical_share,
    )


def _rate(rate: Rate) -> RateDocument:
    seeds = [
        SeedDocument(run.seed, fate, run.final, run.lost_at)
        for run, fate in zip(rate.runs, rate.fates, strict=True)
    ]
    return RateDocument(rate.value, rate.fate, rate.works, rate.loss, seeds)
