"""A program trained at other learning rates, in the child: read once, then run many times."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from nndiag.errors import Problem, UserCodeError
from nndiag.program.child.agent import Send
from nndiag.program.child.plain import from_plain
from nndiag.program.execution import clock
from nndiag.program.execution.sandbox import sandbox
from nndiag.program.roles.limits import limits_told
from nndiag.program.roles.status import FINE
from nndiag.program.roles.understanding import understood
from nndiag.program.roles.verdicts import compared
from nndiag.program.running.seen import Seen
from nndiag.program.running.step_loss import StepLoss
from nndiag.program.running.watching import other_seeds
from nndiag.program.text.settings import CodeSettings
from nndiag.program.text.source import read_source
from nndiag.program.training.scaled_runs import scaled_losses
from nndiag.program.training.trainable import Trainable

_PER_ITERATION = 3e-5  # seconds; these three are ours, measured on a core of 2 GHz
_PER_OPERATION = 3e-6
_PER_NUMBER = 3e-9

_last: list[Trainable] = []
"""The program that was read last."""


def find_rate(request: Mapping[str, Any], _: Send) -> dict[str, Any]:
    """Read a program, and tell its learning rate, whether its gradient is right, and its work.

    Returns:
        `rate`: its text and value, None where it is unclear. `baseline`: the loss of always
        predicting the targets' mean; None where it is not known, or the loss has more in it.
        `right`: whether no parameter's step is known to be wrong. `work`: about how many seconds an
        iteration takes under watch on an ordinary core, counted from its operations, so that it is
        the same on a busy machine.

    Raises:
        UserCodeError: The program cannot be run, or something in it cannot be found.
    """
    settings = from_plain(CodeSettings, request["settings"])
    assert settings.path is not None
    source = read_source(settings.path)
    deadline = clock.now() + request["seconds"]
    with sandbox(settings.path), limits_told(source):
        found = understood(source, settings, deadline=deadline)
    program = Trainable.of_understanding(found, source)
    if program is None:
        raise UserCodeError(
            Problem(
                f"{source.name}: no loss found that can be followed while it trains",
                hint="name it, any expression over the loop's variables: loss=…, or `code.loss` in "
                "a config",
            )
        )
    _last[:] = [program]
    rate, loss = found.rate, found.loss
    assert loss is not None
    statuses = [x.status for x in compared(found.readings, loss, states=found.states)]
    graph = found.readings[0].graph
    numbers = sum(node.size for node in graph)
    return {
        "rate": None if rate is None else {"text": rate.text, "value": rate.value},
        "baseline": _baseline(Seen(found)) if loss.own else None,
        "right": all(status in FINE for status in statuses),
        "work": _PER_ITERATION + len(graph) * _PER_OPERATION + numbers * _PER_NUMBER,
    }


def _baseline(seen: Seen) -> float | None:
    return None if seen.penalty else StepLoss(seen).of_the_mean()


def losses_at(request: Mapping[str, Any], _: Send) -> dict[str, Any]:
    """Train the program that was read, with its rate multiplied by `factor`.

    The losses end early where it fails, or after so many `iterations`. `shift` is added to its
    seeds.
    """
    (program,) = _last
    with other_seeds(request["shift"]):
        found = scaled_losses(
            program, factor=request["factor"], iterations=request["iterations"], seconds=np.inf
        )
    return {"losses": np.array(found, dtype=np.float64)}
