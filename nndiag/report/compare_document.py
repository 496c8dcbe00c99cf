"""Runs beside each other, as one JSON object."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from nndiag.report.compare import Side, labels_of, verdict
from nndiag.report.document import Document, DocumentPart, derived
from nndiag.report.run_document import RunDocument, run_document
from nndiag.trace.difference import Difference


@dataclass(frozen=True)
class DifferenceDocument(DocumentPart):
    """A setting that is not the same in all runs."""

    key: str
    """Its dotted path."""
    values: list[Any]
    """One for each run, in their order."""


@dataclass(frozen=True, kw_only=True)
class CompareDocument(Document):
    """What `compare` prints."""

    command: Literal["compare"] = "compare"
    verdict: str
    """Which run ended best, and by how much."""
    labels: list[str]
    """What tells each run from the others."""
    runs: list[RunDocument]
    """The best one first, where their losses can be compared."""
    differences: list[DifferenceDocument]


def compare_document(sides: Sequence[Side], changed: Sequence[Difference]) -> CompareDocument:
    """The whole comparison."""
    labels = labels_of(sides, changed)
    return CompareDocument(
        verdict=verdict(sides, labels),
        labels=labels,
        runs=[
            run_document(
                side.diagnosis,
                side.trace,
                command="diagnose",
                config=side.name,
                run=side.trace.source,
            )
            for side in sides
        ],
        differences=[derived(DifferenceDocument, one) for one in changed],
    )
