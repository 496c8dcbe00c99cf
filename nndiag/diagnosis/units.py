"""Findings in the words of what a log counts: epochs or rows where it has no steps."""

import re
from dataclasses import replace

from nndiag.finding import Finding

_STEPS = re.compile(r"(?<!Newton )\bstep(s?)\b")


def counted_in(unit: str, finding: Finding) -> Finding:
    """The finding, its steps called by the unit that the trace counts."""
    if unit == "step":
        return finding
    return replace(finding, message=_STEPS.sub(rf"{unit}\1", finding.message))
