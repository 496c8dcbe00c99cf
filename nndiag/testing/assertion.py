"""Compares gradients with numeric ones and raises what a test framework shows."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nndiag.analysis.any_function import (
    NOISE,
    IntArray,
    chosen_entries,
    differences,
    direction,
    is_repeatable,
    numeric_gradient,
    relative_error,
)
from nndiag.nested import FloatArray, Tensor
from nndiag.numbers import chosen, number
from nndiag.testing.given import subject_of
from nndiag.testing.signature import Comparison, bug_of
from nndiag.testing.subject import Subject

_MOST_SHOWN = 12
_OTHER_STEPS = (10.0, 0.1)  # relative to the first
_STEADY = 0.3  # they differ by so much less than the gradient does


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
        parameters: Arrays, numbers, lists or dicts of them. For an object it may be left out, or be
            the names of its attributes.
        gradients: The gradients in a container like that of the parameters, or a function that
            returns it. Left out where the loss returns them, or where an object has them: in
            `grads`, from `backward()`, or in attributes such as `dW1` for `W1`.
        arguments: What `loss` is called with after the parameters, such as inputs and targets.
        examples: Number of examples behind the loss, to tell a sum from a mean; the length of the
            first argument by default.
        rtol: Largest relative error of a tensor's gradient; 1e-2 at least for float32, which
            allows no more.
        most: Largest number of entries of a tensor that are compared: half of them the largest
            ones, the others drawn, always the same.
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
    subject = subject_of(loss, parameters, gradients, arguments=arguments, examples=examples)
    if not subject.tensors:
        raise AssertionError(_headed("there are no parameters to check", err_msg))
    value = _value(subject, err_msg)
    checks = [
        _check(subject, tensor, gradient, value=value, rtol=rtol, most=most)
        for tensor, gradient in zip(subject.tensors, subject.gradients, strict=True)
    ]
    wrong = [check for check in checks if check.wrong]
    if wrong:
        message = _message(wrong, checks, examples=subject.examples, verbose=verbose)
        raise AssertionError(_headed(message, err_msg))


@dataclass(frozen=True, eq=False)
class _Check:
    """What was found of one tensor.

    Attributes:
        tensor: The tensor.
        wrong: Whether its gradient is wrong.
        error: Relative error; None where there was nothing to compare.
        bug: A bug that is known without numbers.
        comparison: The numbers; None where there are none.
    """

    tensor: Tensor
    wrong: bool
    error: float | None = None
    bug: str | None = None
    comparison: Comparison | None = None


def _value(subject: Subject, err_msg: str) -> float:
    """The loss; it has to be finite and the same again, and to leave the parameters as they are.

    Raises:
        AssertionError: It is not, or does not.
    """
    __tracebackhide__ = True
    before = subject.values()
    try:
        with np.errstate(all="ignore"):
            values = [subject.loss(), subject.loss()]
    finally:
        changed = subject.put_back(before)
    if changed:
        text = f"the loss changes the parameters {', '.join(changed[:_MOST_SHOWN])} (put back)"
        hint = "let it return the loss and the gradients only; an update is for the training loop"
        raise AssertionError(_headed(f"{text}: {hint}", err_msg))
    if not is_repeatable(values):
        text = f"the loss changes from call to call ({values[0]:.6g}, then {values[1]:.6g})"
        hint = "fix the random state, and check without dropout"
        raise AssertionError(_headed(f"{text}: {hint}", err_msg))
    if not np.isfinite(values[0]):
        raise AssertionError(_headed(f"the loss is {values[0]}", err_msg))
    return values[0]


def _check(
    subject: Subject,
    tensor: Tensor,
    gradient: FloatArray | None,
    *,
    value: float,
    rtol: float,
    most: int,
) -> _Check:
    """Compare the gradient of one tensor."""
    values = subject.value(tensor)
    if gradient is None:
        bug = "gradient-never-computed: none was given"
        if subject.unmatched:
            bug += f"; of no parameter: {', '.join(subject.unmatched[:_MOST_SHOWN])}"
        return _Check(tensor, True, bug=bug)
    if not _same_shape(gradient.shape, tensor.shape):
        bug = f"mismatched-shapes: it has shape {gradient.shape}, the parameter {tensor.shape}"
        return _Check(tensor, True, bug=bug)
    given = gradient.ravel()
    if not np.isfinite(given).all():
        return _Check(tensor, True, bug="it is not finite")
    entries = chosen_entries(given, most=most)
    precision = subject.precision(tensor)
    tolerance = max(rtol, 2 * precision ** (1 / 3)) if precision > 1e-10 else rtol
    numeric = numeric_gradient(
        lambda entry, distance: subject.moved(tensor, entry, distance),
        value,
        given[entries],
        sizes=values[entries],
        entries=entries,
        precision=precision,
        tolerance=tolerance,
    )
    smooth = ~numeric.kinks & np.isfinite(numeric.values)
    one, other = given[entries][smooth], numeric.values[smooth]
    error = relative_error(one, other)
    noise = NOISE * numeric.noise * np.sqrt(len(one))
    size = max(float(np.linalg.norm(one)), float(np.linalg.norm(other)))
    wrong = error > tolerance and error * size > noise
    if wrong:
        wrong = _is_steady(subject, tensor, entries[smooth], one, other)
    trust = noise / size if size > 0 else 0.0
    whole = len(one) == values.size
    comparison = Comparison(
        tensor.name, tensor.shape, one, other, values[entries][smooth], whole, trust
    )
    return _Check(tensor, bool(wrong), error, comparison=comparison)


def _is_steady(
    subject: Subject, tensor: Tensor, entries: IntArray, given: FloatArray, numeric: FloatArray
) -> bool:
    """Whether other step sizes say the same: then the gradient is wrong, else the check is."""
    apart = float(np.linalg.norm(given - numeric))
    values = subject.value(tensor)[entries]
    for factor in _OTHER_STEPS:
        again = differences(
            lambda entry, distance: subject.moved(tensor, entry, distance),
            sizes=values,
            entries=entries,
            step=factor * subject.precision(tensor) ** (1 / 3),
        )
        if float(np.linalg.norm(again - numeric)) <= _STEADY * apart:
            return True
    return False


def _same_shape(gradient: tuple[int, ...], tensor: tuple[int, ...]) -> bool:
    """Whether an update with this gradient keeps the parameter's shape and order."""
    return [n for n in gradient if n != 1] == [n for n in tensor if n != 1]


