"""What a search for the smallest change of a program tried, and what it came to."""

import math
from dataclasses import dataclass

from nndiag.finding import Diagnosis
from nndiag.own_program.setting_edit import Edits
from nndiag.program import ProgramCheck
from nndiag.program.text.edits import unified_diff
from nndiag.program.text.source import Source


@dataclass(frozen=True, eq=False)
class ProgramTrial:
    """A changed program, trained.

    Attributes:
        edits: What was changed.
        explained: Share of the targets' variance that it explains at the end; −inf where that is
            not finite, None where it is not known.
        r_squared: R² at the end, by its loss, likewise.
        loss: The last loss of its training that is known; nan where none is.
        cured: Whether it trains.
        steps: Steps that it took.
    """

    edits: Edits
    explained: float | None
    r_squared: float | None
    loss: float
    cured: bool
    steps: int = 0

    @property
    def title(self) -> str:
        """The changes in words."""
        return " + ".join(f"{x.name} {x.says}" for x in self.edits) or "the right gradient"


@dataclass(frozen=True, eq=False)
class ProgramFix:
    """What a search came to.

    Attributes:
        source: The program.
        diagnosis: What is said about it as it stands.
        check: The check of its gradient; None where it could not be checked.
        healthy: Whether there is nothing to fix.
        repaired: Whether the gradient was repaired first.
        before: R² of the program as it stands; None where that is not known.
        loss_before: Its last loss; nan where none is known.
        winner: The changes with which it trains; None where none were found.
        text: The fixed program.
        others: R² of the fixed program with other random numbers; its loss where that is not known.
        trials: All that was tried.
    """

    source: Source
    diagnosis: Diagnosis
    check: ProgramCheck | None
    healthy: bool
    repaired: bool = False
    before: float | None = None
    loss_before: float = math.nan
    winner: ProgramTrial | None = None
    text: str | None = None
    others: tuple[float, ...] = ()
    trials: tuple[ProgramTrial, ...] = ()

    @property
    def diff(self) -> str | None:
        """The changes as a unified diff; None where there are none."""
        return None if self.text is None else unified_diff(self.source, self.text)
