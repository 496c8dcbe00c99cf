"""What the network of a run can reach: the reference fit from its start, its end and elsewhere."""

from collections.abc import Callable

import numpy as np

from nndiag.analysis.reference_fit import ReferenceFit, reference_fit
from nndiag.arrays import FloatArray
from nndiag.experiment import experiment_of
from nndiag.experiment.building import Built, initial_parameters
from nndiag.nn.initializers import INITIALIZERS
from nndiag.nn.network import examples

START, END = "start", "end"
REFERENCE_SECONDS = 1.0
"""Work that the commands spend on a run that ended badly, in seconds of an ordinary core."""

_SEEDS = (1000, 2000)  # added to the config's own
_SUITED_SEEDS = (3000, 4000)
_BOUNDED = frozenset({"tanh", "sigmoid", "linear", "softmax"})


def reference_of(
    built: Built,
    parameters: FloatArray,
    *,
    seconds: float,
    told: Callable[[int, int], None] = lambda done, total: None,
) -> ReferenceFit:
    """The best that a strong optimizer finds for the network of a run.

    Besides the run's own start and end it begins at other seeds, and at weights and biases that
    suit the activations, whatever the config's are: what it misses from there as well is out of
    the network's reach, however badly the run began.

    Args:
        built: The experiment.
        parameters: Where the run ended, shape (P,).
        seconds: Work to spend, in seconds of an ordinary core.
        told: Called before each start, with how many are done and how many there are.
    """
    data = examples(built.shape, *built.training)
    starts = {END: parameters, **reference_starts(built)}
    return reference_fit(built.shape, starts, data, seconds=seconds, told=told)


def reference_starts(built: Built) -> dict[str, FloatArray]:
    """Where a fit begins besides the end of a run: name → parameters (P,)."""
    config = experiment_of(built.settings).config
    starts = {START: built.parameters}
    for shift in _SEEDS:
        seed = config.seed + shift
        starts[f"seed {seed}"] = initial_parameters(config, built.shape, seed=seed)
    for shift in _SUITED_SEEDS:
        starts[f"suited {config.seed + shift}"] = _suited(built, seed=config.seed + shift)
    return starts


def _suited(built: Built, *, seed: int) -> FloatArray:
    """Glorot's weights for bounded activations, He's for others, and no biases, shape (P,)."""
    rng = np.random.default_rng(seed)
    parameters = np.zeros(built.shape.size)
    parts = built.shape.weights_and_biases(parameters)
    for activation, (weights, _) in zip(built.activation_names, parts, strict=True):
        name = "glorot_normal" if activation in _BOUNDED else "he_normal"
        weights[...] = INITIALIZERS.get(name)()(rng, *weights.shape)
    return parameters
