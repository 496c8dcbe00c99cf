"""What a check-up looks at in a script: its faults, and its data where its network is no chain."""

from collections.abc import Callable, Iterator, Mapping

import numpy as np

from nndiag.checkup import (
    SAMPLE_CHECKS,
    Check,
    Sample,
    Status,
    all_move,
    at_start,
    learned_by_heart,
    reach,
)
from nndiag.finding import Finding, Severity
from nndiag.formatting import rough
from nndiag.nn.activations import ACTIVATIONS
from nndiag.own_program.mirror import Told
from nndiag.program import ProgramCheck
from nndiag.pytorch.faults import FAULTS
from nndiag.trace import Facts

_CLASSES = frozenset({"softmax_cross_entropy", "binary_cross_entropy"})
_SHOWN = 3  # names


def faults_in(check: ProgramCheck) -> Iterator[tuple[str, Finding]]:
    """The faults of a script, each with the check-up's title for what it makes wrong."""
    for finding in check.findings:
        if finding.severity is not Severity.NOTE:
            yield FAULTS.get(finding.problem)().aspect, finding


def gradient_agrees(told: Told) -> Check:
    """The gradients of the first steps beside differences of the loss."""
    compared = told["compared"]
    errors = [x["error"] for x in compared.values() if x["error"] is not None]
    other = [name for name, x in compared.items() if x["verdict"] == "wrong"]
    if other:  # a detached part of a loss does that by design
        shown = ", ".join(other[:_SHOWN]) + (" …" if len(other) > _SHOWN else "")
        message = f"that of {shown} is not the loss's derivative: a part of the loss is detached"
        return Check("gradient", Status.NOT_CHECKED, message)
    if not errors:
        return Check("gradient", Status.NOT_CHECKED, "the loss cannot be computed again")
    message = f"agrees with differences to {rough(max(errors))}"
    return Check("gradient", Status.OK, message, numbers={"relative_error": max(errors)})


def looks(told: Told, facts: Facts) -> Mapping[str, Callable[[], Check]]:
    """What can be looked at where the layers are no chain, by title.

    Args:
        told: What was watched of the first steps.
        facts: What is known of the run.
    """
    known: dict[str, Callable[[], Check]] = {"parameters move": lambda: _moves(told)}
    if told["data"] is None:
        message = "the script's examples were not recognised: it draws new ones at each step"
        return known | {"data": lambda: Check("data", Status.NOT_CHECKED, message)}
    sample = _sample(told)
    for name, look in SAMPLE_CHECKS.items():
        known[name] = lambda look=look: look(sample)  # type: ignore[misc]
    known["output range"] = lambda: _reach(told, sample)
    if facts.baseline_loss is not None:
        first, constant = float(told["rows"][0, 0]), facts.baseline_loss
        known["loss at the start"] = lambda: at_start(first, expected=None, baseline=constant)
    by_heart = told["handful"]
    if by_heart is not None:
        known["a handful can be learned"] = lambda: learned_by_heart(
            by_heart["left"], count=by_heart["examples"], hopeless=lambda: True
        )
    return known


def _sample(told: Told) -> Sample:
    inputs, targets = (np.asarray(part, dtype=np.float64) for part in told["data"])
    names = tuple(f"column {place + 1}" for place in range(inputs.shape[1]))
    return Sample(inputs, targets, names, told["kind"] in _CLASSES)


def _reach(told: Told, sample: Sample) -> Check:
    """Targets within what the script's output can give."""
    name = told["output"]["activation"] if told["output"] else "linear"
    function = ACTIVATIONS.get(name)()
    return reach(name, (function.low, function.high), sample.targets)


def _moves(told: Told) -> Check:
    """Every parameter that is trained has a gradient at the first step."""
    norms = np.asarray(told["rows"])[0, 1:]
    names = [name for name, _, _ in told["tensors"]]
    count = sum(int(np.prod(shape)) for _, shape, _ in told["tensors"])
    return all_move(dict(zip(names, norms.tolist(), strict=True)), count=count)
