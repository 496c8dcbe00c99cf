"""Remedies that change how long is trained, and on which examples each step looks."""

from nndiag.remedies.contract import Case, Changes, remedy
from nndiag.training.schedule import batches_of, total_steps

_FEW_STEPS = 2_000
_LONGER, _MUCH_LONGER = 4, 10
_ENOUGH_STEPS = 5_000
_LARGER = 8
_PATIENT = 10  # epochs, at least


@remedy("shuffled-order", cures=["sorted-examples", "noisy-steps", "oscillating-loss"])
def shuffled_order(case: Case) -> Changes | None:
    """Deal the examples out in a new random order in each epoch.

    Source: LeCun et al. 1998, "Efficient BackProp", section 4.2.
    """
    if case.settings["training"]["order"] != "sequential" or batches_of(case.built).full:
        return None
    return {"training": {"order": "shuffled"}}


@remedy(
    "larger-batch",
    cures=["sorted-examples", "noisy-steps", "oscillating-loss"],
    price=3,
    blind=True,
)
def larger_batch(case: Case) -> Changes | None:
    """Eight times as many examples a step, at the same number of steps.

    Source: Smith et al. 2018, "Don't decay the learning rate, increase the batch size".
    """
    training, batches = case.settings["training"], batches_of(case.built)
    if batches.size >= batches.examples:
        return None
    size = _LARGER * batches.size
    changes = {"batch_size": "full" if size >= batches.examples else size}
    if "epochs" in training:
        factor = min(_LARGER, -(-batches.examples // batches.size))
        changes["epochs"] = training["epochs"] * factor
    return {"training": changes}


@remedy("early-stopping", cures=["overfitting"], blind=True)
def early_stopping(case: Case) -> Changes | None:
    """Stop where the validation loss is at its best.

    The weights are those of the epoch with the least validation loss, after which a twentieth of
    the epochs brought nothing better. It needs validation examples.

    Source: Prechelt 1998, "Early stopping, but when?".
    """
    if case.built.validation is None or case.built.early_stopping is not None:
        return None
    return {"training": {"early_stopping": {"patience": _patience(case)}}}


@remedy("more-patience", cures=["not-enough-steps"])
def more_patience(case: Case) -> Changes | None:
    """Wait ten times as many epochs for a better validation loss before stopping.

    At least ten, and a twentieth of all: one that is no better may be so by chance.

    Source: Prechelt 1998, "Early stopping, but when?", section 4 (slower criteria).
    """
    asked = case.built.early_stopping
    if asked is None:
        return None
    return {"training": {"early_stopping": {"patience": max(_patience(case), 10 * asked.patience)}}}


@remedy(
    "more-steps",
    cures=["not-enough-steps", "learning-rate-too-small", "stalled-convergence", "saddle-point"],
    price=3,
    blind=True,
)
def more_steps(case: Case) -> Changes | None:
    """Train longer: ten times and at least 5,000 steps; four times beyond 2,000 steps.

    Source: ours; a run that still falls is not finished.
    """
    total = total_steps(case.built)
    factor = _LONGER if total > _FEW_STEPS else max(_MUCH_LONGER, -(-_ENOUGH_STEPS // total))
    training = case.settings["training"]
    key = "epochs" if "epochs" in training else "steps"
    return {"training": {key: training[key] * factor}}


def _patience(case: Case) -> int:
    """A twentieth of the epochs, at least ten."""
    epochs = total_steps(case.built) // batches_of(case.built).steps_per_epoch
    return max(_PATIENT, epochs // 20)
