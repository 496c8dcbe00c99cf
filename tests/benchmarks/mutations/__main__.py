"""How many of the bugs put into right programs are named and mended: `python -m …mutations`."""

import argparse
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from nndiag.errors import NndiagError
from nndiag.program import CodeSettings, ProgramCheck, check_program
from tests.benchmarks.mutations.mutations import MUTATIONS, Mutation

PROGRAMS = Path(__file__).parent / "programs"


def mutated(mutation: Mutation) -> str:
    """The text of a program with a bug in it."""
    text = (PROGRAMS / f"{mutation.program}.py").read_text()
    for old, new in [*mutation.also, (mutation.old, mutation.new)][::-1]:
        if text.count(old) < 1:
            raise ValueError(f"{mutation.label}: {old!r} is not in the program")
        text = text.replace(old, new, 1)
    return text


def checked(text: str, folder: Path, name: str) -> ProgramCheck:
    """The check of a program's text."""
    path = folder / f"{name}.py"
    path.write_text(text)
    return check_program(CodeSettings(script=str(path)), seconds=40)


def names(mutation: Mutation, check: ProgramCheck) -> bool:
    """Whether the bug and the parameters are named."""
    found = [item for item in check.findings if item.problem == mutation.bug]
    told = [name for item in found for name in (item.tensor or "").split(", ")]
    plain = [name.replace('"]', "").replace("'", "").replace('"', "") for name in told]
    return bool(found) and all(
        any(name.endswith(wanted) for name in plain) or any(wanted in name for name in plain)
        for wanted in mutation.tensors
    )


def main() -> int:
    """Prints the figures; 1 where a target is missed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", default="", help="part of a program's or bug's name")
    parser.add_argument("--verbose", action="store_true")
    options = parser.parse_args()
    started = time.perf_counter()
    chosen = [item for item in MUTATIONS if options.only in item.label]
    named, mended, alarms = 0, 0, 0
    missed: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        for path in sorted(PROGRAMS.glob("*.py")):
            check = checked(path.read_text(), Path(folder), path.stem)
            alarms += not check.correct
            if not check.correct:
                print("FALSE ALARM", path.stem, [item.problem for item in check.findings])
        for mutation in chosen:
            try:
                check = checked(mutated(mutation), Path(folder), mutation.program)
            except NndiagError as error:
                print("ERROR  ", mutation.label, "|", str(error).splitlines()[0])
                missed[mutation.bug] += 1
                continue
            good, fixed = names(mutation, check), check.fixed_text is not None
            shown = mutation.bug in {"loss-is-not-the-objective"}
            named += good
            mended += fixed or (good and shown)
            missed[mutation.bug] += not good
            if options.verbose or not good or not (fixed or shown):
                said = [(item.problem, item.tensor, item.line) for item in check.findings]
                print(
                    "named  " if good else "MISSED ",
                    "mended " if fixed else "UNMENDED",
                    f"{check.seconds:.1f}s",
                    mutation.label,
                    "|",
                    said,
                )
                if options.verbose and check.diff:
                    print(check.diff)
    count = max(1, len(chosen))
    print(
        f"{len(chosen)} bugs in {len(list(PROGRAMS.glob('*.py')))} programs, "
        f"{time.perf_counter() - started:.0f} s"
    )
    print(f"named with its tensors: {named} ({100 * named / count:.1f} %, target 95 %)")
    print(f"mended, check passes:   {mended} ({100 * mended / count:.1f} %, target 80 %)")
    print(f"false alarms on the right programs: {alarms} (target 0)")
    return int(named < 0.95 * count or mended < 0.8 * count or alarms > 0)


if __name__ == "__main__":
    sys.exit(main())
