"""What the check of a program says."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from nndiag.finding import Finding
from nndiag.program.roles.status import Status
from nndiag.program.text.edits import unified_diff
from nndiag.program.text.source import Source
from nndiag.program.training.ablation import Matters
from nndiag.program.training.trajectory import TrajectorySummary


@dataclass(frozen=True)
class LossFound:
    """The loss that the step was compared with.

    Attributes:
        text: The expression.
        own: Whether the program computes it; otherwise it was inferred.
        line: Line where it, or the residual that implies it, stands.
        assumption: What was assumed, and how to say otherwise.
        of_perceptron: Whether it is that of the program without its step function.
    """

    text: str
    own: bool
    line: int
    assumption: str | None = None
    of_perceptron: bool = False


@dataclass(frozen=True)
class RateFound:
    """The learning rate.

    Attributes:
        text: The expression that the program has for it.
        value: Its value.
        effective: The factor that the step really has, over the gradient of the loss.
    """

    text: str
    value: float
    effective: float | None


@dataclass(frozen=True)
class TensorCheck:
    """The check of one parameter.

    Attributes:
        name: The parameter, as the program writes it.
        shape: Its shape.
        relative_error: Norm of the value taken for the gradient, scaled, minus the gradient,
            relative to the gradient's.
        cosine: Of the angle between the step and the negative gradient.
        scale: Step over gradient.
        verdict: What it comes to.
        line: Line of the statement that updates it.
    """

    name: str
    shape: tuple[int, ...]
    relative_error: float | None
    cosine: float | None
    scale: float | None
    verdict: Status
    line: int | None = None


@dataclass(frozen=True)
class RepairStep:
    """One line that was changed.

    Attributes:
        problem: The bug that it mends.
        line: The line, from 1.
        before: What stands there; empty where a line is put in.
        after: What to write there.
        tensors: The parameters that it makes right.
    """

    problem: str
    line: int
    before: str
    after: str
    tensors: tuple[str, ...]


@dataclass(frozen=True)
class ProgramCheck:
    """The check of one program.

    Attributes:
        source: The program.
        correct: Whether the step is the gradient of the loss.
        tensors: The comparison, parameter by parameter.
        findings: What is wrong, gravest first.
        loss: The loss that was taken.
        learning_rate: The learning rate, None where it is unclear.
        loop: Where the training loop stands.
        functions: The statements that stand for it where the program has none.
        other_loops: Other loops that look like training and were not checked.
        repairs: The lines to change.
        fixed_text: The mended program, whose check passes; None where no repair was found.
        points: The points that were checked.
        edits_tried: How many edits the search for the repair tried.
        matters: The experiment; None where nothing is wrong or no repair was found.
        course: How the program trains; None where its gradient is wrong, or it is too short to
            tell.
        notes: What else was noticed.
        seconds: How long the check took.
    """

    source: Source
    correct: bool
    tensors: tuple[TensorCheck, ...]
    findings: tuple[Finding, ...]
    loss: LossFound
    learning_rate: RateFound | None
    loop: str
    functions: str | None = None
    other_loops: tuple[str, ...] = ()
    repairs: tuple[RepairStep, ...] = ()
    fixed_text: str | None = None
    points: tuple[str, ...] = ()
    edits_tried: int = 0
    matters: Matters | None = None
    course: TrajectorySummary | None = None
    notes: tuple[str, ...] = ()
    seconds: float = 0.0

    @property
    def diff(self) -> str | None:
        """The repair as a diff, None where none was found."""
        return None if self.fixed_text is None else unified_diff(self.source, self.fixed_text)

    @property
    def path(self) -> Path:
        """The program's file."""
        return self.source.path
