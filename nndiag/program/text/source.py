"""The program's text: a script or the code cells of a notebook, parsed but not run."""

from __future__ import annotations

import ast
import io
import json
import os
import re
import tokenize
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from nndiag.errors import Location, Problem, UserCodeError, similar_path
from nndiag.program.text.python2 import translated
from nndiag.program.text.siblings import siblings_of

_MAGIC = re.compile(r"^\s*(%{1,2}[A-Za-z]|!|\?)|^\s*\w[\w.]*\?{1,2}\s*$")
_PYTHON_2 = re.compile(
    r"\bprint\s+[^(=\s]|\bprint\s*$|^\s*except\s+[\w.() ,]+,\s*\w+\s*:|\bxrange\(|<>"
    r"|\braise\s+\w+,",
    re.MULTILINE,
)


_MARK = "#␜ "  # begins the line before each further file; no program writes such a thing


@dataclass(frozen=True)
class SourceFile:
    """One file of a program.

    Attributes:
        name: The name it is imported by; `__main__` for the script.
        path: The file.
        start: Its first line in the whole program's text, from 1.
        text: Its text.
    """

    name: str
    path: Path
    start: int
    text: str


@dataclass(frozen=True)
class Source:
    """The text of a program, with the places that a person knows it by.

    Attributes:
        path: The file.
        text: The program as one text; for a notebook its code cells in order, magics blanked; for a
            program of several files these one behind the other, the script first.
        cells: For a notebook: first line of each code cell in `text`, from 1.
        is_python_2: Whether `text` was translated from Python 2.
    """

    path: Path
    text: str
    cells: tuple[int, ...] = field(default=())
    is_python_2: bool = False

    def with_text(self, text: str) -> Source:
        """The same program with another text."""
        return replace(self, text=text)

    @cached_property
    def tree(self) -> ast.Module:
        """The syntax tree.

        Raises:
            UserCodeError: The text is not Python 3.
        """
        try:
            return ast.parse(self.text, filename=str(self.path))
        except SyntaxError as error:
            line = error.lineno or 1
            hint = "correct the line; `python` itself refuses it too"
            if _PYTHON_2.search(self.text):
                hint = "this is Python 2 that cannot be translated; make it Python 3 first"
            where = replace(self.location(line), column=error.offset, text=error.text)
            raise UserCodeError(
                Problem(f"the program is not valid Python: {error.msg}", where, hint=hint)
            ) from error

    @cached_property
    def name(self) -> str:
        """The file as it was named, for messages."""
        return str(self.path)

    @cached_property
    def lines(self) -> tuple[str, ...]:
        """The lines of `text`."""
        return tuple(self.text.split("\n"))

    def line(self, number: int) -> str:
        """Text of one line, from 1; empty beyond the end."""
        return self.lines[number - 1] if 0 < number <= len(self.lines) else ""

    def cell(self, line: int) -> tuple[int, int] | None:
        """Number of the cell and line in it, both from 1; None for a script."""
        starts = [start for start in self.cells if start <= line]
        if starts and self.part(line).start > 1:
            return None
        return (len(starts), line - starts[-1] + 1) if starts else None

    @cached_property
    def parts(self) -> tuple[SourceFile, ...]:
        """The files of the program, the script first."""
        marks = [n for n, line in enumerate(self.lines) if line.startswith(_MARK)]
        ends = [*marks, len(self.lines)]
        parts = [SourceFile("__main__", self.path, 1, "\n".join(self.lines[: ends[0]]))]
        for mark, end in zip(marks, ends[1:]):
            name, _, file = self.lines[mark].removeprefix(_MARK).partition(" ")
            text = "\n".join(self.lines[mark + 1 : end])
            parts.append(SourceFile(name, Path(file), mark + 2, text))
        return tuple(parts)

    def part(self, line: int) -> SourceFile:
        """The file that a line stands in."""
        return (
            [part for part in self.parts if part.start <= line][-1] if line > 0 else self.parts[0]
        )

    def place(self, line: int) -> str:
        """`file:line`, or `file, cell c, line l` in a notebook."""
        cell = self.cell(line)
        if cell is None:
            part = self.part(line)
            return f"{part.path}:{line - part.start + 1}"
        return f"{self.name}, cell {cell[0]}, line {cell[1]}"

    def spot(self, line: int) -> str:
        """The place of a line, short: without the file where that is the script."""
        cell = self.cell(line)
        if cell is not None:
            return f"cell {cell[0]}, line {cell[1]}"
        part = self.part(line)
        local = line - part.start + 1
        return f"line {local}" if part.start == 1 else f"{part.path.name}:{local}"

    def location(self, line: int) -> Location:
        """The place of a line for an error message."""
        cell = self.cell(line)
        if cell is None:
            part = self.part(line)
            return Location(str(part.path), line - part.start + 1, text=self.line(line))
        return Location(f"{self.name}, cell {cell[0]}", cell[1], text=self.line(line))


