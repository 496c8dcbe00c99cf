"""Frozen dataclasses survive as plain data."""

import io
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from nndiag.errors import Location, Problem
from nndiag.finding import Evidence, Finding, Severity
from nndiag.program.child.frames import read_frame, write_frame
from nndiag.program.child.plain import as_plain, from_plain
from nndiag.program.result import LossFound, ProgramCheck, RateFound, RepairStep, TensorCheck
from nndiag.program.roles.status import Status
from nndiag.program.text.settings import CodeSettings
from nndiag.program.text.source import Source
from nndiag.program.training.ablation import Matters
from nndiag.program.training.trajectory import TrajectorySummary

FINDING = Finding(
    problem="wrong-sign",
    severity=Severity.ERROR,
    message="uphill",
    evidence=(Evidence("cosine", -1.0, limit=0.9, steps=(0, 3)),),
    line=7,
)
CHECK = ProgramCheck(
    source=Source(Path("net.ipynb"), "w = 1\n", cells=(1, 4)),
    correct=False,
    tensors=(TensorCheck("w", (3, 2), 2.0, -1.0, None, Status.WRONG_SIGN, line=7),),
    findings=(FINDING,),
    loss=LossFound("np.mean(e ** 2)", own=True, line=5),
    learning_rate=RateFound("lr", 0.1, None),
    loop="net.py:3",
    repairs=(RepairStep("wrong-sign", 7, "w += g", "w -= g", ("w", "b")),),
    matters=Matters(100, 1.0, float("inf"), 0.1, "this is why it does not train"),
    course=TrajectorySummary(100, 1.0, 0.5, diverged=False),
    notes=("a note",),
)


@dataclass(frozen=True)
class Nested:
    """All kinds of annotations."""

    pair: tuple[int, str]
    many: "tuple[Nested, ...]" = ()
    maybe: "int | None" = None
    either: "int | str" = 0
    table: dict[str, tuple[int, ...]] = field(default_factory=dict)
    rows: list[Path] = field(default_factory=list)


@pytest.mark.parametrize(
    "value",
    [
        CHECK,
        FINDING,
        Problem("wrong", Location("net.py", 3, text="x"), hint="mend it"),
        CodeSettings(script="a.py", parameters=("w",), gradients={"w": "dw"}, directory=Path("b")),
        Nested((1, "a"), (Nested((2, "b")),), 3, "word", {"k": (1, 2)}, [Path("c")]),
    ],
    ids=lambda value: type(value).__name__,
)
def test_comes_back_as_it_was(value):
    stream = io.BytesIO()
    write_frame(stream, as_plain(value))
    stream.seek(0)
    assert from_plain(type(value), read_frame(stream)) == value
