"""Why a program cannot even be checked: NaN in its data, or weights that are whole numbers."""

from typing import Any

from nndiag.errors import NndiagError, Problem, UserCodeError
from nndiag.own_program.edits import Editor, SettingEdit, edited
from nndiag.own_program.run import watched
from nndiag.program import CodeSettings
from nndiag.program.child.plain import as_plain
from nndiag.program.child.process import ask
from nndiag.program.text.source import Source, read_source

_SECONDS = 30.0
_STEPS = 3


def reason_beforehand(settings: CodeSettings, *, python: str | None = None) -> UserCodeError | None:
    """What is wrong with a program's numbers before its training; None where nothing is seen.

    Args:
        settings: Which program; its check has failed.
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


def _not_numbers(source: Source, nan: dict[str, Any]) -> UserCodeError:
    columns = ", ".join(map(str, nan["columns"][:5]))
    many = "columns" if len(nan["columns"]) > 1 else "column"
    message = f"{nan['name']} is NaN before training, in {many} {columns}: `{nan['text']}`"
    hint = "leave out rows or columns with missing values"
    if nan["by_zero"]:
        message += " divides by 0"
        hint = "a column whose values are all equal: leave it out, or divide it by 1"
    return UserCodeError(Problem(message, source.location(nan["line"]), hint=hint))


def _whole(
    source: Source, settings: CodeSettings, names: list[str], *, python: str | None
) -> UserCodeError | None:
    """The weights that are whole numbers, if the program can be checked once they are not."""
    told = {"integers": names, "rate": None, "copies": [], "links": []}
    edit = Editor(source, told).real_weights()
    text = None if edit is None else edited(source.text, [edit])
    if edit is None or text is None:
        return None
    try:
        found = watched(settings, python=python, text=text, steps=_STEPS)
    except NndiagError:
        return None
    weights = [name for name, _, _ in found["tensors"] if name in names]
    return _told(source, edit, text, weights) if weights else None


def _told(source: Source, edit: SettingEdit, text: str, weights: list[str]) -> UserCodeError:
    line = text.split("\n")[edit.line - 1].strip()
    return UserCodeError(
        Problem(
            f"{', '.join(weights)}: arrays of whole numbers, so that each step is cut to whole "
            "numbers and nothing moves",
            source.location(edit.line),
            hint=f"line {edit.line}: {line}",
        )
    )
