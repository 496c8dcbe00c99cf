"""The data: contradictions, scales, and whether the output can reach the targets."""

import numpy as np

from nndiag.arrays import FloatArray
from nndiag.checkup.contract import Check, Patient, Sample, Status
from nndiag.detectors.unscaled_inputs import scale_fault
from nndiag.formatting import chosen, number, percent

# The same limits as the detector `unscaled-inputs`, which judges them in runs that failed.
_TARGETS = 10.0  # deviation of the targets beyond which rates and starting weights do not fit
_OUTSIDE = 0.01  # share of the targets
_MARGIN = 1e-3  # of the output's width


def contradictions(sample: Sample) -> Check:
    """Equal inputs with different targets, constant columns."""
    name = "data"
    inputs, targets = sample.inputs, sample.targets
    rows, group = np.unique(inputs, axis=0, return_inverse=True)
    group = group.ravel()
    about = f"{len(inputs):,} examples, {inputs.shape[1]} in, {targets.shape[1]} out"
    if np.ptp(targets, axis=0).max() == 0:
        message = "all targets are equal: there is nothing to learn"
        return Check(name, Status.FAILED, message, "dataset", "nothing-to-learn")
    constant = [
        title for title, column in zip(sample.names, inputs.T, strict=True) if np.ptp(column) == 0
    ]
    if len(constant) == inputs.shape[1]:
        return Check(name, Status.FAILED, "all inputs are constant", "dataset", "nothing-to-learn")
    clashing = _clashing(targets, group, len(rows))
    numbers = {"examples": float(len(inputs)), "contradicting_share": clashing}
    if clashing > 0:
        message = (
            f"{about}; {percent(clashing)} of them have the inputs of another with other targets"
        )
        return Check(name, Status.WARNING, message, "more inputs", numbers=numbers)
    if constant:
        message = f"{about}; constant and so of no use: {', '.join(constant[:5])}"
        return Check(name, Status.WARNING, message, "leave them out: dataset.x", numbers=numbers)
    return Check(name, Status.OK, about, numbers=numbers)


def input_scales(sample: Sample) -> Check:
    """Input columns near mean 0 and size 1."""
    name = "input scales"
    inputs = sample.inputs
    columns = [column for column in inputs.T if len(np.unique(column)) > 2]
    if not columns:
        return Check(name, Status.OK, "indicators only")
    sizes = np.array([np.sqrt(np.mean(column**2)) for column in columns])
    deviations = np.array([column.std() for column in columns])
    offsets = np.abs([column.mean() for column in columns]) / deviations
    spread = float(deviations.max() / deviations.min())
    numbers = {
        "largest_size": float(sizes.max()),
        "largest_offset": float(offsets.max()),
        "spread": spread,
    }
    fault = scale_fault(inputs)
    if fault is not None and not sample.is_normalised:
        remedy = "dataset.scale_inputs=standardize"
        return Check(name, Status.WARNING, fault[0], remedy, "unscaled-inputs", numbers)
    return Check(name, Status.OK, f"root mean square {_range(sizes)}", numbers=numbers)


def target_scales(sample: Sample) -> Check:
    """Targets whose spread fits an ordinary rate and ordinary weights."""
    name = "target scales"
    targets = sample.targets
    if sample.of_classes or len(np.unique(targets)) <= 2:
        return Check(name, Status.OK, f"{len(np.unique(targets))} values: classes")
    deviation = targets.std(axis=0)
    offset = np.abs(targets.mean(axis=0))
    numbers = {"std": float(deviation.max()), "mean": float(offset.max())}
    words = f"std {_range(deviation)}, mean up to {number(offset.max())}"
    if max(deviation.max(), offset.max()) > _TARGETS or deviation.max() < 1 / _TARGETS**2:
        remedy = "dataset.scale_targets=standardize"
        return Check(name, Status.WARNING, words, remedy, "unscaled-targets", numbers)
    return Check(name, Status.OK, words, numbers=numbers)


def output_range(patient: Patient) -> Check:
    """Targets within what the last activation can give."""
    layer = patient.facts.layers[-1]
    return reach(layer.activation, (layer.low, layer.high), patient.built.training[1])


def reach(activation: str, bounds: tuple[float, float], targets: FloatArray) -> Check:
    """Targets within what an activation can give.

    Args:
        activation: Its name.
        bounds: The least and the largest value that it gives.
        targets: Shape (B, O).
    """
    name, (low, high) = "output range", bounds
    if not (np.isfinite(low) or np.isfinite(high)):
        return Check(name, Status.OK, f"a {activation} output reaches every target")
    width = high - low
    width = width if np.isfinite(width) else float(np.ptp(targets))
    margin = _MARGIN * width
    outside = float(np.mean((targets < low - margin) | (targets > high + margin)))
    words = (
        f"targets from {number(targets.min())} to {number(targets.max())}, a {activation} "
        f"gives {chosen(low)} to {chosen(high)}"
    )
    numbers = {"outside_share": outside}
    problem = "targets-outside-output-range"
    remedy = "activation: linear in the last layer"
    if outside > _OUTSIDE:
        message = f"{percent(outside)} of the {words}"
        return Check(name, Status.FAILED, message, remedy, problem, numbers)
    ends = bool(targets.min() <= low or targets.max() >= high)
    if ends and len(np.unique(targets)) > 2 and activation not in ("relu", "softmax"):
        message = f"{words}: its ends are only approached"
        return Check(name, Status.WARNING, message, remedy, problem, numbers)
    return Check(name, Status.OK, words, numbers=numbers)


def _clashing(
    targets: FloatArray, group: np.ndarray[tuple[int], np.dtype[np.intp]], groups: int
) -> float:
    """Share of the examples whose inputs occur with other targets too."""
    high = np.full((groups, targets.shape[1]), -np.inf)
    low = np.full((groups, targets.shape[1]), np.inf)
    np.maximum.at(high, group, targets)
    np.minimum.at(low, group, targets)
    return float(np.mean(np.any(high[group] > low[group], axis=1)))


def _range(values: FloatArray) -> str:
    """One number, or two for several that differ: "1", "0.5 to 2"."""
    low, high = number(values.min()), number(values.max())
    return low if low == high else f"{low} to {high}"
