"""Compares gradients with numeric ones and raises what a test framework shows."""

from collections.abc import Container, Mapping, Sequence
from typing import Any

import numpy as np

from nndiag.arrays import FloatArray
from nndiag.formatting import chosen, number
from nndiag.gradients.check import check
from nndiag.pytree import TensorLocation
from nndiag.testing.given import target_of
from nndiag.testing.signature import TensorComparison, bug_of
from nndiag.testing.target import Target

_MOST_SHOWN = 12


def assert_gradients_correct(
    loss: Any,
    parameters: Any = None,
    gradients: Any = None,
    *,
    arguments: Sequence[Any] = (),
    examples: int | None = None,
    rtol: float = 1e-5,
    most: int = 100,
    err_msg: str = "",
    verbose: bool = True,
) -> None:
    """Raise an AssertionError if gradients are not those of a loss.

    The loss is compared with central differences, tensor by tensor, relative to the tensor's norm,
    so that multiplying the loss by a constant changes nothing. Entries at a kink (ReLU at zero) and
    differences that rounding alone explains are not held against a gradient.

    Args:
        loss: A function of the parameters (`loss(p)`, `loss(W, b)`), a function of nothing that
            reads the parameters where they are, or an object with a method `loss`. It returns a
            number, or a tuple (loss, gradients) or (gradients, loss).
        parameters: Arrays, numbers, lists or dicts of them. An object needs none, or their names.
        gradients: The gradients in a container like that of the parameters, or a function that
            returns it. Left out where the loss returns them, or where an object has them: in
            `grads`, from `backward()`, or in attributes such as `dW1` for `W1`.
        arguments: What `loss` is called with after the parameters, such as inputs and targets.
        examples: Number of examples behind the loss, to tell a sum from a mean; the length of the
            first argument by default.
        rtol: Largest relative error of a tensor's gradient; 1e-2 at least for float32, which
            allows no more.
        most: Largest number of entries of a tensor that are compared, as `gradients.check` does.
        err_msg: Shown with the error.
        verbose: Whether numbers are shown, or the names of the tensors alone.

    Raises:
        AssertionError: A gradient is wrong, with the tensor, the cosine, the scale, and the bug
            where the numbers leave no doubt about it; or the loss is not finite.
        UserCodeError: It is not clear what the loss, the parameters or the gradients are, or the
            loss changes from call to call.

    Examples:
        >>> import numpy as np
        >>> from nndiag.testing import assert_gradients_correct
        >>> x, y = np.array([1.0, 2.0, 3.0]), np.array([2.0, 4.0, 6.0])
        >>> W = {"w": np.array(0.5)}
        >>> assert_gradients_correct(
        ...     lambda p: np.mean((p["w"] * x - y) ** 2),
        ...     W,
        ...     {"w": np.mean(2 * (W["w"] * x - y) * x)},
        ... )
    """
    __tracebackhide__ = True  # pytest shows the caller's line
    target = target_of(loss, parameters, gradients, arguments=arguments, examples=examples)
    if not target.tensors:
        raise AssertionError(_headed("there are no parameters to check", err_msg))
    _refuse_what_cannot_be_checked(target, target.theta, err_msg)
    message = _wrong(target, rtol=rtol, most=most, verbose=verbose)
    if message is not None:
        raise AssertionError(_headed(message, err_msg))


def _wrong(target: Target, *, rtol: float, most: int, verbose: bool) -> str | None:
    """What is wrong; None where nothing is."""
    bugs = _known_bugs(target)
    compared = _compared(target, target.theta, without=bugs, rtol=rtol, most=most)
    wrong = [tensor for tensor in target.tensors if _is_wrong(tensor, bugs, compared)]
    if not wrong:
        return None
    shown = {one.name: one for one in compared}
    return _message(wrong, target, (bugs, shown), verbose=verbose)


def _refuse_what_cannot_be_checked(
    target: Target, theta: Mapping[str, FloatArray], err_msg: str
) -> None:
    """Raise an AssertionError unless the loss is finite, repeats itself, and changes nothing."""
    __tracebackhide__ = True
    try:
        with np.errstate(all="ignore"):
            values = [target.loss(), target.loss()]
    finally:
        changed = target.put_back(theta)
    if changed:
        text = f"the loss changes the parameters {', '.join(changed[:_MOST_SHOWN])} (put back)"
        hint = "let it return the loss and the gradients only; an update is for the training loop"
        raise AssertionError(_headed(f"{text}: {hint}", err_msg))
    if repr(values[0]) != repr(values[1]):  # of two NaN, too
        text = f"the loss changes from call to call ({values[0]:.6g}, then {values[1]:.6g})"
        hint = "fix the random state, and check without dropout"
        raise AssertionError(_headed(f"{text}: {hint}", err_msg))
    if not np.isfinite(values[0]):
        raise AssertionError(_headed(f"the loss is {values[0]}", err_msg))


