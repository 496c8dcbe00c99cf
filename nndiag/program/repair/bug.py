"""What a backward-pass bug is to the check: its edits, and the sign by which it is suspected."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from nndiag.finding import Severity
from nndiag.program.gradients.judgement import Verdict
from nndiag.program.repair.sites import Site
from nndiag.program.text.edits import Edit
from nndiag.registry import Registry


@dataclass(frozen=True)
class Symptoms:
    """How the tensors of a program compare, for naming a bug without a repair.

    Attributes:
        verdicts: Tensor name → verdict.
        scales: Tensor name → step over gradient at each point.
        reference: The factor of right tensors at each point, None where there is none.
        examples: How many examples one step sees.
        shapes: Tensor name → shape.
    """

    verdicts: Mapping[str, Verdict]
    scales: Mapping[str, tuple[float, ...]]
    reference: tuple[float | None, ...]
    examples: int
    shapes: Mapping[str, tuple[int, ...]]


def no_edits(_site: Site) -> Iterable[Edit]:
    """For a bug that no small edit of the step mends."""
    return ()


def no_suspicion(_symptoms: Symptoms) -> tuple[str, ...]:
    """For a bug that the comparison alone does not show."""
    return ()


@dataclass(frozen=True)
class Bug:
    """One way in which backward passes go wrong.

    Attributes:
        sentence: What is wrong, to be followed by where.
        edits: The small edits of one statement that would mend it.
        suspects: The tensors whose comparison looks like it.
        severity: How much it matters.
    """

    sentence: str
    edits: Callable[[Site], Iterable[Edit]] = no_edits
    suspects: Callable[[Symptoms], tuple[str, ...]] = no_suspicion
    severity: Severity = Severity.ERROR


BUGS: Registry[Callable[[], Bug]] = Registry("bug", package="nndiag.bugs")
"""The bugs by name; each is a file of `nndiag.bugs`."""


def all_edits(site: Site) -> Iterator[Edit]:
    """The edits of all bugs at one statement."""
    for name in BUGS.names():
        yield from BUGS.get(name)().edits(site)


def biases_of(shapes: Mapping[str, tuple[int, ...]]) -> frozenset[str]:
    """The parameters that are biases: named like one, with one axis longer than 1 at most.

    A `B` beside a `b` holds weights, too. A weight matrix with one input or one unit has the shape
    of a bias: there the name decides.
    """
    return frozenset(
        name
        for name, shape in shapes.items()
        if _named_like_bias(name)
        and sum(size > 1 for size in shape) <= 1
        and not (name.lower() != name and name.lower() in shapes)
    )


def _named_like_bias(name: str) -> bool:
    """Whether a parameter is named like a bias: `b1`, `self.bo`, `params["b2"]`, `biases[0]`."""
    words = re.findall(r"[A-Za-z]+", name)
    tail = words[-1].lower() if words else ""
    return tail.startswith("bias") or bool(re.fullmatch(r"b[a-z]{0,2}", tail))
