"""What a diagnosis says: findings with evidence, one outcome, one cause."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any


class Word(str, Enum):
    """A choice that is written as its value, as `enum.StrEnum` of newer Pythons is."""

    __str__ = str.__str__


class Severity(Word):
    """How much a finding matters."""

    ERROR = "error"
    """Training cannot succeed like this."""
    WARNING = "warning"
    """Training is impaired."""
    NOTE = "note"
    """Worth knowing; nothing is wrong because of it."""

    @property
    def rank(self) -> int:
        """0 for the gravest; sorts findings."""
        return list(Severity).index(self)


class Outcome(Word):
    """How a run ended; exactly one per run."""

    DIVERGED = "diverged"
    STALLED = "stalled"
    CONVERGED = "converged"
    IMPROVING = "improving"
    FLAT = "flat"
    """The loss no longer falls, and nothing tells whether that is the best it can reach."""
    INTERRUPTED = "interrupted"
    UNJUDGED = "not judged"
    """The loss is no measure of what was learned: it need not fall."""


class Confidence(Word):
    """How well a cause is established."""

    CONFIRMED = "confirmed"
    """A rerun with one change made the failure go away."""
    LIKELY = "likely"
    """A computed bound or a static fact says so."""
    POSSIBLE = "possible"
    """The symptoms fit."""


@dataclass(frozen=True)
class Evidence:
    """One measured number beside the limit it was held against.

    Attributes:
        series: Name of the series or fact that was read.
        observed: The number that was seen.
        limit: The number that it was compared with.
        layer: Name of the layer, where it belongs to one.
        steps: First and last step, where it belongs to some.
        measure: What of the series the number is, such as its rise; None for its value.
    """

    series: str
    observed: float
    limit: float | None = None
    layer: str | None = None
    steps: tuple[int, int] | None = None
    measure: str | None = None


@dataclass(frozen=True)
class Finding:
    """One problem that was seen, with its evidence.

    Attributes:
        problem: Name of the problem, as `nndiag explain` knows it.
        severity: How much it matters.
        message: One sentence with numbers.
        evidence: The numbers behind it, most telling first.
        layer: Name of the layer, where it belongs to one.
        tensor: Name of the parameter tensor, where it belongs to one.
        remedies: Names of the remedies against it, most promising first; in a user's program, what
            to write instead.
        file: For a user's program: the file to change.
        line: For a user's program: the line to change, from 1.
        replacement: For a user's program: what to write there.
        mild: Whether it impairs less than what else keeps the run from moving.
        explains_up_to: How many times too large or too small a learning rate may be for this to be
            the reason.
    """

    problem: str
    severity: Severity
    message: str
    evidence: tuple[Evidence, ...] = ()
    layer: str | None = None
    tensor: str | None = None
    remedies: tuple[str, ...] = ()
    file: str | None = None
    line: int | None = None
    replacement: str | None = None
    mild: bool = False
    explains_up_to: float = math.inf


@dataclass(frozen=True)
class Skipped:
    """A check that was not made, and why."""

    problem: str
    reason: str


@dataclass(frozen=True)
class Suggestion:
    """A remedy that is worth trying on a run.

    Attributes:
        remedy: Its name.
        title: What it does, in a line.
        changes: The keys of the config that it changes, nested as there; None without a config.
    """

    remedy: str
    title: str
    changes: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Cause:
    """The one thing that explains a failing run, and the symptoms folded under it."""

    finding: Finding
    confidence: Confidence
    explains: tuple[Finding, ...] = ()


@dataclass(frozen=True)
class Diagnosis:
    """All that is said about one run.

    Attributes:
        outcome: How the run ended.
        cause: The cause, or None where nothing is wrong or nothing explains it.
        findings: All findings in the order in which they are to be read: the cause, other causes
            beside it, what the cause explains, notes; without a cause the gravest first.
        not_checked: What could not be looked at, with reasons.
        numbers: The numbers behind the outcome by name (R², newton_decrement, onset_step, …);
            a number that could not be had is absent.
        ruled_out: Problems that were looked for and are not there.
        suggested: What to try, in the order in which `fix` does.
    """

    outcome: Outcome
    cause: Cause | None
    findings: tuple[Finding, ...]
    not_checked: tuple[Skipped, ...]
    numbers: Mapping[str, float] = field(default_factory=dict)
    ruled_out: tuple[str, ...] = ()
    suggested: tuple[Suggestion, ...] = ()

    @property
    def failing(self) -> bool:
        """Whether any finding is of severity error."""
        return any(finding.severity is Severity.ERROR for finding in self.findings)
