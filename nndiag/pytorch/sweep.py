"""A script as what a sweep of the learning rate trains again and again."""

from nndiag.arrays import FloatArray
from nndiag.errors import Problem, UserCodeError
from nndiag.own_program.watching import Watching

_FEW = 2  # steps that tell the rate
_WORK = 1e-3  # seconds of a step of a small network, under watch


class SweptScript:
    """A script in a child, which trains it at one rate after another.

    Args:
        watcher: Runs it.
        name: Its file.

    Raises:
        UserCodeError: It cannot be run, or has no optimizer with a rate.
    """

    def __init__(self, watcher: Watching, name: str) -> None:
        self._watcher, self.name = watcher, name
        self.setting, self.right, self.work = "lr", True, _WORK
        self.baseline: float | None = None
        told = self._watcher.watch(steps=_FEW)
        if told["rate"] is None or not told["optimizer"]:
            raise UserCodeError(
                Problem(
                    f"{self.name}: its learning rate cannot be found",
                    got="no optimizer of torch makes its steps",
                    hint="`nndiag train` and `nndiag fix` do without",
                )
            )
        self.rate = float(told["rate"][1])

    def losses(self, rate: float, *, shift: int, iterations: int) -> FloatArray:
        """Its losses at a rate, with a number added to its seeds."""
        found: FloatArray = self._watcher.watch(
            factor=rate / self.rate, steps=iterations, shift=shift, brief=True
        )["losses"]
        return found
