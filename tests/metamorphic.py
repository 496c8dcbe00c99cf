"""Programs whose verdict must stay under `transformations`, and what the verdict is."""

import ast
import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from nndiag.finding import Severity
from nndiag.program import CodeSettings
from tests.benchmarks.mutations.__main__ import PROGRAMS, mutated
from tests.benchmarks.mutations.mutations import MUTATIONS
from tests.checking import check_here
from tests.transformations import (
    as_lists,
    cast,
    nonsense,
    numbered,
    renamed,
    rounded,
    scaled,
    swapped,
)

Transformation = Callable[[str], str]

EVERYWHERE: dict[str, Transformation] = {
    "names of nonsense": functools.partial(renamed, name_of=nonsense),
    "numbered names": functools.partial(renamed, name_of=numbered),
    "statements swapped": swapped,
}

ROLES = {
    "column_of_ones": {"data": "X"},
    "einsum_softplus": {"data": "X"},
    "layer_objects": {"data": "X"},
    "leaky_relu": {"data": "X"},
    "momentum": {"data": "x"},
    "script_tanh": {"loss": "loss", "gradient": "d_out", "rate": "lr", "data": "X"},
}
"""Program → which variables are what in it, for the transformations that have to know."""


@dataclass(frozen=True)
class Case:
    """One program and one change.

    Attributes:
        program: What the program is called.
        change: What the change is called.
        before: The text that it is compared with.
        after: The changed text.
    """

    program: str
    change: str
    before: str
    after: str


def cases(*, bugs: bool = True) -> Iterator[Case]:
    """All programs under all changes.

    Args:
        bugs: Whether the programs with a bug are among them.
    """
    texts = {path.stem: path.read_text(encoding="utf-8") for path in sorted(PROGRAMS.glob("*.py"))}
    for name, text in texts.items():
        yield from cases_of(name, name, text)
    for mutation in MUTATIONS if bugs else ():
        yield from cases_of(mutation.label, mutation.program, mutated(mutation))


def cases_of(label: str, program: str, text: str) -> Iterator[Case]:
    """One program under all changes that fit it."""
    text = ast.unparse(ast.parse(text))
    for change, made in EVERYWHERE.items():
        yield Case(label, change, text, made(text))
    roles = dict(ROLES.get(program, {}))
    data = roles.pop("data", None)
    if roles:
        for factor in (1e-3, 50.0):
            yield Case(label, f"loss × {factor:g}", text, scaled(text, factor, **roles))
    if data is not None:
        whole = rounded(text, data=data)
        yield Case(label, "float32 data", text, cast(text, "np.float32", data=data))
        yield Case(label, "int data", whole, cast(whole, "int", data=data))
        yield Case(label, "lists for arrays", text, as_lists(text, data=data))


def verdict(text: str, folder: Path) -> tuple[bool, tuple[str, ...], int]:
    """Whether a program is right, the problems told, and how many parameters they name."""
    path = folder / "program.py"
    path.write_text(text, encoding="utf-8")
    check = check_here(CodeSettings(script=str(path)), seconds=40)
    graver = [one for one in check.findings if one.severity is not Severity.NOTE]
    named = {name for one in graver for name in (one.tensor or "").split(", ")}
    return check.correct, tuple(sorted(one.problem for one in graver)), len(named)
