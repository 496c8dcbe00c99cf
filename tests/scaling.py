"""A run as it would have been with its loss multiplied and its learning rate divided."""

import dataclasses

from nndiag.diagnosis import diagnose
from nndiag.trace import Series

POWERS = {
    "training_loss": 1, "validation_loss": 1, "gradient_norm": 1, "full_gradient_norm": 1,
    "sharpness": 1, "learning_rate": -1,
}  # fmt: skip


def scaled(trace, by):
    """The same run with its loss multiplied and its learning rate divided by a constant."""
    known, end = trace.facts, trace.ending

    def times(value):
        return None if value is None else value * by

    def over(value):
        return None if value is None else value / by

    optimizer = dict(known.settings.get("optimizer") or {})
    optimizer |= {name: times(optimizer.get(name)) for name in ("weight_decay", "clip_norm")}

    return dataclasses.replace(
        trace,
        loss=trace.loss * by,
        series={
            name: Series(item.steps, item.values * by ** POWERS.get(name, 0))
            for name, item in trace.series.items()
        },
        facts=dataclasses.replace(
            known,
            settings={**known.settings, "optimizer": optimizer},
            baseline_loss=times(known.baseline_loss),
            initial_sharpness=times(known.initial_sharpness),
            learning_rate=over(known.learning_rate),
            stability_limit=over(known.stability_limit),
            noise_limit=over(known.noise_limit),
        ),
        ending=None
        if end is None
        else dataclasses.replace(
            end,
            loss=end.loss * by,
            newton_decrement=times(end.newton_decrement),
            reference_loss=times(end.reference_loss),
            reference_loss_from_end=times(end.reference_loss_from_end),
            smallest_eigenvalue=times(end.smallest_eigenvalue),
            largest_eigenvalue=times(end.largest_eigenvalue),
        ),
    )


def verdict(trace):
    """What must not depend on the scale of the loss."""
    diagnosis = diagnose(trace)
    found = [(x.problem, x.severity, x.layer) for x in diagnosis.findings]
    cause = diagnosis.cause.finding.problem if diagnosis.cause else None
    return diagnosis.outcome, cause, found, diagnosis.not_checked
