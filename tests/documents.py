"""The documents and the commands in them, run as they stand; renewed by:

python -m tests.documents [FILE...]
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).parents[1]
DOCUMENTS = (ROOT / "README.md", *sorted((ROOT / "nndiag" / "docs").glob("*.md")))

_CONSOLE = re.compile(
    r"^```console\n\$ (?P<command>[^\n]*)\n(?P<output>.*?)^```$", re.DOTALL | re.MULTILINE
)
_PROGRAM = re.compile(
    r"`(?P<name>\w+\.py)`:\n\n```python\n(?P<text>import numpy.*?)^```$", re.DOTALL | re.MULTILINE
)


@dataclass(frozen=True)
class Shown:
    """A command that a document shows, with what it says there."""

    command: str
    output: str


def shown(text: str) -> list[Shown]:
    """The commands in a document, in their order."""
    return [Shown(block["command"], block["output"]) for block in _CONSOLE.finditer(text)]


def programs() -> dict[str, str]:
    """The programs that the documents speak of, by file name."""
    texts = [path.read_text(encoding="utf-8") for path in DOCUMENTS]
    return {block["name"]: block["text"] for text in texts for block in _PROGRAM.finditer(text)}


def lay_out(folder: Path) -> None:
    """Puts the configs and the programs where the commands look for them."""
    shutil.copytree(ROOT / "configs", folder / "configs")
    for name, text in programs().items():
        (folder / name).write_text(text, encoding="utf-8")


def can_run(command: str) -> bool:
    """Whether this Python has what a command needs: torch, for a script with torch."""
    return "configs/pytorch" not in command or find_spec("torch") is not None


def said(command: str, folder: Path) -> str:
    """What a command says on a terminal of 80 columns.

    Raises:
        AssertionError: It ended with another code than 0 or 1.
    """
    environment = os.environ | {"COLUMNS": "80", "PYTHONIOENCODING": "utf-8"}
    environment |= {"PYTHONPATH": str(ROOT), "VIRTUAL_ENV": sys.prefix}
    ended = subprocess.run(
        [sys.executable, "-m", "nndiag", *command.split()[1:]],
        cwd=folder, env=environment, capture_output=True, encoding="utf-8", check=False,
    )  # fmt: skip
    assert ended.returncode in {0, 1}, (command, ended.stderr)
    return ended.stdout


def renew(path: Path) -> None:
    """Runs the commands of a document and writes what they say into it."""
    with tempfile.TemporaryDirectory() as folder:
        lay_out(Path(folder))

        def renewed(block: re.Match[str]) -> str:
            if not can_run(block["command"]):
                return block[0]
            lines = said(block["command"], Path(folder)).strip("\n").splitlines()
            output = "\n".join(line.rstrip() for line in lines)
            return f"```console\n$ {block['command']}\n{output}\n```"

        text = path.read_text(encoding="utf-8")
        path.write_text(_CONSOLE.sub(renewed, text), encoding="utf-8")


if __name__ == "__main__":
    for document in [Path(name) for name in sys.argv[1:]] or DOCUMENTS:
        renew(document)
