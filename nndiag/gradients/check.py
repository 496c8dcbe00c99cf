"""The check: a gradient beside differences of the loss, tensor by tensor.

    result = check(loss, gradient, theta)       # loss(theta) → number; theta: name → array
    result.correct, result["W1"].verdict, result["W1"].cosine

Up to `most` entries of each tensor are compared one by one, half of them those where the gradient
is largest; a random direction covers the others.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from nndiag.arrays import FloatArray, IndexArray
from nndiag.gradients.alignment import alignment
from nndiag.gradients.coverage import hidden_entries
from nndiag.gradients.differences import Central, Differences, FunctionDifferences, Loss, Theta
from nndiag.gradients.judgement import GradientClaim, judged, worst_of
from nndiag.gradients.verdict import GradientCheck, TensorCheck, Verdict

TOLERANCE = 1e-5
"""Relative error up to which a gradient is right: right ones reach 1e-8, wrong ones 1e-3."""
MOST = 24
"""Entries of a tensor that are compared one by one."""

_COARSE = 5e-4  # steps beyond this belong to less than double precision, which allows no more
_SAME = 1e-3  # relative difference up to which two factors are the same
_SEED = 11  # of the entries that are drawn: the same check compares the same entries


def check(
    loss: Loss,
    gradient: Theta,
    theta: Theta,
    *,
    scale: float | None = 1.0,
    tolerance: float = TOLERANCE,
    most: int = MOST,
    rounding: float | None = None,
    analytic: bool = False,
) -> GradientCheck:
    """Check the gradient of a function of arrays.

    Args:
        loss: Gives the loss for parameters like `theta`; it must not change or keep them, and must
            give the same number each time.
        gradient: The gradient to check, an array for each tensor, of its shape.
        theta: The point, floating-point arrays.
        scale: Factor of a right gradient over the loss's, such as the learning rate of a step;
            None for the one that most tensors share.
        tolerance: Relative error of a tensor up to which it is right.
        most: Largest number of entries of a tensor that are compared one by one.
        rounding: Absolute rounding error of the loss; measured by default.
        analytic: Whether the loss takes complex parameters and is analytic in them.

    Raises:
        ValueError: The gradient lacks a tensor or has another shape than it, or the loss is not
            finite.
    """
    given = flat_gradient(gradient, theta)
    source = FunctionDifferences(loss, theta, rounding=rounding, analytic=analytic)
    entries = {name: chosen_entries(array, most=most) for name, array in given.items()}
    shapes = {name: np.shape(array) for name, array in theta.items()}
    return check_differences(
        source, given, shapes, entries=entries, scale=scale, tolerance=tolerance
    )


def check_differences(
    source: Differences,
    gradient: Theta,
    shapes: Mapping[str, tuple[int, ...]],
    *,
    entries: Mapping[str, IndexArray],
    scale: float | None = 1.0,
    tolerance: float = TOLERANCE,
) -> GradientCheck:
    """Check a gradient beside differences from any source; arguments as for `check`.

    Args:
        source: The differences of the loss.
        gradient: The gradient, flat, shape (size,) for each tensor.
        shapes: Shape of each tensor.
        entries: The entries that are compared one by one, shape (n,) for each tensor.
        scale: Factor of a right gradient.
        tolerance: Relative error up to which a tensor is right.

    Raises:
        ValueError: The loss is not finite.
    """
    if not np.isfinite(source.value):
        raise ValueError(f"the loss is {source.value}")
    if source.step > _COARSE:
        tolerance = max(tolerance, 2 * source.step)
    finite = {name: bool(np.isfinite(array).all()) for name, array in gradient.items()}
    first = {name: source.central(name, entries[name]) for name in shapes if finite[name]}
    if scale is None:
        scale = common_scale(
            [(gradient[name][entries[name]], found) for name, found in first.items()],
            tolerance=tolerance,
        )
    checks = []
    for name, shape in shapes.items():
        tensor = GradientClaim(
            name,
            shape,
            gradient[name] / scale,
            _rounding(source, name, gradient) / scale,
            tolerance,
        )
        checks.append(
            _check(source, tensor, entries[name], first[name])
            if finite[name]
            else _not_finite(tensor)
        )
    return GradientCheck(source.value, source.noise, scale, tuple(checks))


def common_scale(pairs: list[tuple[FloatArray, Central]], *, tolerance: float) -> float:
    """The positive factor of gradients over numeric ones that most of them share; 1 if none is.

    Tensors that follow the numeric gradient as a whole tell it; where there are none, the entries
    do. A tensor of one entry follows with some factor whatever is wrong, and counts where no other
    is left.

    Args:
        pairs: For each tensor the gradient at some entries, shape (n,), and its differences there.
        tolerance: Relative error up to which a tensor follows.
    """
    whole: list[float] = []
    single: list[float] = []
    ratios: list[float] = []
    for given, found in pairs:
        loud = ~found.kinks & (np.abs(found.values) > 1e3 * found.noise)
        usable, numeric = given[loud], found.values[loud]
        lie = alignment(usable, numeric)
        if lie.scale is not None and lie.scale > 0 and lie.residual <= max(tolerance, _SAME):
            (whole if len(usable) > 1 else single).append(lie.scale)
        ratios += [float(ratio) for ratio in usable / numeric if ratio > 0]
    for scales in (whole, ratios if len(ratios) > len(single) else single):
        if scales:
            return max(scales, key=lambda one: sum(abs(one - x) <= _SAME * one for x in scales))
    return 1.0


def chosen_entries(gradient: FloatArray, *, most: int) -> IndexArray:
    """Which entries of a tensor to compare: all, or half the largest and half drawn at random.

    Args:
        gradient: The gradient to check, flat, shape (size,).
        most: Number of entries.
    """
    if gradient.size <= most:
        return np.arange(gradient.size)
    order = np.argsort(-np.abs(gradient), kind="stable")
    largest, others = order[: most // 2], order[most // 2 :]
    drawn = np.random.default_rng(_SEED).choice(others, most - len(largest), replace=False)
    return np.sort(np.concatenate([largest, drawn]))


def flat_gradient(gradient: Mapping[str, Any], theta: Theta) -> dict[str, FloatArray]:
    """The gradient of each tensor as a flat array (size,).

    Raises:
        ValueError: A tensor has none, or one of another shape: an update with it would change the
            parameter's shape.
    """
    missing = [name for name in theta if gradient.get(name) is None]
    if missing:
        raise ValueError(f"no gradient for {', '.join(missing)}")
    flat = {}
    for name, array in theta.items():
        given = np.asarray(gradient[name])
        if given.shape != np.shape(array):
            shapes = f"has shape {given.shape}, the parameter {np.shape(array)}"
            raise ValueError(f"the gradient of {name} {shapes}")
        flat[name] = given.astype(float).ravel()
    return flat


def _check(
    source: Differences, tensor: GradientClaim, entries: IndexArray, first: Central
) -> TensorCheck:
    """One tensor: its entries, and what a random direction says of the others."""
    found = judged(source, tensor, entries, first=first)
    if found.is_wrong or len(entries) == tensor.gradient.size:
        return found
    covered, hidden = hidden_entries(source, tensor, entries)
    if not len(hidden):
        return replace(found, covered=covered)
    more = judged(source, tensor, np.union1d(entries, hidden), covered=covered)
    return more if more.is_wrong else found


def _rounding(source: Differences, name: str, gradient: Theta) -> FloatArray:
    """The rounding error of a tensor's gradient; where it is not known, that of its largest."""
    known = source.rounding(name)
    if known is not None:
        return known
    largest = float(np.max(np.abs(gradient[name]), initial=0.0))
    return np.full(gradient[name].shape, np.finfo(float).eps * largest)


def _not_finite(tensor: GradientClaim) -> TensorCheck:
    """The check of a gradient that is not finite."""
    entries = np.flatnonzero(~np.isfinite(tensor.gradient))
    given, numeric = tensor.gradient[entries], np.full(len(entries), np.nan)
    return TensorCheck(
        tensor.name,
        tensor.shape,
        Verdict.WRONG,
        relative_error=float("inf"),
        cosine=None,
        scale=None,
        residual=1.0,
        noise=0.0,
        worst=worst_of(tensor.shape, entries, given, numeric),
        complex_error=None,
        checked=0,
        kinks=0,
        entries=entries,
        gradient=given,
        numeric=numeric,
    )
