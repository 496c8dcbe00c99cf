"""What λ_max did in a run, told from the ratio of the rate to its stability limit."""

import numpy as np
import pytest

from nndiag.trace import Ending, Facts, Series, Stability, Trace
from nndiag.trace.stability_course import StabilityTrend, stability_course

RATE = 0.1
LIMIT = 2 / RATE  # λ_max at which the rate is at its stability limit


def run(*ratios, final=None, rates=None, **changed):
    """A run of 100 steps in which λ_max was these multiples of the limit, every tenth step."""
    steps = 10 * np.arange(len(ratios))
    sharpness = LIMIT * np.array(ratios)
    theory = {
        "sharpness": sharpness[0],
        "stability_limit": 2 / sharpness[0],
        "adaptive": False,
    } | changed
    series = {"sharpness": Series(steps, sharpness)}
    if rates is not None:
        series["learning_rate"] = Series(steps, RATE * np.array(rates))
    return Trace(
        np.arange(100),
        np.append(np.linspace(1.0, 0.5, 99), 0.5 if final is None else final),
        series,
        facts=Facts(
            learning_rate=RATE,
            initial_sharpness=sharpness[0],
            stability=Stability("2/λ_max", RATE, **theory),
        ),
    )


@pytest.mark.parametrize(
    ("ratios", "final", "course", "step"),
    [
        ((0.3, 0.7, 1.02, 0.98), None, StabilityTrend.SETTLED, 30),
        ((1.4, 1.1, 0.98), None, StabilityTrend.SETTLED, 20),
        ((1.5, 1.4, 0.7, 0.6), None, StabilityTrend.FLATTENED, 20),
        ((0.5, 0.8, 1.3, 2.0), np.inf, StabilityTrend.THROWN, 20),
        ((0.5, 0.4, 0.1), None, StabilityTrend.FELL, 20),
        ((0.1, 0.2, 0.4), None, StabilityTrend.ROSE, 20),
    ],
)
def test_tells_what_became_of_the_distance_to_the_limit(ratios, final, course, step):
    found = stability_course(run(*ratios, final=final))
    assert (found.course, found.step) == (course, step)
    assert found.ratio == pytest.approx(ratios[step // 10])
    assert found.sharpness == pytest.approx(LIMIT * ratios[step // 10])


@pytest.mark.parametrize(
    "trace",
    [
        run(0.5, 0.52, 0.48),
        run(0.5),
        run(2.0, 4.0, final=np.inf),  # above from the start: that has been said
        run(0.3, 0.5, final=np.inf),  # λ_max is not what threw it
        run(0.3, 1.0, adaptive=True),
        Trace(np.arange(3), np.ones(3)),
    ],
)
def test_stays_silent_where_nothing_moved_or_nothing_is_known(trace):
    assert stability_course(trace) is None


def test_a_rate_that_decays_leaves_its_limit():
    # λ_max doubles while the rate falls to a quarter: half as near to the stability limit as
    # before.
    found = stability_course(run(0.5, 0.7, 1.0, rates=(1.0, 0.5, 0.25)))
    assert found.course is StabilityTrend.FELL
    assert found.ratio == pytest.approx(0.25)
    assert found.stability_limit == pytest.approx(RATE / 4 / 0.25)


def test_the_end_of_the_run_counts_where_it_was_measured():
    trace = run(0.3, 0.5)
    ending = Ending("finished", 0.5, largest_eigenvalue=LIMIT)
    found = stability_course(Trace(trace.step, trace.loss, trace.series, facts=trace.facts,
                                   ending=ending))  # fmt: skip
    assert (found.course, found.step) == (StabilityTrend.SETTLED, 100)