def _known_bugs(target: Target) -> dict[str, str]:
    """The bug of each tensor whose gradient need not be computed to be wrong."""
    bugs = {}
    for tensor, gradient in zip(target.tensors, target.gradients, strict=True):
        if gradient is None:
            bug = "gradient-never-computed: none was given"
            if target.unmatched:
                bug += f"; of no parameter: {', '.join(target.unmatched[:_MOST_SHOWN])}"
        elif gradient.shape != tensor.shape:
            shapes = f"shape {gradient.shape}, the parameter {tensor.shape}"
            bug = f"mismatched-shapes: the gradient has {shapes}: an update would change it"
        elif not np.isfinite(gradient).all():
            bug = "it is not finite"
        else:
            continue
        bugs[tensor.name] = bug
    return bugs


def _compared(
    target: Target,
    theta: Mapping[str, FloatArray],
    *,
    without: Container[str],
    rtol: float,
    most: int,
) -> list[TensorComparison]:
    """The gradients of all other tensors beside the numeric ones."""
    point = {name: array for name, array in theta.items() if name not in without}
    named = zip(target.tensors, target.gradients, strict=True)
    gradients = {tensor.name: given for tensor, given in named if given is not None}
    try:
        found = check(
            lambda moved: target.loss_at(moved, theta), gradients, point, tolerance=rtol, most=most
        )
    finally:
        target.put_back(theta)
    return [
        TensorComparison(one, point[one.name].ravel()[one.entries].astype(float)) for one in found
    ]


def _is_wrong(
    tensor: TensorLocation, bugs: Container[str], compared: Sequence[TensorComparison]
) -> bool:
    return tensor.name in bugs or any(
        one.name == tensor.name and one.check.is_wrong for one in compared
    )


def _message(
    wrong: Sequence[TensorLocation],
    target: Target,
    found: tuple[Mapping[str, str], Mapping[str, TensorComparison]],
    *,
    verbose: bool,
) -> str:
    """What is wrong: each bug with its tensors."""
    known, compared = found
    count = f"{len(wrong)} of {len(target.tensors)} "
    count += "tensor" if len(target.tensors) == 1 else "tensors"
    if not verbose:
        return f"{count} wrong: {', '.join(tensor.name for tensor in wrong)}"
    bugs: dict[str, list[TensorLocation]] = {}
    for tensor in wrong:
        bug = known.get(tensor.name) or bug_of(
            compared[tensor.name], list(compared.values()), examples=target.examples
        )
        bugs.setdefault(bug or "wrong, in no way that has a name", []).append(tensor)
    lines = [f"{count} wrong"]
    for bug, tensors in bugs.items():
        lines += ["", bug]
        for tensor in tensors[:_MOST_SHOWN]:
            lines += _numbers(tensor, compared.get(tensor.name))
        if len(tensors) > _MOST_SHOWN:
            lines.append(f"  … and {len(tensors) - _MOST_SHOWN} more")
    right = [tensor.name for tensor in target.tensors if tensor not in wrong]
    if right:
        lines += ["", f"correct: {', '.join(right)}"]
    return "\n".join(lines)


def _numbers(tensor: TensorLocation, comparison: TensorComparison | None) -> list[str]:
    """One tensor: how far its gradient is off, and where most."""
    lines = [f"  {tensor.name} {tensor.shape}"]
    if comparison is None:
        return lines
    check = comparison.check
    lines[0] += f"   relative error {number(check.relative_error)}"
    lines[0] += "" if check.cosine is None else f"   cosine {check.cosine:+.6f}"
    lines[0] += "" if check.scale is None else f"   scale {chosen(check.scale)}"
    if check.worst is not None:
        place = f" [{', '.join(map(str, check.worst.index))}]" if check.worst.index else ""
        pair = f"{check.worst.analytic:.8g}, numerically {check.worst.numeric:.8g}"
        lines.append(f"    worst entry{place}: {pair}")
    return lines


def _headed(message: str, err_msg: str) -> str:
    """As numpy.testing writes it: a first line, the message of the caller, what was found."""
    head = "\nGradients are not correct"
    return f"{head}\n{err_msg}\n{message}" if err_msg else f"{head}\n{message}"
