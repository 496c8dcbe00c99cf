"""A diagnosis as one JSON object; its keys are a contract, and `version` counts its changes."""

from dataclasses import asdict
from typing import Any

from nndiag.finding import Diagnosis, Evidence, Finding
from nndiag.plain import to_plain
from nndiag.report.document import VERSION
from nndiag.trace import Stability, Trace
from nndiag.trace.statistics import layer_gradients, loss_summary


def run_document(
    diagnosis: Diagnosis,
    trace: Trace,
    *,
    command: str,
    config: str | None,
    run: str | None,
) -> dict[str, Any]:
    """All that is said about one run.

    Numbers that are not finite are the strings "nan", "inf" and "-inf".

    Args:
        diagnosis: What is said.
        trace: The run.
        command: The command that asks: "train" or "diagnose".
        config: Name of the config.
        run: The folder of the run.
    """
    loss = loss_summary(trace)
    document = {
        "version": VERSION,
        "command": command,
        "config": config,
        "outcome": diagnosis.outcome,
        "cause": _cause(diagnosis),
        "findings": [finding_document(finding) for finding in diagnosis.findings],
        "not_checked": [
            {"problem": skipped.problem, "reason": skipped.reason}
            for skipped in diagnosis.not_checked
        ],
        "ruled_out": diagnosis.ruled_out,
        "loss": {
            "initial": loss.initial,
            "final": loss.final,
            "best": None if loss.best_step is None else loss.best,
            "steps": trace.steps,
            "skill": diagnosis.numbers.get("skill"),
        },
        "numbers": diagnosis.numbers,
        "layers": [
            {
                "name": layer.layer,
                "gradient_norm": {"first": layer.first, "middle": layer.middle, "end": layer.end},
            }
            for layer in layer_gradients(trace)
        ],
        "stability": _stability(trace.facts.stability),
        "ended": None if trace.ending is None else trace.ending.reason,
        "run": run,
    }
    plain: dict[str, Any] = to_plain(document)
    return plain


def finding_document(finding: Finding) -> dict[str, Any]:
    """One finding; its place in a user's program only where it has one."""
    document: dict[str, Any] = {
        "problem": finding.problem,
        "severity": finding.severity,
        "message": finding.message,
        "layer": finding.layer,
        "tensor": finding.tensor,
        "evidence": _evidence(finding.evidence),
        "remedies": finding.remedies,
    }
    place = {"file": finding.file, "line": finding.line, "replacement": finding.replacement}
    document |= {key: value for key, value in place.items() if value is not None}
    plain: dict[str, Any] = to_plain(document)
    return plain


def _evidence(evidence: tuple[Evidence, ...]) -> dict[str, Any]:
    """The numbers by series; a series that is named again gets a number: "loss-2"."""
    document: dict[str, Any] = {}
    for one in evidence:
        taken = sum(key == one.series or key.startswith(f"{one.series}-") for key in document)
        document[one.series if not taken else f"{one.series}-{taken + 1}"] = {
            "measure": one.measure,
            "observed": one.observed,
            "limit": one.limit,
            "layer": one.layer,
            "steps": one.steps,
        }
    return document


def _stability(stability: Stability | None) -> dict[str, Any] | None:
    """What theory said of the learning rate before the first step."""
    return None if stability is None else {**asdict(stability), "ratio": stability.ratio}


def _cause(diagnosis: Diagnosis) -> dict[str, Any] | None:
    if diagnosis.cause is None:
        return None
    explained = dict.fromkeys(finding.problem for finding in diagnosis.cause.explains)
    return {
        "problem": diagnosis.cause.finding.problem,
        "confidence": diagnosis.cause.confidence,
        "explains": list(explained),
    }
