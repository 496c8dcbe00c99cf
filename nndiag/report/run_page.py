"""The page of one run: its report, its pictures, what was skipped, its settings."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from nndiag.finding import Diagnosis
from nndiag.formatting import number
from nndiag.plain import json_text
from nndiag.report.catalogue import code_of, entry_of
from nndiag.report.html import page_html
from nndiag.report.terminal import run_report
from nndiag.report.verdict import evidence_words
from nndiag.trace import Trace
from nndiag.trace.classes import confusion_of

if TYPE_CHECKING:
    from nndiag.plots.interactive import Chart


def run_page(
    diagnosis: Diagnosis,
    trace: Trace,
    *,
    name: str,
    pictures: Mapping[str, str],
    charts: "Mapping[str, Chart] | None" = None,
    run: str | None = None,
    next_command: str | None = None,
) -> str:
    """The page.

    Args:
        diagnosis: What is said about the run.
        trace: The run; it has a step.
        name: What the run is called.
        pictures: Name → SVG element.
        charts: Name → the numbers of a picture.
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
        charts=charts,
        links=_links(diagnosis),
        explained={one.problem: _page(one.problem) for one in diagnosis.findings},
        tables={
            "Findings with their evidence": evidence,
            "Classes of the training examples, and what was predicted": _confusion(trace),
            "Skipped checks": {one.problem: one.reason for one in diagnosis.not_checked},
            "Numbers": {key: number(value) for key, value in diagnosis.numbers.items()},
        },
        texts=texts,
    )


def _links(diagnosis: Diagnosis) -> dict[str, list[str]]:
    """Picture → the problems that are seen in it."""
    found: dict[str, list[str]] = {"loss": [], "gradient_norms": [], "prediction": []}
    for finding in diagnosis.findings:
        series = {one.series for one in finding.evidence}
        gradients = any("gradient" in one for one in series)
        predictions = any("prediction" in one for one in series)
        place = "gradient_norms" if gradients else "prediction" if predictions else "loss"
        if finding.problem not in found[place]:
            found[place].append(finding.problem)
    return found


def _page(problem: str) -> str:
    """What `nndiag explain` tells of a problem, with the code of its first fix."""
    return "\n\n".join(part for part in (entry_of(problem).page, code_of(problem)) if part)


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
