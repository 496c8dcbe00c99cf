"""All scripts of `configs/pytorch`, run and fixed: `python -m tests.benchmarks.pytorch`.

In a Python with torch. For each script: what is told first, and the change with which it trains.
"""

import sys
import time

from nndiag.finding import Severity
from nndiag.own_program.fix import fix_program
from nndiag.own_program.run import judged
from nndiag.report.fix_program import fix_program_line
from tests.pytorch.scripts import CAUSES, path_of, script_of


def main(names):
    told = fixed = silent = 0
    chosen = [name for name in CAUSES if not names or name in names]
    for name in chosen:
        script = script_of(path_of(name))
        began = time.process_time()
        run = judged(script, script.watcher.watch())
        cause = run.diagnosis.cause
        graver = [x for x in run.diagnosis.findings if x.severity is not Severity.NOTE]
        first = "nothing" if cause is None else cause.finding.problem
        right = first in CAUSES[name] if CAUSES[name] else not graver
        told += right
        silent += right and not CAUSES[name]
        line = ""
        if CAUSES[name]:
            found = fix_program(run, script)
            fixed += found.winner is not None
            line = fix_program_line(found)
        seconds = time.process_time() - began
        print(f"{'✓' if right else '✗'} {name:36} {first:36} {seconds:5.1f} s  {line}", flush=True)
    faulty = sum(bool(CAUSES[name]) for name in chosen)
    print(f"told rightly {told} of {len(chosen)} · fixed {fixed} of {faulty} · silent {silent}")


if __name__ == "__main__":
    main(sys.argv[1:])
