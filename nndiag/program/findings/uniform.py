"""One factor that all tensors have over the learning rate: summed examples, a lost 2."""

from __future__ import annotations

from dataclasses import dataclass

from nndiag.finding import Evidence, Finding, Severity
from nndiag.program.findings.naming import Context, nearest_update
from nndiag.program.gradients.judgement import SAME
from nndiag.program.gradients.measurement import Measurement
from nndiag.program.repair.search import Search

_DRIFT = 1e-2
FACTORS = frozenset({"summed-instead-of-averaged", "wrong-constant-factor"})
"""The bugs that give all tensors one factor."""


@dataclass(frozen=True)
class Uniform:
    """One factor that all tensors have over the learning rate that the program names.

    Attributes:
        problem: The bug's name.
        factor: The factor.
        grave: Whether the program states its loss and the factor is just that of one slip.
        told: The factor in words.
    """

    problem: str
    factor: float
    grave: bool
    told: str


def drifts(measurement: Measurement) -> bool:
    """Whether the factor of all tensors changes from iteration to iteration.

    A learning rate that decays does so; and so does the step of a network with one output on one
    example at a time, whose whole gradient is off by one number that the example decides.
    """
    pairs = zip(measurement.references, measurement.fits)
    known = [
        scale
        for scale, fits in pairs
        if scale is not None and any(item.parallel for item in fits.values())
    ]
    return bool(known) and max(known) > (1 + _DRIFT) * min(known)


def uniform_factor(context: Context) -> Uniform | None:
    """Whether all tensors are a known factor off the rate that the program names.

    Only judged where the program itself computes the loss; a factor that is both a number of
    examples and a 2 is taken for a convention and only noted.
    """
    measurement = context.measurement
    rate, loss = measurement.rate, measurement.loss
    known = [scale for scale in context.references if scale is not None]
    if rate is None or not loss.own or not known or drifts(measurement):
        return None
    factor = known[0] / rate.value
    examples = float(measurement.examples)
    names: list[tuple[float, str, bool, str]] = [
        (2.0, "wrong-constant-factor", True, "twice"),
        (0.5, "wrong-constant-factor", False, "half"),
    ]
    if measurement.moments:
        names = []  # an optimizer has constants of its own
    if examples > 2 and not measurement.lab.proxies:
        names += [
            (examples, "summed-instead-of-averaged", True, "summed over the examples"),
            (1 / examples, "summed-instead-of-averaged", True, "averaged over the examples"),
        ]
        names += [
            (scale * examples**sign, "summed-instead-of-averaged", False, "summed or averaged")
            for scale in (2.0, 0.5)
            for sign in (1, -1)
        ]
    fitting = [name for name in names if abs(factor - name[0]) <= 10 * SAME * name[0]]
    if not fitting:
        return None
    _, problem, _, told = fitting[0]
    # with four examples N/2 is 2: what may be a convention is no slip
    single = all(name[2] for name in fitting)
    return Uniform(problem, factor, single and loss.assigned, told)


def factor_finding(
    context: Context, uniform: Uniform, found: Search | None, fixed: Measurement | None
) -> Finding:
    """The finding of one factor that all tensors have."""
    measurement = context.measurement
    rate = measurement.rate
    repair = found.repairs[0] if found is not None and fixed is not None and found.repairs else None
    name = rate.text if rate else "the learning rate"
    message = (
        f"all parameters: the step is {uniform.factor:.4g} times {name} times the gradient of "
        f"{measurement.loss.text} ({uniform.told}): it acts like a learning rate of "
        f"{uniform.factor * (rate.value if rate else 1):.4g}"
    )
    line = repair.line if repair else nearest_update(context)
    return Finding(
        problem=uniform.problem,
        severity=Severity.WARNING if uniform.grave else Severity.NOTE,
        message=message,
        evidence=(Evidence("scale", uniform.factor, 1.0),),
        tensor=", ".join(context.verdicts),
        remedies=(f"line {repair.line}: {repair.edit.says}",) if repair else (),
        file=context.source.name,
        line=line,
        replacement=repair.after if repair else None,
    )
