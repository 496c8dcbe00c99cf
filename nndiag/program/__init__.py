"""The user's own network: an unedited program, run, stopped in its training loop and checked.

The program is parsed, run under a sandbox up to its training loop, and one iteration of that loop
is then executed again and again on copies of its variables. The loss against a small change of one
parameter is the numeric gradient; what the iteration did to the parameters is the program's step.

May import `analysis`, `registry`, `finding` and `errors`. Its folders are floors, each of which may
import those below it: `findings` (what is said) · `repair` (which edit mends it), `training` (what
comes of it) · `gradients` (the step against the numeric gradient) · `loop` (which loop, which
parameters) · `execution` (the program run on copies) · `text` (the program read and edited). To
teach it a new way of writing a program, find the floor that owns the question; the edits that are
tried stand in `nndiag.bugs`.
"""

from nndiag.program.check import check_program
from nndiag.program.result import ProgramCheck
from nndiag.program.text.settings import CodeSettings

__all__ = ["CodeSettings", "ProgramCheck", "check_program"]
