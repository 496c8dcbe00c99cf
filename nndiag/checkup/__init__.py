"""THE CHECK-UP: what is worth looking at before any training, each a function of a `Patient`.

May import `detectors`, `training`, `analysis` and what lies below them.

To add a check: a function `(patient) → Check` in the file of its kind, and its name in `CHECKS`.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace

from nndiag.checkup.contract import Check, Checkup, Patient, Sample, Status
from nndiag.checkup.data import contradictions, input_scales, output_range, reach, target_scales
from nndiag.checkup.fits import handful, learned_by_heart, signal
from nndiag.checkup.start import (
    all_move,
    at_start,
    gradient,
    moving_parameters,
    rate,
    starting_loss,
)
from nndiag.experiment import Experiment

__all__ = [
    "CHECKS",
    "SAMPLE_CHECKS",
    "Check",
    "Checkup",
    "Patient",
    "Sample",
    "Status",
    "all_move",
    "at_start",
    "checkup",
    "in_order",
    "learned_by_heart",
    "reach",
]

SAMPLE_CHECKS: dict[str, Callable[[Sample], Check]] = {
    "data": contradictions,
    "input scales": input_scales,
    "target scales": target_scales,
}
"""Those that look at the examples alone."""


def _of_sample(name: str) -> Callable[[Patient], Check]:
    return lambda patient: SAMPLE_CHECKS[name](patient.sample)


CHECKS: dict[str, Callable[[Patient], Check]] = {
    **{name: _of_sample(name) for name in SAMPLE_CHECKS},
    "output range": output_range,
    "loss at the start": starting_loss,
    "parameters move": moving_parameters,
    "gradient": gradient,
    "learning rate": rate,
    "a handful can be learned": handful,
    "there is something to learn": signal,
}
"""Name → check, in the order in which a fault in one makes the next ones pointless."""


_BAD = (Status.WARNING, Status.FAILED)
_FITS = ("a handful can be learned", "there is something to learn")


def checkup(
    experiment: Experiment, *, notice: Callable[[str], None] = lambda text: None
) -> Checkup:
    """Look at a config before it is trained.

    Args:
        experiment: The config.
        notice: Told what is being looked at.

    Raises:
        NndiagError: The config cannot be built.
    """
    patient = Patient.of(experiment)
    checks = []
    for name, check in CHECKS.items():
        notice(name)
        checks.append(check(patient))
    return Checkup(experiment.config.name, patient.layout, tuple(in_order(checks)))


def in_order(checks: list[Check]) -> Iterator[Check]:
    """What cannot be learned is no news below a fault that explains it."""
    explained = any(check.status is Status.FAILED for check in checks if check.name not in _FITS)
    explained |= any(check.problem == "unscaled-inputs" for check in checks)
    for check in checks:
        if explained and check.name in _FITS and check.status in _BAD:
            yield replace(check, remedy="first what stands above", problem=None)
        else:
            yield check
