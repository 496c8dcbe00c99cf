"""Runs `fix` on every faulty program and prints a line for each."""

import os
import sys
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from nndiag.experiment import load_experiment
from nndiag.fixing import fix

FOLDER = Path(__file__).parents[3] / "configs" / "programs"


def main() -> None:
    """Fix all programs whose name contains the first argument."""
    wanted = sys.argv[1] if len(sys.argv) > 1 else ""
    paths = [path for path in sorted(FOLDER.glob("*.yaml")) if not path.stem.endswith("_cured")]
    cured = curable = 0
    for path in (path for path in paths if wanted in path.stem):
        found = fix(load_experiment(path))
        curable += not found.in_the_data
        cured += found.winner is not None
        cause = found.diagnosis.cause
        named = "–" if cause is None else f"{cause.finding.problem} ({cause.confidence})"
        by = "in the data" if found.in_the_data else "not cured"
        if found.winner is not None:
            seeds = f"{found.winner.held}/{len(found.winner.seeds)}"
            by = f"{' + '.join(found.winner.trial.remedies)}, other seeds {seeds}"
        share = found.seconds / max(found.baseline.seconds, 1e-9)
        print(f"{path.stem:28}{found.seconds:6.1f} s {share:5.0f}×  {named}: {by}", flush=True)
    print(f"cured {cured} of {curable} that can be")


main()
