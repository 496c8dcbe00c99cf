"""The mended program, written beside the original."""

from __future__ import annotations

import json
from collections.abc import Sequence
from difflib import SequenceMatcher
from pathlib import Path

from nndiag.errors import Problem, UserCodeError, unwritable
from nndiag.program.result import ProgramCheck
from nndiag.program.text.source import Source, encoding_of, notebook_cells


def write_fixed(check: ProgramCheck) -> Path:
    """Writes the mended program beside the original, `my_net.fixed.py`.

    Raises:
        UserCodeError: There is no repair, the file exists already.
        RunError: It cannot be written.
    """
    if check.fixed_text is None:
        raise UserCodeError(Problem("no fix was found, so there is nothing to write"))
    return write_text(check.source, check.fixed_text)


def write_text(source: Source, text: str) -> Path:
    """Writes a fixed program beside the original, `my_net.fixed.py`; the file that is changed.

    Raises:
        UserCodeError: Several files are changed, the file exists already.
        RunError: It cannot be written.
    """
    old, new = source.parts, source.with_text(text).parts
    changed = [(a, b) for a, b in zip(old, new) if a.text != b.text]
    if len(changed) > 1:
        files = ", ".join(str(part.path) for part, _ in changed)
        raise UserCodeError(Problem(f"the fix changes several files: {files}"))
    (part, fixed) = changed[0]
    written = f"{fixed.text.rstrip()}\n"
    if source.cells and part is old[0]:
        written = _notebook_text(source, fixed.text)
    return _written(fixed_path(part.path), written, like=part.path)


def _written(path: Path, text: str, *, like: Path) -> Path:
    try:
        encoding = encoding_of(like.read_bytes())
        with path.open("x", encoding=encoding) as file:
            file.write(text)
    except FileExistsError as error:
        raise UserCodeError(
            Problem(f"{str(path)!r} exists already", hint="move it away or delete it")
        ) from error
    except OSError as error:
        raise unwritable(path, error, hint="the change is in the report") from error
    return path


def _notebook_text(source: Source, text: str) -> str:
    """The notebook with another text of its code: cells that it leaves alone stay as they are.

    A line that is inserted between two cells belongs to the cell behind it; where it is indented,
    to that before it, whose block it goes on with.
    """
    document = json.loads(source.path.read_text(encoding="utf-8-sig"))
    lines = text.split("\n")
    blocks = SequenceMatcher(None, source.lines, lines, autojunk=False).get_opcodes()
    cells = [cell for cell in document["cells"] if cell.get("cell_type") == "code"]
    starts = [start - 1 for start in source.cells]
    bounds = [_moved(start, blocks, lines) for start in starts] + [len(lines)]
    for number, (cell, old) in enumerate(zip(cells, notebook_cells(document))):
        before = old.rstrip("\n").split("\n")
        blanked = source.lines[starts[number] : starts[number] + len(before)]
        now = "\n".join(lines[bounds[number] : bounds[number + 1]]).rstrip().split("\n")
        if now != "\n".join(blanked).rstrip().split("\n"):
            cell["source"] = "\n".join(_with_magics(before, blanked, now)).splitlines(True)
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def _moved(
    line: int, blocks: Sequence[tuple[str, int, int, int, int]], lines: Sequence[str]
) -> int:
    """Where what begins at a line begins in the changed text, with what is put before it."""
    for kind, start, end, other, last in blocks:
        if kind == "insert" and start == line:
            return last if lines[other][:1].isspace() and line else other
        if start <= line < end:
            return other + (line - start if kind == "equal" else 0)
    return blocks[-1][4]


def _with_magics(cell: list[str], blanked: tuple[str, ...], now: list[str]) -> list[str]:
    """The lines of a changed cell, with the magics of those that were not changed."""
    found = []
    blocks = SequenceMatcher(None, blanked, now, autojunk=False).get_opcodes()
    for kind, start, end, first, last in blocks:
        found += cell[start:end] if kind == "equal" else now[first:last]
    return found


def fixed_path(path: Path) -> Path:
    """Where the mended program is written: `my_net.fixed.py` beside `my_net.py`."""
    return path.with_name(f"{path.stem}.fixed{path.suffix}")
