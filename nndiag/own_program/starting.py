"""What makes the starting weights of a layer suit it, as a person types it."""

import numpy as np

_ROOM = 3.0  # times what suits a layer: beyond, its starting weights are changed
_LONG = 1e5  # from which on a number is typed with an exponent


def typed(value: float) -> str:
    """A number of two digits as a person types it."""
    text = repr(float(f"{value:.2g}")) if value < _LONG else f"{value:.1e}".replace(".0e", "e")
    return text.replace("e-0", "e-").replace("e+0", "e").replace("e+", "e")


def weight_change(link: dict[str, object], weights: np.ndarray) -> str | None:
    """What makes a layer's starting weights suit it; None where they do."""
    fan_in, units = int(str(link["columns"])), link["units"]
    wanted = np.sqrt((2 if link["activation"] in {"relu", "leaky_relu"} else 1) / fan_in)
    mean, size = float(np.mean(weights)), float(np.sqrt(np.mean(weights**2)))
    if not np.isfinite(size):
        return None
    if np.ptp(weights) == 0:
        return f"np.random.default_rng({fan_in}).normal(0, {typed(wanted)}, np.shape({{0}}))"
    offset = abs(mean) > 2 * float(np.std(weights)) / np.sqrt(weights.size) and weights.size > 4
    shift = (
        f" {'-' if mean > 0 else '+'} {typed(abs(mean))}"
        if offset and abs(mean) > 0.5 * size
        else ""
    )
    spread = float(np.std(weights)) if shift else size
    factor = wanted / spread
    if 1 / _ROOM < factor < _ROOM and not shift:
        return None
    if units == 1 and factor > 1 and not shift:
        return None  # a small last layer costs little
    return f"({{}}{shift}) * {typed(factor)}"
