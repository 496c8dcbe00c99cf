"""A finding about layers in which too large a share of the units has some fault."""

from collections.abc import Iterable

import numpy as np

from nndiag.finding import Evidence, Finding, Severity
from nndiag.formatting import percent
from nndiag.trace import Trace

_MOST = 0.5


def begins_beyond(trace: Trace, *names: str, hidden: bool = False) -> bool:
    """Whether most units of a layer have some fault before the first step.

    Args:
        trace: The run.
        names: Series with the shares, one column per layer.
        hidden: Whether the last layer is left out.
    """
    for series in (trace.series[name] for name in names if name in trace.series):
        begun = len(series.steps) and series.steps[0] == trace.step[0]
        shares = series.values[0, : -1 if hidden else None] if begun else np.zeros(0)
        if (shares > _MOST).any():
            return True
    return False


def layers_beyond(
    trace: Trace,
    name: str,
    *,
    columns: Iterable[int],
    limit: float,
    problem: str,
    severity: Severity,
    fault: str,
) -> list[Finding]:
    """At most one finding, with an item of evidence for each layer that ends beyond a limit.

    Args:
        trace: The run.
        name: Series with the shares, one column per layer.
        columns: Layers to look at.
        limit: Share above which a layer is reported.
        problem: Name of the problem.
        severity: Severity of the finding.
        fault: What the units are, to follow "60% of the units of layer1".
    """
    evidence = [_beyond(trace, name, column=column, limit=limit) for column in columns]
    found = [item for item in evidence if item is not None]
    if not found:
        return []
    first = found[0]
    start = first.steps[0] if first.steps is not None else 0
    since = "from the start" if start == trace.step[0] else f"since about step {start}"
    others = f"; so in {len(found)} layers" if len(found) > 1 else ""
    message = f"{percent(first.observed)} of the units of {first.layer} {fault}, {since}{others}"
    return [
        Finding(
            problem,
            severity,
            message,
            evidence=tuple(found),
            layer=first.layer,
        )
    ]


def _beyond(trace: Trace, name: str, *, column: int, limit: float) -> Evidence | None:
    """The last share of a layer and since when it has been beyond the limit; None below it."""
    series = trace.series[name]
    shares = series.values[:, column]
    known = np.flatnonzero(np.isfinite(shares))
    if not len(known) or not shares[known[-1]] > limit:
        return None
    calm = known[shares[known] <= limit]
    start = int(known[0]) if not len(calm) else int(calm[-1]) + 1
    steps = (int(series.steps[start]), int(series.steps[known[-1]]))
    return Evidence(name, float(shares[known[-1]]), limit, trace.layers[column], steps)
