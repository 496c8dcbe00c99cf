"""A script as what a sweep of the learning rate trains again and again."""

from nndiag.arrays import FloatArray
from nndiag.errors import Problem, UserCodeError
from nndiag.program import CodeSettings
from nndiag.pytorch.run import Watcher

_FEW = 2  # steps that tell the rate
_SLOWER = 6.0  # times what a step of a numpy program takes


class SweptScript:
    """A script in a child, which trains it at one rate after another.

    Args:
        watcher: Runs it.
        name: Its file.
    """

    def __init__(self, watcher: Watcher, name: str) -> None:
        self._watcher, self.name = watcher, name

    def rate(self, settings: CodeSettings) -> tuple[str, float]:
        """How its learning rate is written, and its value.

        Raises:
            UserCodeError: It cannot be run, or has no optimizer with a rate.
        """
        told = self._watcher.watch(steps=_FEW)
        if told["rate"] is None or not told["optimizer"]:
            raise UserCodeError(
                Problem(
                    f"{self.name}: its learning rate cannot be found",
                    got="no optimizer of torch makes its steps",
                    hint="`nndiag train` and `nndiag fix` do without",
                )
            )
        return "lr", float(told["rate"][1])

    def losses(self, *, factor: float, iterations: int, seconds: float) -> FloatArray:
        """Its losses with the rate multiplied by a factor, as far as there is time."""
        found: FloatArray = self._watcher.watch(
            factor=factor, steps=iterations, seconds=_SLOWER * seconds, brief=True
        )["losses"]
        return found
