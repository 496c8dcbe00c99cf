"""What the detector says; when it fires stands in `test_unit_shares`."""

import numpy as np

from nndiag.detectors import run
from nndiag.finding import Severity

LAYERS = ((10, "tanh"), (10, "tanh"), (1, "linear"))


def test_names_the_layer_and_the_share_of_its_units(curves, make_trace):
    shares = np.tile([0.0, 0.9, 0.0], (10, 1))
    trace = make_trace(curves["stuck"], layers=LAYERS, series={"saturated_share": shares})
    (finding,) = run("saturated-units", trace)
    assert (finding.severity, finding.layer) == (Severity.ERROR, "layer2")
    assert finding.message == "90 % of the units of layer2 are saturated, from the start"
