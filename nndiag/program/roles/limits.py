"""What keeps an iteration from being read, told as an error that a person can act on."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from nndiag.errors import Problem, UserCodeError
from nndiag.program.execution.host import OutOfTime
from nndiag.program.execution.runner import StepFailedError
from nndiag.program.graph.tracer import GraphTooLargeError
from nndiag.program.text.source import Source


@contextlib.contextmanager
def limits_told(source: Source) -> Iterator[None]:
    """Reading of a program's iterations.

    Raises:
        UserCodeError: An iteration cannot be run by itself, or takes too long.
    """
    try:
        yield
    except StepFailedError as error:
        raise UserCodeError(
            Problem(
                f"{source.name}: one iteration of the training loop cannot be run by itself",
                got=str(error),
                hint="name the statements of one step: functions=…, or `code.functions` in a "
                "config",
            )
        ) from error
    except (OutOfTime, GraphTooLargeError) as error:
        raise UserCodeError(
            Problem(
                f"{source.name}: not checked: one iteration of the training loop takes too long",
                hint="allow more with --seconds, or use less data in each step",
            )
        ) from error
