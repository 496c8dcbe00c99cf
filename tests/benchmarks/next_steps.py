"""Where the "next" lines lead: `python -m tests.benchmarks.next_steps [FILES]`.

For each file the command that the last one names is run, until nothing is left to do, or a page
explains what a person has to decide. More than four commands, or one that was run before, is a
circle. By default the files are the healthy and the broken programs and configs that the tests use.
"""

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

MOST = 4
"""Commands until a person is done."""
_ENDS = ("nothing", "nndiag explain", "diff ")
ROOT = Path(__file__).parents[2]


def walked(path: Path, folder: Path) -> list[str]:
    """The commands that were run for a file, and the last line that was not run.

    Args:
        path: The file; it is copied, with what lies beside it.
        folder: Where to run.
    """
    shutil.copytree(path.parent, folder, dirs_exist_ok=True)
    steps = [f"nndiag {path.name}"]
    while len(steps) <= MOST and steps[-1].startswith("nndiag") and not leads_on(steps):
        following = _next_line(steps[-1], folder)
        circle = following in steps
        steps.append(following)
        if circle:
            break
    return steps


def leads_on(steps: list[str]) -> bool:
    """Whether the commands end where nothing is left to do."""
    return steps[-1].startswith(_ENDS)


def _next_line(command: str, folder: Path) -> str:
    words = shlex.split(command)[1:]
    done = subprocess.run(
        [sys.executable, "-m", "nndiag", *words],
        cwd=folder, capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "300"},
    )  # fmt: skip
    lines = [line for line in done.stdout.splitlines() if line.startswith("next ")]
    return lines[-1].removeprefix("next ").strip() if lines else f"no next line: {done.stderr}"


def main(files: Iterable[str]) -> None:
    chosen = [Path(file) for file in files] or [
        *sorted((ROOT / "tests" / "own_program").glob("*/*.py")),
        *sorted((ROOT / "configs").glob("*/*.yaml"))[::8],
    ]
    good = 0
    for path in chosen:
        with tempfile.TemporaryDirectory() as folder:
            steps = walked(path, Path(folder))
        good += leads_on(steps)
        print(f"{'✓' if leads_on(steps) else '✗'} {path.stem}: {' → '.join(steps)}", flush=True)
    print(f"{good} of {len(chosen)} lead on")


if __name__ == "__main__":
    main(sys.argv[1:])
