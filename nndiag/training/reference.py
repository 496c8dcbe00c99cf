"""What the network of a run can reach: the reference fit from its start, its end and elsewhere."""

from nndiag.analysis.reference_fit import ReferenceFit, reference_fit
from nndiag.experiment import experiment_of
from nndiag.experiment.building import Built, initial_parameters
from nndiag.nn.network import examples
from nndiag.trace import FloatArray

START, END = "start", "end"
REFERENCE_SECONDS = 1.0
"""Work that the commands spend on a run that ended badly, in seconds of an ordinary core."""

_SEEDS = (1000, 2000, 3000, 4000)  # added to the config's own


def reference_of(built: Built, parameters: FloatArray, *, seconds: float) -> ReferenceFit:
    """The best that a strong optimizer finds for the network of a run.

    Args:
        built: The experiment.
        parameters: Where the run ended, shape (P,).
        seconds: Work to spend, in seconds of an ordinary core.
    """
    config = experiment_of(built.settings).config
    starts = {END: parameters, START: built.parameters}  # the end in any case, see `reference_fit`
    for shift in _SEEDS:
        seed = config.seed + shift
        starts[f"seed {seed}"] = initial_parameters(config, built.shape, seed=seed)
    data = examples(built.shape, *built.training)
    return reference_fit(built.shape, starts, data, seconds=seconds)
