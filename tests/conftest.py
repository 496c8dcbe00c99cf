"""Fixtures for many tests: traces made of numbers, without training, and a user's program."""

import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as the command does, before numpy is there

# Some hundred programs are run: in this Python, as in an environment that is active, and with what
# it compiled.
os.environ["VIRTUAL_ENV"] = sys.prefix
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# A suite that was started in the background ignores Ctrl-C, and so would the commands it starts and
# interrupts: the answer to SIGINT is inherited where it is to ignore it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

import numpy as np
import pytest
from hypothesis import settings

from nndiag.trace import Ending, Facts, LayerFacts, Series, Trace

# A machine that is busy is no fault, and a test that draws other examples each time is no test. The
# search among all examples is a command of its own, and what it finds becomes an @example.
settings.register_profile("suite", deadline=None, derandomize=True, database=None)
settings.register_profile("search", deadline=None, derandomize=False, max_examples=2000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "suite"))

RANGES = {
    "tanh": (-1.0, 1.0),
    "sigmoid": (0.0, 1.0),
    "relu": (0.0, np.inf),
    "linear": (-np.inf, np.inf),
    "softmax": (0.0, 1.0),
}

PROGRAM = """\
import numpy as np
rng = np.random.default_rng(0)
x = np.linspace(-1, 1, 20)[:, None]
y = x**2
w1, w2 = rng.normal(size=(1, 5)), rng.normal(size=(5, 1))
for epoch in range(100):
    hidden = np.tanh(x @ w1)
    error = hidden @ w2 - y
    loss = np.mean(error**2)
    dw2 = hidden.T @ (2 * error / len(x))
    dw1 = x.T @ ((2 * error / len(x)) @ w2.T * (1 - hidden**2))
    w1 -= 0.1 * dw1
    w2 {sign}= 0.1 * dw2
"""


@pytest.fixture(scope="session")
def program_text() -> Callable[[str], str]:
    """A program that trains two layers, by the sign of its last update: "-" is the right one."""
    return lambda sign: PROGRAM.format(sign=sign)


def layer_facts(*layers: tuple[int, str]) -> tuple[LayerFacts, ...]:
    """Facts of layers given as (units, activation)."""
    return tuple(
        LayerFacts(f"layer{number}", units, activation, *RANGES[activation], bias=True)
        for number, (units, activation) in enumerate(layers, start=1)
    )


def made_trace(
    loss: Sequence[float],
    *,
    layers: Sequence[tuple[int, str]] = ((10, "tanh"), (1, "linear")),
    series: Mapping[str, Any] | None = None,
    facts: Mapping[str, Any] | None = None,
    ending: Mapping[str, Any] | None = None,
    finished: bool = True,
) -> Trace:
    """A full-batch run of 200 steps of a sine with mean baseline loss 1, unless told otherwise.

    Args:
        loss: Loss before each step; the last one is also the loss at the end.
        layers: (units, activation) of each layer.
        series: Name → values (N,) or (N, L), recorded evenly from the first step to the last.
        facts: Attributes of `Facts` that differ.
        ending: Attributes of `Ending` that differ.
        finished: Whether there is an ending at all.
    """
    losses = np.asarray(loss, dtype=np.float64)
    steps = np.arange(1, len(losses) + 1)
    inputs = np.linspace(-np.pi, np.pi, 64)[:, None]
    known = {
        "inputs": inputs,
        "targets": np.sqrt(2) * np.sin(inputs),
        "layers": layer_facts(*layers),
        "baseline_loss": 1.0,
        "batch_size": 64,
        "total_steps": len(losses),
        **(facts or {}),
    }
    recorded = {}
    for name, values in (series or {}).items():
        table = np.asarray(values, dtype=np.float64)
        where = np.unique(np.linspace(1, len(losses), len(table)).astype(np.int64))
        recorded[name] = Series(where, table[: len(where)])
    end = {"reason": "finished", "loss": float(losses[-1]), **(ending or {})}
    return Trace(
        steps,
        losses,
        recorded,
        layers=tuple(f"layer{number}" for number in range(1, len(layers) + 1)),
        facts=Facts(**known),
        ending=Ending(**end) if finished else None,
    )


@pytest.fixture(scope="session")
def make_trace() -> Callable[..., Trace]:
    """`made_trace`, see there."""
    return made_trace
