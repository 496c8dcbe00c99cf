import numpy as np
import pytest

from nndiag.detectors import run
from nndiag.detectors.unscaled_inputs import scale_fault
from nndiag.finding import Severity, Skipped

PROBLEM = "unscaled-inputs"
UNIT = np.linspace(-1.0, 1.0, 64)


def inputs(*columns):
    return {"inputs": np.column_stack(columns), "targets": np.sign(UNIT)[:, None]}


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ((7.5 + 7.5 * UNIT,), "inputs are large"),
        ((1e-3 * UNIT,), "inputs are tiny"),
        ((UNIT, 0.02 * UNIT), "differ by a factor of 50"),
        ((2 + 0.1 * UNIT,), "std from 0"),
    ],
)
def test_fires_on_each_kind_of_scale_in_a_run_that_did_not_learn(
    columns, words, curves, make_trace
):
    (finding,) = run(PROBLEM, make_trace(curves["stuck"], facts=inputs(*columns)))
    assert finding.severity is Severity.ERROR
    assert words in finding.message


@pytest.mark.parametrize("shape", ["learned", "falling"])
def test_stays_silent_in_a_run_that_learns(shape, curves, make_trace):
    assert run(PROBLEM, make_trace(curves[shape], facts=inputs(100 * UNIT))) == []


@pytest.mark.parametrize(
    "columns",
    [
        (np.pi * UNIT,),
        (UNIT, np.full(64, 50.0)),
        (9 + (UNIT > 0),),
        (UNIT, UNIT**2, 0.5 + 0.05 * UNIT),  # one of three off centre, none of them large
    ],
)
def test_stays_silent_on_moderate_constant_and_indicator_columns(columns, curves, make_trace):
    assert run(PROBLEM, make_trace(curves["stuck"], facts=inputs(*columns))) == []


@pytest.mark.parametrize("column", [300 + (UNIT > 0), 0.001 * (UNIT > 0)])
def test_fires_on_two_values_that_no_indicator_has(column, curves, make_trace):
    assert run(PROBLEM, make_trace(curves["stuck"], facts=inputs(column)))


@pytest.mark.parametrize(("size", "fires"), [(2.99, False), (3.01, True)])
def test_the_size_is_its_boundary(size, fires, curves, make_trace):
    column = size * UNIT / np.sqrt(np.mean(UNIT**2))
    assert bool(run(PROBLEM, make_trace(curves["stuck"], facts=inputs(column)))) is fires


def test_is_skipped_without_inputs(curves, make_trace):
    result = run(PROBLEM, make_trace(curves["stuck"], facts={"inputs": None}))
    assert result == Skipped(PROBLEM, "the trace has no inputs")


def test_is_skipped_where_the_first_layer_is_normalised(curves, make_trace):
    settings = {"network": {"layers": [{"units": 4, "batch_norm": True}, {"units": 1}]}}
    facts = {**inputs(100 * UNIT), "settings": settings}
    assert isinstance(run(PROBLEM, make_trace(curves["stuck"], facts=facts)), Skipped)


def test_pixels_that_are_seldom_on_share_the_unit_of_the_others():
    rng = np.random.default_rng(0)
    ink = rng.uniform(0, 1, (200, 4))
    edge = np.where(np.arange(200) % 67 == 0, 1 / 16, 0.0) * rng.integers(1, 3, 200)
    assert scale_fault(np.column_stack([ink, edge])) is None
    assert scale_fault(np.column_stack([ink, 0.005 * ink[:, ::-1]])) is not None
