"""`gradient-clipped-too-hard`: clipping takes nearly all of each step."""

import numpy as np
import pytest

from nndiag.detectors import run
from nndiag.finding import Severity, Skipped

PROBLEM = "gradient-clipped-too-hard"


def made(make_trace, losses, *, clip=0.01, gradient=3.0, step=1e-4, optimizer="sgd"):
    """Two layers with gradients of 3 : 4, so that both together have 5/3 of the first."""
    facts = {"settings": {"optimizer": {"clip_norm": clip}}, "optimizer": optimizer}
    series = {
        "gradient_norm": np.tile([gradient, gradient * 4 / 3], (len(losses), 1)),
        "update_ratio": np.full((20, 2), step),
    }
    return make_trace(losses, facts=facts, series=series)


def test_fires_where_each_step_is_cut_to_a_small_part(curves, make_trace):
    (finding,) = run(PROBLEM, made(make_trace, curves["stuck"]))
    assert finding.severity is Severity.ERROR
    assert finding.message == (
        "each step's gradient is clipped to 0.01, typically 1/500 of its length: "
        "the run moves as if its learning rate were 500 times smaller"
    )


@pytest.mark.parametrize(("clip", "fires"), [(0.49, True), (0.51, False)])
def test_a_tenth_of_the_gradient_is_its_boundary(clip, fires, curves, make_trace):
    assert bool(run(PROBLEM, made(make_trace, curves["stuck"], clip=clip))) is fires


def test_is_silent_where_the_weights_moved(curves, make_trace):
    assert run(PROBLEM, made(make_trace, curves["stuck"], step=0.1)) == []


@pytest.mark.parametrize("shape", ["learned", "exploded"])
def test_is_silent_in_a_run_that_learned_or_diverged(shape, curves, make_trace):
    assert run(PROBLEM, made(make_trace, curves[shape])) == []


def test_is_skipped_where_nothing_is_clipped(curves, make_trace):
    found = run(PROBLEM, made(make_trace, curves["stuck"], clip=None))
    assert found == Skipped(PROBLEM, "nothing is clipped")


def test_is_skipped_where_the_steps_are_scaled_anyway(curves, make_trace):
    found = run(PROBLEM, made(make_trace, curves["stuck"], optimizer="adam"))
    assert found == Skipped(PROBLEM, "adam scales its steps by the gradients")