def read_source(path: Path) -> Source:
    """The program in a file.

    Raises:
        UserCodeError: The file is missing, unreadable, or neither a script nor a notebook.
    """
    if path.suffix not in {".py", ".ipynb"}:
        raise UserCodeError(
            Problem(
                f"cannot check {str(path)!r}",
                got=path.suffix or "a file without an ending",
                allowed=".py, .ipynb, or a config with a `code:` section",
            )
        )
    place = Location(str(path))
    try:
        content = path.read_bytes()
        encoding = encoding_of(content)
        raw = io.IncrementalNewlineDecoder(None, translate=True).decode(content.decode(encoding))
    except FileNotFoundError as error:
        problem = Problem("no such program", place, hint=similar_path(path) or "check the path")
        raise UserCodeError(problem) from error
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise UserCodeError(Problem(f"cannot read the program: {reason}", place)) from error
    except (SyntaxError, UnicodeDecodeError) as error:
        hint = "save it as UTF-8, or begin it with its encoding: # -*- coding: latin-1 -*-"
        problem = Problem("the program is not text in UTF-8", place, hint=hint)
        raise UserCodeError(problem) from error
    source = _notebook(path, raw) if path.suffix == ".ipynb" else Source(path, raw)
    return _with_siblings(_in_python_3(source))


def encoding_of(content: bytes) -> str:
    """How a program's file is written: as its first lines say, UTF-8 where they do not.

    Raises:
        SyntaxError: They name an encoding that is none.
    """
    return tokenize.detect_encoding(io.BytesIO(content).readline)[0]


def _with_siblings(source: Source) -> Source:
    """The program with the modules beside it that it imports."""
    try:
        tree = ast.parse(source.text)
    except (SyntaxError, ValueError):
        return source
    for sibling in siblings_of(source.path, source.text, tree):
        part = _in_python_3(Source(sibling.path, sibling.text))
        try:
            ast.parse(part.text)
        except (SyntaxError, ValueError):
            continue  # if it is imported at all, its own error tells why it cannot be
        file = source.path.parent / _relative(sibling.path, source.path)
        text = f"{source.text.rstrip()}\n\n{_MARK}{sibling.name} {file}\n{part.text}"
        source = replace(source, text=text, is_python_2=source.is_python_2 or part.is_python_2)
    return source


def _relative(path: Path, script: Path) -> Path:
    """A file beside the script, as it is named from there."""
    return Path(os.path.relpath(path, script.resolve().parent))


def _in_python_3(source: Source) -> Source:
    """The program, translated where it is Python 2 and nothing else is wrong with it."""
    try:
        ast.parse(source.text)
    except (SyntaxError, ValueError):
        lines = [_blanked(line) if _MAGIC.match(line) else line for line in source.lines]
        text = translated("\n".join(lines))  # a notebook's cells saved as a script have magics too
        try:
            ast.parse(text or "?")
        except (SyntaxError, ValueError):
            return source
        return replace(source, text=text or "", is_python_2=bool(_PYTHON_2.search(source.text)))
    return source


def _notebook(path: Path, raw: str) -> Source:
    """The code cells of a notebook in order, one after the other."""
    try:
        cells = notebook_cells(json.loads(raw))
    except (ValueError, TypeError, AttributeError) as error:
        hint = "save it anew from Jupyter, or as a .py file"
        problem = Problem(f"not a notebook: {error}", Location(str(path)), hint=hint)
        raise UserCodeError(problem) from error
    lines: list[str] = []
    starts: list[int] = []
    for cell in cells:
        starts.append(len(lines) + 1)
        lines.extend(_without_magics(cell))
    return Source(path, "\n".join(lines) + "\n", tuple(starts))


def notebook_cells(document: dict[str, object]) -> list[str]:
    """The texts of a notebook's code cells, in order."""
    found = document.get("cells", [])
    cells = found if isinstance(found, list) else []
    texts = [cell.get("source", "") for cell in cells if cell.get("cell_type") == "code"]
    return [text if isinstance(text, str) else "".join(text) for text in texts]


def _without_magics(cell: str) -> list[str]:
    """The lines of a cell; magics and shell lines are blanked so that line numbers stay."""
    lines = cell.rstrip("\n").split("\n")
    if lines[0].startswith("%%") and not re.match(r"%%(time|timeit|capture)\b", lines[0]):
        return [""] * len(lines)
    return [_blanked(line) if _MAGIC.match(line) else line for line in lines]


def _blanked(line: str) -> str:
    """A magic's line, as an empty statement at the same indentation."""
    return line[: len(line) - len(line.lstrip())] + "pass"
