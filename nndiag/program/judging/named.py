"""Which bug a fault of the backward pass is, and what is said of it."""

from __future__ import annotations

import numpy as np

from nndiag.program.location.culprit import Culprit, Fault
from nndiag.program.location.evidence import Evidence

_PLAIN = {
    Fault.SEED: "wrong-loss-gradient",
    Fault.MISSING_DERIVATIVE: "missing-activation-derivative",
    Fault.CHAIN: "broken-chain-rule",
    Fault.FLOW: "raw-error-instead-of-delta",
    Fault.OPERAND: "wrong-layer-activation",
}


def bug_of(culprit: Culprit, evidence: Evidence) -> str:  # noqa: PLR0911 - one kind after the other
    """The name of the bug that a culprit is."""
    if culprit.fault in _PLAIN:
        if culprit.fault is Fault.MISSING_DERIVATIVE and culprit.due is not None:
            return (
                "wrong-softmax-gradient"
                if _is_softmax(culprit, evidence)
                else _PLAIN[culprit.fault]
            )
        return _PLAIN[culprit.fault]
    if culprit.fault is Fault.DERIVATIVE:
        return _derivative(culprit, evidence)
    if culprit.fault is Fault.WEIGHTS:
        return "uses-updated-weights" if is_updated(culprit, evidence) else "broken-chain-rule"
    if culprit.fault is Fault.REDUCTION:
        return _reduction(culprit, evidence)
    if culprit.fault is Fault.EXTRA_DERIVATIVE:
        at_output = _at_output(culprit, evidence)
        return "wrong-loss-gradient" if at_output else "wrong-activation-derivative"
    return "wrong-loss-gradient"


def _at_output(culprit: Culprit, evidence: Evidence) -> bool:
    """Whether the error that goes wrong is the first one, right behind the loss."""
    residuals = {item.node for item in evidence.readings[0].residuals}
    return culprit.flow is not None and (
        culprit.flow in residuals or bool(residuals & set(evidence.graph[culprit.flow].inputs))
    )


def _is_softmax(culprit: Culprit, evidence: Evidence) -> bool:
    """Whether a derivative is due that is none entry by entry."""
    if culprit.source is None:
        return False
    outer, inner = evidence.adjoint(culprit.source), evidence.adjoint(culprit.target)
    value = evidence.value(culprit.source)
    if outer is None or inner is None or value.shape != inner.shape or value.ndim != 3:
        return False
    return any(value.shape[axis] > 1 and np.allclose(value.sum(axis=axis), 1.0) for axis in (1, 2))


def is_updated(culprit: Culprit, evidence: Evidence) -> bool:
    """Whether weights are used that this iteration has changed already."""
    reading = evidence.readings[0]
    updated = {end for item in reading.parameters for end in item.ends if end is not None}
    heads = {head for item in reading.parameters for head in item.heads}
    node = culprit.node
    for _ in range(4):
        if node in updated - heads:
            return True
        inputs = evidence.graph[node].inputs
        if len(inputs) != 1:
            return False
        node = inputs[0]
    return False


def _derivative(culprit: Culprit, evidence: Evidence) -> str:  # noqa: PLR0911 - one kind after the other
    """Which derivative stands where another is due."""
    due, value = culprit.due, evidence.value(culprit.node)
    if _is_softmax(culprit, evidence):
        return "wrong-softmax-gradient"
    if due is None or value.shape != due.shape:
        return "wrong-activation-derivative"
    if evidence.multiple(value, due * due) is not None:
        return "activation-derivative-of-wrong-argument"
    if culprit.source is not None:
        output = evidence.value(culprit.source)
        if output.shape == value.shape and any(
            evidence.multiple(value, form) is not None for form in _applied_twice(output)
        ):
            return "activation-derivative-of-wrong-argument"
    if _is_form_of_input(culprit, evidence, value):
        return "activation-derivative-of-wrong-argument"
    for other in _other_derivatives(culprit, evidence):
        if evidence.multiple(value, other) is not None:
            return "wrong-layer-activation"
    return "wrong-activation-derivative"


def _applied_twice(output: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The derivatives of tanh and sigmoid by the input, given the output in its place."""
    with np.errstate(all="ignore"):
        sigmoid = 1 / (1 + np.exp(-output))
    return 1 - np.tanh(output) ** 2, sigmoid * (1 - sigmoid)


def _is_form_of_input(culprit: Culprit, evidence: Evidence, value: np.ndarray) -> bool:
    """Whether a derivative that is written by the output was given the input in its place."""
    last = culprit.target if culprit.source is None else culprit.source
    for node in evidence.forward:
        if culprit.target <= node < last and evidence.graph[node].shape == value.shape[1:]:
            inside = evidence.value(node)
            forms = (1 - inside**2, inside * (1 - inside))
            if any(evidence.multiple(value, form) is not None for form in forms):
                return True
    return False


def _other_derivatives(culprit: Culprit, evidence: Evidence) -> list[np.ndarray]:
    """The local derivatives of other layers of the same size."""
    found = []
    for node in evidence.forward:
        outer = evidence.adjoint(node)
        item = evidence.graph[node]
        for below in item.inputs:
            inner = evidence.adjoint(below)
            if outer is None or inner is None or node == culprit.source:
                continue
            if outer.shape == inner.shape and below != culprit.target and item.size > 1:
                with np.errstate(all="ignore"):
                    found.append(
                        np.where(outer != 0, inner / np.where(outer != 0, outer, 1.0), 0.0)
                    )
    return found


def _reduction(culprit: Culprit, evidence: Evidence) -> str:
    """A bias's sum, or a product of matrices in the wrong order."""
    head = evidence.graph[culprit.target]
    users = [
        evidence.graph[node].operation
        for node in evidence.forward
        if culprit.target in evidence.graph[node].inputs
    ]
    is_bias = head.function is None and any(name in ("add", "sub", "subtract") for name in users)
    return "wrong-bias-gradient" if is_bias else "broken-chain-rule"
