"""The gradient of a config's network, checked at several points.

One point hides bugs: zero biases make their influence invisible, symmetric weights make wrong
elements equal, and a fresh network's units are not saturated. So the check is made at the start,
at a random point beside it, and where the first steps of the run lead.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nndiag.arrays import FloatArray
from nndiag.errors import NndiagError, Problem
from nndiag.gradients.network.check import PointCheck, check_gradient
from nndiag.gradients.network.differences import is_analytic
from nndiag.gradients.network.sampling import affordable_examples
from nndiag.gradients.verdict import TensorCheck, Verdict
from nndiag.nn.folding import raised
from nndiag.nn.network import (
    Architecture,
    Examples,
    examples,
    gradient_seconds,
    loss,
    loss_and_gradient,
)

if TYPE_CHECKING:
    from nndiag.experiment.building import Built

_POINTS = 3
_STEPS = (20, 5, 1)  # to the third point; fewer where the run has exploded by then
_EXPLODED = 1e3  # loss over the initial one
_PASSES = 200  # through the network at one point
_TOO_LONG = 5.0  # times the work for one point
_SPREAD = 0.1  # of the random point, relative to the size of a layer's weights
_MOST_EXAMPLES = 512  # of a step towards the third point
_SEED = 11  # of the random point: the same config gives the same report
_GRAVEST_FIRST = (Verdict.WRONG, Verdict.CORRECT, Verdict.NOISE, Verdict.KINK, Verdict.ZERO)


@dataclass(frozen=True)
class NetworkCheck:
    """The check of one config.

    Attributes:
        name: The config's name.
        layout: "1-100-1 tanh": sizes and hidden activations.
        examples: Number of training examples; each point says how many of them it was checked on.
        points: The check at each point, in order.
        skipped: What was not checked, and why, one phrase each.
        analytic: Whether the complex step could be used.
    """

    name: str
    layout: str
    examples: int
    points: tuple[PointCheck, ...]
    skipped: tuple[str, ...]
    analytic: bool

    @property
    def correct(self) -> bool:
        """Whether no tensor is wrong at any point."""
        return all(point.correct for point in self.points)

    def tensors(self) -> list[tuple[TensorCheck, PointCheck]]:
        """Each tensor where it matters most, with the point.

        Wrong anywhere is wrong; correct somewhere and undecided elsewhere is correct. Of equal
        verdicts the largest error counts.
        """
        return [
            min(
                zip(checks, self.points, strict=True),
                key=lambda pair: (_GRAVEST_FIRST.index(pair[0].verdict), -pair[0].relative_error),
            )
            for checks in zip(*(point.tensors for point in self.points), strict=True)
        ]


def check_network(built: "Built", *, seconds: float = 3.0) -> NetworkCheck:
    """Check nndiag's own gradient of a config's network.

    Of one with batch normalisation it is the gradient of a step's loss by what steps train.

    Args:
        built: The config, ready to train.
        seconds: Work to spend, in seconds of an ordinary core.

    Raises:
        NndiagError: The loss is not finite at any of the points.
    """
    seconds /= _POINTS
    shape = built.shape.in_training
    every = examples(shape, *built.training)
    data = affordable_examples(shape, every, seconds=seconds)
    checks, skipped = [], []
    with np.errstate(all="ignore"):
        for name, parameters in _points(built, data, seconds=seconds):
            if not _finite(shape, parameters, data):
                skipped.append(f"{name}: the loss or its gradient is not finite there")
                continue
            check = check_gradient(
                shape,
                parameters,
                data,
                point=name,
                layer_names=built.layer_names,
                seconds=seconds,
            )
            checks.append(check)
    if not checks:
        problem = "the loss is not finite at the initial weights: there is no gradient to check"
        raise NndiagError(Problem(problem, hint="nndiag train says where it stops being finite"))
    return NetworkCheck(
        built.name,
        _layout(built),
        every.count,
        tuple(checks),
        tuple(skipped),
        is_analytic(built.shape),
    )


def perturbed(shape: Architecture, parameters: FloatArray, rng: np.random.Generator) -> FloatArray:
    """A random point beside `parameters` (P,), with biases that are not zero."""
    moved = parameters.copy()
    for weights in shape.matrices(moved):
        typical = max(float(np.sqrt(np.mean(weights**2))), 1 / np.sqrt(weights.shape[1]))
        weights[...] += _SPREAD * typical * rng.standard_normal(weights.shape)
    return moved


def _points(built: "Built", data: Examples, *, seconds: float) -> Iterator[tuple[str, FloatArray]]:
    """The points with their names; of a network that takes long the most telling one only.

    Fewer steps lead to the third point where they take long.
    """
    shape = built.shape.in_training
    start = raised(built.shape, built.drawn) if built.shape.normalises else built.parameters
    costly = _PASSES * gradient_seconds(shape, data.count) > _TOO_LONG * seconds
    if not costly:
        yield "initial", start
    yield "perturbed", perturbed(shape, start, np.random.default_rng(_SEED))
    if costly:
        return
    most = _EXPLODED * float(loss(shape, start, data))
    batch = min(built.batch_size or _MOST_EXAMPLES, len(built.training[0]), _MOST_EXAMPLES)
    affordable = seconds / gradient_seconds(shape, batch)
    for steps in [steps for steps in _STEPS if steps <= max(affordable, 1)]:
        reached = _trained(built, steps)
        if steps == 1 or loss(shape, reached, data) <= most:
            yield ("after 1 step" if steps == 1 else f"after {steps} steps"), reached
            return


def _finite(shape: Architecture, parameters: FloatArray, data: Examples) -> bool:
    """Whether there is a loss and a gradient at a point."""
    value, gradient = loss_and_gradient(shape, parameters, data)
    return bool(np.isfinite(value) and np.isfinite(gradient).all())


def _trained(built: "Built", steps: int) -> FloatArray:
    """The parameters after the first steps of a run, each on a part of its examples."""
    from nndiag.experiment.building import stack_of  # noqa: PLC0415 (pydantic costs 0.1 s)

    stack, inputs = stack_of(built), built.training[0]
    size = min(built.batch_size or len(inputs), len(inputs), _MOST_EXAMPLES)
    if size == len(inputs):
        stack.run(steps=steps)
    else:
        stack.run(rows=np.random.default_rng(_SEED).integers(0, len(inputs), (steps, size)))
    reached: FloatArray = stack.trained[0]
    return reached


def _layout(built: "Built") -> str:
    sizes = "-".join(map(str, (built.shape.inputs, *built.shape.units)))
    return f"{sizes} {' '.join(dict.fromkeys(built.activation_names))}"
