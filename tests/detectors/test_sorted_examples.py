import numpy as np
import pytest

from nndiag.detectors import course_of, run
from nndiag.detectors.order import share_between_stretches
from nndiag.finding import Severity, Skipped

PROBLEM = "sorted-examples"
CLASSES = np.repeat([0.0, 1.0], 32)[:, None]
SHUFFLED = np.random.default_rng(0).permutation(CLASSES)


def made(make_trace, *, seen=0.4, everywhere=0.9, order="sequential", swing=0.0, **facts):
    """A run of 25 epochs in batches at loss `seen`, with `everywhere` over all examples.

    Its mean prediction jumps up and down by `swing`.
    """
    settings = {"training": {"order": order}}
    facts = {"targets": CLASSES, "batch_size": 8, "settings": settings, **facts}
    means = 0.5 + 0.5 * swing * (-1.0) ** np.arange(40)
    series = {"training_loss": np.broadcast_to(everywhere, 40), "prediction_mean": means}
    ending = {"loss": series["training_loss"][-1]}
    return make_trace(np.broadcast_to(seen, 200), facts=facts, series=series, ending=ending)


def test_fires_where_the_steps_know_their_own_stretch_only(make_trace):
    (finding,) = run(PROBLEM, made(make_trace))
    assert finding.severity is Severity.ERROR
    assert finding.message == (
        "the examples are sorted and not shuffled: 100 % of the targets' variance lies between "
        "steps, not within them; the last epoch's batches were at loss 0.4, all examples are at 0.9"
    )


def test_fires_where_the_predictions_follow_what_came_last(make_trace):
    (finding,) = run(PROBLEM, made(make_trace, seen=0.9, swing=0.2))
    assert finding.message == (
        "the examples are sorted and not shuffled: 100 % of the targets' variance lies between "
        "steps, not within them; the mean prediction jumps by 0.4 × the targets' std, to "
        "what came last"
    )


@pytest.mark.parametrize(("swing", "fires"), [(0.074, False), (0.076, True)])
def test_a_jump_of_a_seventh_of_the_deviation_is_its_boundary(swing, fires, make_trace):
    # The deviation of as many zeros as ones is 0.5: 0.15 × 0.5 = 0.075. Second differences of
    # swings are twice the first ones, over √3 still larger: the first ones count.
    assert bool(run(PROBLEM, made(make_trace, seen=0.9, swing=swing))) is fires


@pytest.mark.parametrize(("rise", "fires"), [(0.27, False), (0.33, True)])
def test_fires_where_the_loss_depends_on_where_in_the_order_it_is_measured(rise, fires, make_trace):
    # From record to record by `rise` around 0.9; a third of the level, 0.3, is 0.27 of it.
    losses = 0.9 * (1 + 0.5 * rise * (-1.0) ** np.arange(40))
    assert bool(run(PROBLEM, made(make_trace, seen=0.9, everywhere=losses))) is fires


def test_such_a_run_is_judged_by_the_loss_over_all_examples(make_trace):
    assert course_of(made(make_trace)).r_squared == pytest.approx(0.1)  # 1 − 0.9


@pytest.mark.parametrize("targets", [SHUFFLED, np.tile([[0.0], [1.0]], (32, 1))])
def test_stays_silent_where_the_file_is_in_no_such_order(targets, make_trace):
    assert run(PROBLEM, made(make_trace, targets=targets)) == []


def test_stays_silent_where_an_epoch_teaches_as_much_as_all_examples(make_trace):
    assert run(PROBLEM, made(make_trace, seen=0.9)) == []


def test_stays_silent_in_a_run_that_learned(make_trace):
    assert run(PROBLEM, made(make_trace, seen=0.01, everywhere=0.05)) == []


def test_stays_silent_where_the_loss_ran_away(make_trace):
    seen, everywhere = np.geomspace(1.0, 50.0, 200), np.geomspace(1.0, 90.0, 40)
    trace = made(make_trace, seen=seen, everywhere=everywhere)
    assert course_of(trace).growth is not None
    assert run(PROBLEM, trace) == []


@pytest.mark.parametrize(("seen", "fires"), [(0.539, True), (0.541, False)])
def test_three_fifths_of_the_loss_are_its_boundary(seen, fires, make_trace):
    assert bool(run(PROBLEM, made(make_trace, seen=seen))) is fires  # 0.6 × 0.9 = 0.54


def test_the_loss_of_a_summed_epoch_is_a_sum(make_trace):
    # 8 batches of 0.1 are a sum of 0.8 over all examples: as much as they are at in the end.
    assert run(PROBLEM, made(make_trace, seen=0.1, everywhere=0.8))
    assert run(PROBLEM, made(make_trace, seen=0.1, everywhere=0.8, reduction="sum")) == []


@pytest.mark.parametrize("changed", [{"order": "shuffled"}, {"batch_size": 64}])
def test_is_skipped_where_no_step_follows_the_file(changed, make_trace):
    reason = "no step goes through a part of the examples in their own order"
    assert run(PROBLEM, made(make_trace, **changed)) == Skipped(PROBLEM, reason)


def test_the_share_between_stretches_is_that_of_an_analysis_of_variance(make_trace):
    # Stretches (0, 0), (0, 1), (1, 1), of variance 0, ½, 0: within ½ / 3; all: 1.5 / 5.
    targets = np.array([0.0, 0.0, 0.0, 1.0, 1.0, 1.0])[:, None]
    trace = made(make_trace, targets=targets, batch_size=1)
    assert share_between_stretches(trace) == pytest.approx(1 - (0.5 / 3) / (1.5 / 5))


def test_targets_that_rise_are_sorted_too(make_trace):
    trace = made(make_trace, targets=np.arange(64.0)[:, None], batch_size=1)
    assert run(PROBLEM, trace)


@pytest.mark.parametrize(
    ("early", "fires"),
    [
        (np.r_[np.linspace(0.5, 0.34, 8), np.linspace(0.34, 0.5, 8)], True),
        (np.r_[np.linspace(0.5, 0.36, 8), np.linspace(0.36, 0.5, 8)], False),  # 0.3 · 0.5 is 0.15
        (np.linspace(0.9, 0.5, 16), False),  # there, and not back
    ],
)
def test_what_the_first_epochs_have_killed_follows_nothing_any_more(early, fires, make_trace):
    """Two epochs of eight steps, in which the mean prediction goes with the classes."""
    trace = made(make_trace, seen=0.9)
    series = {"training_loss": np.full(40, 0.9), "prediction_mean": np.r_[early, np.full(184, 0.5)]}
    facts = {"targets": CLASSES, "batch_size": 8, "settings": trace.facts.settings}
    trace = make_trace(np.full(200, 0.9), facts=facts, series=series, ending={"loss": 0.9})
    assert bool(run(PROBLEM, trace)) is fires
