"""Which bug a wrong gradient is, told from its numbers alone, where they leave no doubt.

The names are those of the catalogue that `nndiag explain` prints. What fits no pattern, or several,
gets no name: a wrong name is worse than none.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nndiag.arrays import FloatArray
from nndiag.gradients.alignment import alignment
from nndiag.gradients.verdict import TensorCheck

_SAME = 1e-4  # relative error up to which a pattern fits
_SUMMED, _FACTOR = "summed-instead-of-averaged", "wrong-constant-factor"
_BIAS = "wrong-bias-gradient"
_FEWEST = 3  # entries from which on a pattern is no coincidence


@dataclass(frozen=True, eq=False)
class TensorComparison:
    """A gradient beside the numeric one, with the tensor's own entries.

    Attributes:
        check: What was found of the tensor.
        values: Its own entries at those that were compared, shape (n,).
    """

    check: TensorCheck
    values: FloatArray

    @property
    def name(self) -> str:
        """The tensor."""
        return self.check.name

    @property
    def shape(self) -> tuple[int, ...]:
        """Its shape."""
        return self.check.shape

    @property
    def given(self) -> FloatArray:
        """The gradient to check, shape (n,)."""
        return self.check.gradient

    @property
    def numeric(self) -> FloatArray:
        """The numeric one, shape (n,)."""
        return self.check.numeric

    @property
    def whole(self) -> bool:
        """Whether these are all entries of the tensor."""
        return len(self.check.entries) == self.check.size

    def fits(self, pattern: FloatArray) -> bool:
        """Whether the gradient is this pattern, up to what can be told."""
        size = max(float(np.linalg.norm(self.given)), float(np.linalg.norm(pattern)))
        error = float(np.linalg.norm(self.given - pattern))
        return size > 0 and error <= max(_SAME, 4 * self.check.noise) * size


def bug_of(
    wrong: TensorComparison, all_of: Sequence[TensorComparison], *, examples: int | None
) -> str | None:
    """The bug of one tensor with what was seen: "wrong-sign: …"; None where none is sure.

    Args:
        wrong: The tensor whose gradient is wrong.
        all_of: All tensors, for what they share.
        examples: Number of examples behind the loss, where it is known.
    """
    if not np.any(wrong.given):
        return "gradient-never-computed: it is zero everywhere"
    if not np.any(wrong.numeric):
        return "the loss does not change with it: is it computed from something else?"
    scale = alignment(wrong.given, wrong.numeric).scale
    if scale is not None and scale != 0 and wrong.fits(scale * wrong.numeric):
        return _of_scale(scale, wrong, all_of, examples=examples)
    if len(wrong.given) == 1:
        return None
    pattern = _of_wrong_axis(wrong)
    if pattern is None and len(wrong.given) >= _FEWEST:
        pattern = _of_decay(wrong) or _of_clipping(wrong) or _of_another(wrong, all_of)
    return pattern


def _of_scale(
    scale: float,
    wrong: TensorComparison,
    all_of: Sequence[TensorComparison],
    *,
    examples: int | None,
) -> str | None:
    """The bug of a gradient that is a multiple of the right one.

    A single number is a multiple of any other: only the usual factors say something there.
    """
    alone = len(wrong.given) == 1
    everywhere = all(one.fits(scale * one.numeric) for one in all_of if np.any(one.numeric))
    times = f"it is {scale:.6g} times the right one"
    if scale < 0:
        usual = _near(scale, -1)
        times = "it points the other way" if usual else times
        return f"wrong-sign: {times}, uphill" if usual or not alone else None
    if examples is not None and examples > 2:
        where = "the loss" if everywhere else "it has to"
        if _near(scale, examples):
            ending = "averages" if everywhere else "average"
            return f"{_SUMMED}: it sums over the {examples} examples, {where} {ending}"
        if _near(scale, 1 / examples):
            ending = "sums" if everywhere else "sum"
            bug = _SUMMED if everywhere or not _is_bias(wrong, all_of) else _BIAS
            return f"{bug}: it averages over the {examples} examples, {where} {ending}"
    if _near(scale, 2) or _near(scale, 0.5):
        times = f"it is {'twice' if scale > 1 else 'half'} the right one; the 2 of a square, or a ½"
    elif alone:
        return None
    return f"{_FACTOR}: {times}{_as_count(scale, everywhere=everywhere)}"


def _as_count(scale: float, *, everywhere: bool) -> str:
    """What a factor that is a whole number may come from."""
    count = max(scale, 1 / scale)
    if count < 2.5 or not _near(count, round(count)):
        return ""
    loss, gradient = ("a mean", "a sum") if scale > 1 else ("a sum", "a mean")
    what = f"the loss is {loss}, the gradient {gradient}"
    return f"; with {round(count)} examples: {what if everywhere else f'{gradient} for {loss}'}"


def _is_bias(tensor: TensorComparison, all_of: Sequence[TensorComparison]) -> bool:
    """Whether a tensor is a vector among matrices."""
    matrices = any(len(one.shape) > 1 and min(one.shape) > 1 for one in all_of)
    return matrices and sum(size > 1 for size in tensor.shape) <= 1


def _of_decay(wrong: TensorComparison) -> str | None:
    """Weight decay that stands on one side only."""
    excess = wrong.given - wrong.numeric
    share = alignment(excess, wrong.values).scale
    if not share or not wrong.fits(wrong.numeric + share * wrong.values):
        return None
    where = "the loss has none of" if share > 0 else "the loss has and the gradient lacks"
    return f"weight-decay-not-in-loss: {where} a weight decay of {abs(share):.4g}"


def _of_clipping(wrong: TensorComparison) -> str | None:
    """Entries beyond a bound that were cut off."""
    bound = float(np.max(np.abs(wrong.given)))
    cut = np.isclose(np.abs(wrong.given), bound, rtol=1e-12, atol=0)
    clipped = np.clip(wrong.numeric, -bound, bound)
    if cut.sum() < 2 or cut.all() or not wrong.fits(clipped):
        return None
    return f"clipped-gradient: its entries are clipped at {bound:.4g}"


def _of_wrong_axis(wrong: TensorComparison) -> str | None:
    """A bias's gradient that is one number for all units."""
    if not wrong.whole or max(wrong.shape, default=0) != len(wrong.given):
        return None
    for how, number in (("sum", wrong.numeric.sum()), ("mean", wrong.numeric.mean())):
        if wrong.fits(np.full_like(wrong.numeric, number)):
            return f"{_BIAS}: every unit has the {how} over all units"
    return None


def _of_another(wrong: TensorComparison, all_of: Sequence[TensorComparison]) -> str | None:
    """The gradient of another tensor, or its own transposed."""
    if len(wrong.shape) == 2 and wrong.whole and wrong.shape[0] == wrong.shape[1]:
        turned = wrong.numeric.reshape(wrong.shape).T.ravel()
        if wrong.fits(turned):
            return "it is the transpose of the right one"
    for other in all_of:
        same = other is not wrong and other.whole and wrong.whole and other.shape == wrong.shape
        if same and wrong.fits(other.numeric):
            return f"it is the gradient of {other.name!r}"
    return None


def _near(scale: float, factor: float) -> bool:
    return abs(scale - factor) <= _SAME * abs(factor)