def _message(
    wrong: Sequence[_Check],
    checks: Sequence[_Check],
    *,
    examples: int | None,
    verbose: bool,
) -> str:
    """What is wrong: each bug with its tensors."""
    count = f"{len(wrong)} of {len(checks)} {'tensor' if len(checks) == 1 else 'tensors'}"
    if not verbose:
        return f"{count} wrong: {', '.join(check.tensor.name for check in wrong)}"
    compared = [check.comparison for check in checks if check.comparison is not None]
    lines = [f"{count} wrong"]
    bugs: dict[str, list[_Check]] = {}
    for check in wrong:
        bug = check.bug
        if check.comparison is not None:
            bug = bug_of(check.comparison, compared, examples=examples)
        bugs.setdefault(bug or "wrong, in no way that has a name", []).append(check)
    for bug, tensors in bugs.items():
        lines += ["", bug]
        for check in tensors[:_MOST_SHOWN]:
            lines += _numbers(check)
        if len(tensors) > _MOST_SHOWN:
            lines.append(f"  … and {len(tensors) - _MOST_SHOWN} more")
    right = [check.tensor.name for check in checks if check not in wrong]
    if right:
        lines += ["", f"correct: {', '.join(right)}"]
    return "\n".join(lines)


def _numbers(check: _Check) -> list[str]:
    """One tensor: how far its gradient is off, and where most."""
    comparison = check.comparison
    lines = [f"  {check.tensor.name} {check.tensor.shape}"]
    if comparison is None or check.error is None:
        return lines
    cosine, scale = direction(comparison.given, comparison.numeric)
    lines[0] += f"   relative error {number(check.error)}"
    lines[0] += "" if cosine is None else f"   cosine {cosine:+.6f}"
    lines[0] += "" if scale is None else f"   scale {chosen(scale)}"
    worst = int(np.argmax(np.abs(comparison.given - comparison.numeric)))
    pair = f"{comparison.given[worst]:.8g}, numerically {comparison.numeric[worst]:.8g}"
    lines.append(f"    worst entry: {pair}")
    return lines


def _headed(message: str, err_msg: str) -> str:
    """As numpy.testing writes it: a first line, the message of the caller, what was found."""
    head = "\nGradients are not correct"
    return f"{head}\n{err_msg}\n{message}" if err_msg else f"{head}\n{message}"
