"""The user's own network: an unedited program, run, stopped in its training loop and checked.

The program is parsed, run under a sandbox up to its training loop, and one iteration of that loop
is then executed again and again on copies of its variables. The loss against a small change of one
parameter is the numeric gradient; what the iteration did to the parameters is the program's step.

May import `analysis`, `registry`, `finding` and `errors`. To teach it a new way of writing a
program, find the module that owns the question: `source` (what is read), `state` (which variables
there are and how they are copied), `loops` (which loop is the training loop), `objective` (which
number is the loss), `repair` (which edits are tried; the edits themselves stand in `nndiag.bugs`).
"""

from nndiag.user_code.check import check_program
from nndiag.user_code.result import ProgramCheck
from nndiag.user_code.settings import CodeSettings

__all__ = ["CodeSettings", "ProgramCheck", "check_program"]
