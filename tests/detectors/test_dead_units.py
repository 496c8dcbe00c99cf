"""What the detector says; when it fires stands in `test_unit_shares`."""

import numpy as np

from nndiag.detectors import course_of, run
from nndiag.finding import Outcome, Severity

LAYERS = ((10, "relu"), (10, "relu"), (1, "linear"))


def test_names_the_layer_and_the_share_of_its_units(curves, make_trace):
    shares = np.tile([0.0, 0.9, 0.0], (10, 1))
    trace = make_trace(curves["stuck"], layers=LAYERS, series={"dead_share": shares})
    (finding,) = run("dead-units", trace)
    assert (finding.severity, finding.layer) == (Severity.ERROR, "layer2")
    assert (
        finding.message == "90 % of the units of layer2 are zero on every example, from the start"
    )


def test_a_run_whose_layer_is_dead_and_worse_than_a_constant_does_not_improve(make_trace):
    losses = 1.05 + 3 * np.arange(1, 201) ** -0.3  # the biases still fall towards the mean
    series = {"dead_share": [[0.0, np.nan]] * 2 + [[1.0, np.nan]] * 8}
    layers = ((10, "relu"), (1, "linear"))
    dead = course_of(make_trace(losses, layers=layers, series=series))
    assert dead.outcome is not Outcome.IMPROVING
    alive = {"dead_share": [[0.9, np.nan]] * 10}
    assert course_of(make_trace(losses, layers=layers, series=alive)).outcome is Outcome.IMPROVING
