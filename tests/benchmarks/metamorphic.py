"""Which verdicts change where nothing does: `python -m tests.benchmarks.metamorphic [--only TEXT]`.

All right programs and all bugs of `mutations`, under all of `tests.transformations`.
"""

import argparse
import sys
import tempfile
from collections import Counter
from functools import cache
from pathlib import Path

from nndiag.errors import NndiagError
from tests.metamorphic import cases, verdict


def main() -> int:
    """Prints what differs, and the figures; 1 where something differs."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", default="", help="part of a program's, bug's or change's name")
    parser.add_argument("--right", action="store_true", help="only the right programs")
    options = parser.parse_args()
    same: Counter[str] = Counter()
    tried: Counter[str] = Counter()

    @cache
    def told(text: str) -> object:
        try:
            return verdict(text, Path(folder))
        except NndiagError as error:
            return str(error).splitlines()[0]

    with tempfile.TemporaryDirectory() as folder:
        for case in cases(bugs=not options.right):
            if options.only not in f"{case.program}: {case.change}" or case.before == case.after:
                continue
            before, after = told(case.before), told(case.after)
            tried[case.change] += 1
            same[case.change] += before == after
            if before != after:
                print(f"{case.program} | {case.change} | {before} → {after}", flush=True)
    for change, count in tried.items():
        print(f"{change:20} the same in {same[change]} of {count}")
    return int(same != tried)


if __name__ == "__main__":
    sys.exit(main())
