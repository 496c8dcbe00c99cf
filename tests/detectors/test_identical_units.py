import numpy as np
import pytest

from nndiag.detectors import run
from nndiag.finding import Severity, Skipped

PROBLEM = "identical-units"


def shares(*, start, end):
    return {"identical_share": np.column_stack([np.linspace(start, end, 10), np.zeros(10)])}


@pytest.mark.parametrize(
    ("shape", "severity"), [("stuck", Severity.ERROR), ("learned", Severity.NOTE)]
)
def test_fires_as_gravely_as_the_run_failed(shape, severity, curves, make_trace):
    (finding,) = run(PROBLEM, make_trace(curves[shape], series=shares(start=1.0, end=1.0)))
    assert (finding.severity, finding.layer) == (severity, "layer1")


@pytest.mark.parametrize(("start", "end"), [(0.0, 0.0), (1.0, 0.0), (0.0, 1.0)])
def test_stays_silent_without_a_lasting_symmetry(start, end, curves, make_trace):
    assert run(PROBLEM, make_trace(curves["stuck"], series=shares(start=start, end=end))) == []


@pytest.mark.parametrize(("share", "fires"), [(0.5, False), (0.6, True)])
def test_the_share_is_its_boundary(share, fires, curves, make_trace):
    trace = make_trace(curves["stuck"], series=shares(start=share, end=share))
    assert bool(run(PROBLEM, trace)) is fires


def test_is_skipped_without_a_hidden_layer_of_two_units(curves, make_trace):
    layers = ((1, "tanh"), (1, "linear"))
    trace = make_trace(curves["stuck"], layers=layers, series=shares(start=1.0, end=1.0))
    assert isinstance(run(PROBLEM, trace), Skipped)
