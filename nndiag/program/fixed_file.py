"""The mended program, written beside the original."""

from __future__ import annotations

from pathlib import Path

from nndiag.errors import Problem, UserCodeError
from nndiag.program.result import ProgramCheck
from nndiag.program.text.source import Source, encoding_of, notebook_cells


def write_fixed(check: ProgramCheck) -> Path:
    """Writes the mended program beside the original, `my_net.fixed.py`.

    Raises:
        UserCodeError: There is no repair, the file exists already, or it cannot be written.
    """
    if check.fixed_text is None:
        raise UserCodeError(Problem("no repair was found, so there is nothing to write"))
    old, new = check.source.parts, check.source.with_text(check.fixed_text).parts
    changed = [(a, b) for a, b in zip(old, new) if a.text != b.text]
    if len(changed) > 1:
        files = ", ".join(str(part.path) for part, _ in changed)
        raise UserCodeError(Problem(f"the repair changes several files: {files}"))
    path, text = fixed_path(changed[0][0].path), f"{changed[0][1].text.rstrip()}\n"
    if check.source.cells and changed[0][0] is old[0]:
        text = _notebook_text(check)
    return _written(path, text, like=changed[0][0].path)


def write_text(source: Source, text: str) -> Path:
    """Writes a fixed program of one file beside the original, `my_net.fixed.py`.

    Raises:
        UserCodeError: It is a notebook or several files, the file exists already, or it cannot be
            written.
    """
    if source.cells or len(source.parts) > 1:
        raise UserCodeError(Problem("a notebook, or several files: change it as the diff shows"))
    return _written(fixed_path(source.path), f"{text.rstrip()}\n", like=source.path)


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
        raise UserCodeError(Problem(f"cannot write {str(path)!r}: {error}")) from error
    return path


def _notebook_text(check: ProgramCheck) -> str:
    """The notebook with the changed lines in their cells."""
    import json  # noqa: PLC0415 - only for notebooks

    document = json.loads(check.path.read_text(encoding="utf-8-sig"))
    lines = (check.fixed_text or "").split("\n")
    shift = len(lines) - len(check.source.lines)
    changed = min((step.line for step in check.repairs), default=0)
    starts = [start if start <= changed else start + shift for start in check.source.cells]
    cells = [cell for cell in document["cells"] if cell.get("cell_type") == "code"]
    for number, (cell, old) in enumerate(zip(cells, notebook_cells(document))):
        end = starts[number + 1] - 1 if number + 1 < len(starts) else len(lines)
        new = "\n".join(lines[starts[number] - 1 : end]).rstrip("\n")
        if any(starts[number] <= step.line + max(0, shift) <= end for step in check.repairs):
            kept = [line for line in old.split("\n") if line.lstrip().startswith(("%", "!"))]
            text = "\n".join([*kept, new]) if kept and "pass" not in new else new
            cell["source"] = text.splitlines(keepends=True)
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def fixed_path(path: Path) -> Path:
    """Where the mended program is written: `my_net.fixed.py` beside `my_net.py`."""
    return path.with_name(f"{path.stem}.fixed{path.suffix}")
