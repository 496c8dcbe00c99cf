"""Findings about layers in which too large a share of the units has some fault."""

from collections.abc import Iterable

import numpy as np

from nndiag.finding import Evidence, Finding, Severity
from nndiag.trace import Trace


def layers_beyond(
    trace: Trace,
    name: str,
    *,
    columns: Iterable[int],
    limit: float,
    problem: str,
    severity: Severity,
    fault: str,
    remedies: tuple[str, ...],
) -> list[Finding]:
    """One finding for each layer whose share of faulty units ends beyond a limit.

    Args:
        trace: The run.
        name: Series with the shares, one column per layer.
        columns: Layers to look at.
        limit: Share above which the layer is reported.
        problem: Name of the problem.
        severity: Severity of the findings.
        fault: What the units are, to follow "60% of the units of layer1".
        remedies: What to try.
    """
    series = trace.series[name]
    findings = []
    for column in columns:
        shares = series.values[:, column]
        known = np.flatnonzero(np.isfinite(shares))
        if not len(known) or not shares[known[-1]] > limit:
            continue
        observed, layer = float(shares[known[-1]]), trace.layers[column]
        calm = known[shares[known] <= limit]
        start = 0 if not len(calm) else int(calm[-1]) + 1
        steps = (int(series.steps[start]), int(series.steps[known[-1]]))
        since = "from the start" if start == 0 else f"since about step {steps[0]}"
        findings.append(
            Finding(
                problem,
                severity,
                f"{observed:.0%} of the units of {layer} {fault}, {since}",
                evidence=(Evidence(name, observed, limit, layer, steps),),
                layer=layer,
                remedies=remedies,
            )
        )
    return findings
