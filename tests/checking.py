"""Checks programs in the tests' own process, which saves half a second for each."""

from nndiag.program import CodeSettings, ProgramCheck
from nndiag.program.check import checked
from nndiag.program.execution.depth import depth_of_trees


def check_here(settings: CodeSettings, *, seconds: float = 20.0) -> ProgramCheck:
    """As `check_program`, whose child runs the same, but unconfined.

    Args:
        settings: Which program, and what is what in it.
        seconds: Time after which searches and experiments end.
    """
    with depth_of_trees():
        return checked(settings, seconds, lambda _: None)
