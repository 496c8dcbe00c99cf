"""The page of one run: its report, its pictures, what was skipped, its settings."""

from collections.abc import Mapping

from nndiag.finding import Diagnosis
from nndiag.formatting import number
from nndiag.plain import json_text
from nndiag.report.html import page_html
from nndiag.report.terminal import run_report
from nndiag.report.verdict import evidence_words
from nndiag.trace import Trace
from nndiag.trace.classes import confusion_of


def run_page(
    diagnosis: Diagnosis,
    trace: Trace,
    *,
    name: str,
    pictures: Mapping[str, str],
    run: str | None = None,
    next_command: str | None = None,
) -> str:
    """The page.

    Args:
        diagnosis: What is said about the run.
        trace: The run; it has a step.
        name: What the run is called.
        pictures: Name → SVG element.
        run: The folder it is stored in.
        next_command: What to try next.
    """
    report = run_report(diagnosis, trace, name=name, run=run, next_command=next_command)
    evidence = {
        f"{finding.problem} {finding.layer or ''}".strip(): "; ".join(
            [finding.message, *map(evidence_words, finding.evidence)]
        )
        for finding in diagnosis.findings
    }
    texts = {}
    if trace.facts.settings:
        texts["Settings"] = json_text(trace.facts.settings)
    return page_html(
        f"{name}: {diagnosis.outcome}",
        report,
        pictures=pictures,
        tables={
            "Findings with their evidence": evidence,
            "Classes of the training examples, and what was predicted": _confusion(trace),
            "Skipped checks": {one.problem: one.reason for one in diagnosis.not_checked},
            "Numbers": {key: number(value) for key, value in diagnosis.numbers.items()},
        },
        texts=texts,
    )


def _confusion(trace: Trace) -> dict[str, str]:
    """A row for each class: how many of its examples were put into which."""
    counts = confusion_of(trace)
    if counts is None:
        return {}
    return {
        f"class {right}": " · ".join(
            f"predicted class {found}: {many:,}" for found, many in enumerate(row) if many
        )
        for right, row in enumerate(counts)
    }
