"""Six networks with a structure, right and with three bugs each: `python -m …structures`.

A recurrent network, an LSTM, a convolution, batch normalisation, dropout, a scalar autograd. A
repair counts where the mended program prints what the right one does.
"""

import argparse
import difflib
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np
import yaml

from nndiag.errors import NndiagError
from nndiag.program import CodeSettings, check_program

FOLDER = Path(__file__).parent / "structures"
COLUMNS = ("called", "named", "line", "repaired")


def bugs() -> dict[str, list[dict]]:
    """Program → its bugs."""
    return yaml.safe_load(FOLDER.with_suffix(".yaml").read_text(encoding="utf-8"))


def mutated(text: str, bug: dict) -> str:
    """The text of a program with a bug in it."""
    for old, new in [*bug.get("also", ()), (bug["old"], bug["new"])][::-1]:
        assert text.count(old) >= 1, f"{old!r} is not in the program"
        text = text.replace(old, new, 1)
    return text


def wrong_lines(right: str, wrong: str) -> set[int]:
    """The lines of a wrong text that differ; beside a missing one its neighbours."""
    matcher = difflib.SequenceMatcher(None, right.splitlines(), wrong.splitlines(), autojunk=False)
    found: set[int] = set()
    for kind, _, _, first, last in matcher.get_opcodes():
        if kind != "equal":
            found.update(range(first + 1, last + 1) if last > first else (first, first + 1))
    return found


def printed(text: str, folder: Path) -> list[float]:
    """The numbers that a program prints."""
    path = folder / "run.py"
    path.write_text(text)
    done = subprocess.run([sys.executable, str(path)], capture_output=True, text=True, check=False)
    words = done.stdout.replace(":", " ").split()
    return [float(word) for word in words if word.replace(".", "").replace("e-", "").isdigit()]


def is_repaired(right: str, fixed: str | None, folder: Path) -> bool:
    """Whether a mended program does what the right one does."""
    if fixed is None:
        return False
    wanted, found = printed(right, folder), printed(fixed, folder)
    return len(wanted) == len(found) and np.allclose(wanted, found, rtol=1e-3)


def main() -> int:
    """Prints the table; 1 where a right program is called wrong."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", default="", help="part of a program's name")
    parser.add_argument("--seconds", type=float, default=40)
    options = parser.parse_args()
    alarms, count, seen = 0, 0, Counter[str]()
    print(f"{'':42}{'right':>8}" + "".join(f"{name:>10}" for name in COLUMNS))
    for program, rows in bugs().items():
        if options.only not in program:
            continue
        right = (FOLDER / f"{program}.py").read_text()
        for bug in [None, *rows]:
            text = right if bug is None else mutated(right, bug)
            with tempfile.TemporaryDirectory() as name:
                path = Path(name) / f"{program}.py"
                path.write_text(text)
                try:
                    check = check_program(CodeSettings(script=str(path)), seconds=options.seconds)
                except NndiagError as error:
                    print(f"{program:42}refused: {str(error).splitlines()[0][-60:]}")
                    count += bug is not None
                    continue
                told = [f"{item.problem}:{item.line}" for item in check.findings]
                if bug is None:
                    alarms += not check.correct
                    print(f"{program:42}{'yes' if check.correct else 'WRONG':>8}", *told)
                    continue
                count += 1
                found = {
                    "called": not check.correct,
                    "named": any(f.problem in bug["names"].split() for f in check.findings[:1]),
                    "line": any(f.line in wrong_lines(right, text) for f in check.findings[:1]),
                    "repaired": is_repaired(right, check.fixed_text, Path(name)),
                }
            seen.update(name for name in COLUMNS if found[name])
            label = " ".join((bug["new"] or f"no {bug['old']}").split())[:38]
            cells = "".join(f"{'yes' if found[name] else '–':>10}" for name in COLUMNS)
            print(f"    {label:46}{cells}   {' '.join(told)}")
    print(f"{count} bugs: " + ", ".join(f"{name} {seen[name]}" for name in COLUMNS))
    print(f"false alarms: {alarms} (target 0)")
    return int(alarms > 0)


if __name__ == "__main__":
    sys.exit(main())
