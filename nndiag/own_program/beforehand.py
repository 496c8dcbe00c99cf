"""Why a program cannot train at all: NaN in its data, or weights that are whole numbers."""

from dataclasses import dataclass
from typing import Any

from nndiag.errors import NndiagError
from nndiag.finding import Finding, Severity
from nndiag.own_program.edits import Editor
from nndiag.own_program.setting_edit import SettingEdit, edited
from nndiag.own_program.watching import Watcher
from nndiag.program import CodeSettings
from nndiag.program.child.plain import as_plain
from nndiag.program.child.process import ask
from nndiag.program.text.source import Source, read_source

_SECONDS = 30.0
_STEPS = 3


@dataclass(frozen=True)
class Beforehand:
    """What is wrong with a program's numbers before its training.

    Attributes:
        source: The program.
        finding: What is said about it.
        edit: The change with which it can be trained; None where none is known.
    """

    source: Source
    finding: Finding
    edit: SettingEdit | None


def beforehand(settings: CodeSettings, *, python: str | None = None) -> Beforehand | None:
    """What is wrong with a program's numbers before its training; None where nothing is seen.

    Args:
        settings: Which program; it cannot be watched.
        python: The Python that runs it.
    """
    if settings.path is None:
        return None
    request = {"program": str(settings.path), "settings": as_plain(settings)}
    try:
        source = read_source(settings.path)
        seen = ask("look", request, python=python, seconds=_SECONDS)
    except NndiagError:
        return None
    if seen["nan"] is not None:
        return _not_numbers(source, seen["nan"])
    return _whole(source, settings, seen["integers"], python=python) if seen["integers"] else None


def _not_numbers(source: Source, nan: dict[str, Any]) -> Beforehand:
    columns = ", ".join(map(str, nan["columns"][:5]))
    many = "columns" if len(nan["columns"]) > 1 else "column"
    message = f"{nan['name']} is NaN before training, in {many} {columns}: `{nan['text']}`"
    edit = None
    if nan["by_zero"]:
        message += " divides by 0, as all values of the column are equal"
        edit = Editor(source, {}).never_zero(nan["text"], line=nan["line"])
    return _beforehand(source, "non-finite-values", message, edit=edit, line=nan["line"])


def _whole(
    source: Source, settings: CodeSettings, names: list[str], *, python: str | None
) -> Beforehand | None:
    """The weights that are whole numbers, if the program can be watched once they are not."""
    edit = Editor(source, {"integers": names}).real_weights()
    text = None if edit is None else edited(source.text, [edit])
    if edit is None or text is None:
        return None
    try:
        found = Watcher(settings, python=python).watch(text=text, steps=_STEPS)
    except NndiagError:
        return None
    weights = [name for name, _, _ in found["tensors"] if name in names]
    if not weights:
        return None
    message = (
        f"{', '.join(weights)}: arrays of whole numbers, so that each step is cut to whole numbers "
        "and nothing moves"
    )
    return _beforehand(source, "gradient-never-computed", message, edit=edit, line=edit.line)


def _beforehand(
    source: Source, problem: str, message: str, *, edit: SettingEdit | None, line: int
) -> Beforehand:
    finding = Finding(
        problem,
        Severity.ERROR,
        f"{source.place(line)}: {message}",
        file=str(source.path),
        line=line,
        replacement=None if edit is None else edit.first_line(source.text),
    )
    return Beforehand(source, finding, edit)
