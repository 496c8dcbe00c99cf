"""Write the programs, or run nndiag over them: `python -m tests.benchmarks.generated --help`."""

from __future__ import annotations

import argparse
from pathlib import Path

from tests.benchmarks.generated import population


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.generated")
    parser.add_argument("--right", type=int, default=0, help="right programs")
    parser.add_argument("--bugs", type=int, default=0, help="programs with one bug")
    parser.add_argument("--two", type=int, default=0, help="programs with two bugs")
    parser.add_argument("--seeds", choices=["look", "report"], default="look")
    parser.add_argument("--only", default="", help="one style of the right ones, or one bug")
    parser.add_argument("--write", type=Path, help="write the programs here and end")
    return parser.parse_args()


def write(options: argparse.Namespace) -> None:
    """Write programs with their truth, to be looked at."""
    assert options.seeds == "look", "programs of the reported seeds are never shown"
    for count, make in (
        (options.right, lambda i: population.right("look", i, options.only)),
        (options.bugs, lambda i: population.with_bug("look", i, options.only)),
        (options.two, lambda i: population.two_bugs("look", i)),
    ):
        for index in range(count):
            try:
                specimen = make(index)
            except RuntimeError as error:
                print(error)
                continue
            folder = options.write / f"{specimen.name}-{specimen.draft.style.name}"
            specimen.write(folder)
            print(folder)


if __name__ == "__main__":
    chosen = arguments()
    if chosen.write:
        write(chosen)
