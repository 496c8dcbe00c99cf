"""Compares all answers with the kept ones, or renews those: `python -m tests.answers --renew`."""

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

from tests.answers.asking import asked
from tests.answers.chaotic import without_chaos
from tests.answers.comparison import agreed, differences
from tests.answers.keeping import drop, keep, kept, names
from tests.answers.questions import Subject, subjects

OTHER_PROCESSOR = {
    "OPENBLAS_CORETYPE": "Nehalem",
    "NPY_DISABLE_CPU_FEATURES": "X86_V3 X86_V4 AVX512_ICL AVX512_SPR",
}
"""Lets the libraries compute as on a processor without wide registers: what is kept is what does
not hang on that."""


def main() -> int:
    """Print what differs; 1 where something does."""
    parser = argparse.ArgumentParser(prog="python -m tests.answers", description=__doc__)
    parser.add_argument("only", nargs="*", help="parts of the names of the subjects")
    parser.add_argument("--renew", action="store_true", help="write the answers anew")
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    options = parser.parse_args()
    every = subjects()
    chosen = [
        subject
        for name, subject in every.items()
        if not options.only or any(part in name for part in options.only)
    ]
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as the command does
    changed = 0
    renewed = []
    for subject, found in _every(chosen, options.workers):
        before = kept(subject.name) if subject.name in names() else {}
        lines = [*differences(without_chaos(subject.name, before), found)]
        changed += bool(lines)
        print("\n".join(f"{subject.name}: {line}" for line in lines), end="\n" * bool(lines))
        if lines and options.renew:
            renewed.append((subject, found))
    others = _every([item for item, _ in renewed], options.workers, **OTHER_PROCESSOR)
    for (subject, found), (_, other) in zip(renewed, others, strict=True):
        keep(subject.name, agreed(found, other))
    for name in names() - set(every):
        print(f"{name}: is not asked about")
        drop(name) if options.renew else None
    print(f"{len(chosen)} subjects, {changed} with other answers than the kept ones")
    return int(changed > 0 and not options.renew)


def _every(
    chosen: Sequence[Subject], workers: int, **environment: str
) -> Iterator[tuple[Subject, dict[str, Any]]]:
    """The answers of subjects, asked in processes of their own with this environment."""
    os.environ.update(environment)
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        for subject, answers in zip(chosen, pool.map(asked, chosen), strict=True):
            yield subject, without_chaos(subject.name, answers)


if __name__ == "__main__":
    sys.exit(main())
