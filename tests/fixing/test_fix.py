"""The whole search on small failing configs: the cure, its proof, its limits."""

from dataclasses import replace

import numpy as np
import pytest

from nndiag.analysis.reference_fit import Limit
from nndiag.finding import Confidence, Outcome
from nndiag.fixing import TrialOutcome, confirm, fix, measured
from nndiag.fixing.budget import Budget
from nndiag.fixing.procedure import _beyond_heart
from nndiag.fixing.search import found, winner_of
from nndiag.fixing.trial_runner import TrialRunner
from nndiag.remedies.advice import advised
from tests.fixing.conftest import EXPLODING, HEALTHY, PLENTY, TANH_ON_A_LINE, experiment_from


def trial_of(found, *names):
    (trial,) = [trial for trial in found.trials if set(trial.remedies) == set(names)]
    return trial


def test_a_rate_above_the_limit_is_cured_by_one_below(exploding_fix):
    assert exploding_fix.baseline.diagnosis.outcome is Outcome.DIVERGED
    assert exploding_fix.winner.trial.remedies == ("rate-below-limit",)
    assert list(exploding_fix.winner.trial.changes) == ["optimizer"]
    assert exploding_fix.winner.trial.run.good


def test_the_failure_is_reproduced_from_another_seed(exploding_fix):
    control = exploding_fix.control
    assert control.needs_cure
    assert not np.array_equal(control.built.parameters, exploding_fix.baseline.built.parameters)
    np.testing.assert_array_equal(
        control.built.training[1], exploding_fix.baseline.built.training[1]
    )


def test_the_winner_holds_for_other_seeds(exploding_fix):
    assert exploding_fix.winner.held == len(exploding_fix.winner.seeds) == 2
    starts = [run.built.parameters for run in exploding_fix.winner.seeds]
    assert not np.array_equal(*starts)


def test_a_cure_against_the_cause_confirms_it(exploding_fix):
    cause = exploding_fix.diagnosis.cause
    assert cause.finding.problem == "learning-rate-above-stability-limit"
    assert cause.confidence is Confidence.CONFIRMED
    assert exploding_fix.baseline.diagnosis.cause.confidence is Confidence.LIKELY


def test_what_is_suggested_is_tried_first(exploding_fix):
    assert exploding_fix.trials[0].remedies == ("rate-below-limit",)


def test_the_floor_of_a_tanh_is_the_network_s_and_a_linear_output_removes_it(tanh_fix):
    assert tanh_fix.reference.limit is Limit.MODEL
    # an independent program ends at half a sum of squares of 0.0282128
    assert tanh_fix.reference.fit.loss == pytest.approx(0.0282128, rel=1e-4)
    assert tanh_fix.winner.trial.remedies == ("linear-output",)
    assert tanh_fix.winner.trial.run.loss < 1e-12
    assert trial_of(tanh_fix, "adam").verdict is TrialOutcome.NO_EFFECT


def test_without_anything_random_there_is_no_control(tanh_fix):
    assert tanh_fix.control is None
    assert tanh_fix.winner.seeds == ()


def test_a_changed_loss_is_judged_on_the_common_scale(tanh_fix):
    # the mean of 20 squares is a twentieth of their sum; its run is slower and fits worse
    trial = trial_of(tanh_fix, "mean-loss")
    assert trial.run.loss < 0.5 * tanh_fix.baseline.loss
    assert trial.run.error > 2 * tanh_fix.baseline.error
    assert trial.verdict is TrialOutcome.HARMS


def test_two_faults_are_cured_by_two_changes_and_each_is_needed(two_faults_fix):
    winner = two_faults_fix.winner
    assert len(winner.trial.remedies) == 2
    assert "linear-output" in winner.trial.remedies
    assert winner.unproven == ()
    for name in winner.trial.remedies:
        assert not trial_of(two_faults_fix, name).cures


def test_nothing_is_tried_on_a_healthy_config():
    found = fix(experiment_from(HEALTHY))
    assert found.healthy
    assert found.trials == ()
    assert found.winner is None
    assert found.reference is None


def test_no_setting_is_tried_against_noise_that_nothing_explains():
    noise = {"name": "sine", "samples": 200, "inputs": "uniform", "noise": 10.0}
    network = {"layers": [{"units": 3, "activation": "tanh"}, {"units": 1}]}
    found = fix(
        experiment_from(HEALTHY, dataset=noise, network=network, optimizer={"learning_rate": 0.05})
    )
    assert found.in_the_data
    assert found.diagnosis.cause.finding.problem == "nothing-to-learn"
    assert found.trials == ()
    assert found.winner is None


def test_noise_that_the_network_could_learn_by_heart_is_still_noise(tmp_path):
    # 85 parameters for 120 examples of five random inputs and a random target
    np.savetxt(
        tmp_path / "noise.csv", np.random.default_rng(0).normal(size=(120, 6)), delimiter=","
    )
    layers = [{"units": 12, "activation": "tanh"}, {"units": 1}]
    dataset = {"name": "csv", "path": str(tmp_path / "noise.csv")}
    found = fix(
        experiment_from(
            HEALTHY, dataset=dataset, network={"layers": layers}, optimizer={"learning_rate": 0.05}
        )
    )
    assert found.reference.fit.r_squared > 0.5
    assert found.in_the_data
    assert found.winner is None


@pytest.mark.parametrize(
    ("r_squared", "beyond"),
    [(1.0, 1.0), (0.9, 0.5), (0.8, 0.0), (0.4, -2.0)],
)
def test_a_r_squared_counts_beyond_what_shuffled_targets_let_learn_by_heart(r_squared, beyond):
    assert _beyond_heart(r_squared, by_heart=0.8) == pytest.approx(beyond)


def test_a_network_that_learns_all_shuffled_targets_by_heart_proves_nothing():
    assert _beyond_heart(1.0, by_heart=1.0) == 0.0


def test_a_cure_that_no_other_seed_bears_out_proves_nothing(exploding_fix):
    assert exploding_fix.winner.holds
    assert not replace(exploding_fix.winner, held=0).holds
    assert replace(exploding_fix.winner, seeds=(), held=0).holds  # nothing else was tried


def test_without_time_nothing_is_tried_and_that_is_told():
    found = fix(experiment_from(EXPLODING), seconds=0.0)
    assert found.winner is None
    assert found.trials
    assert all(trial.run is None and trial.reason == "beyond the budget" for trial in found.trials)


def test_the_time_is_kept():
    long = experiment_from(TANH_ON_A_LINE, training={"steps": 40_000})
    found = fix(long, seconds=3 * measured(long).seconds)
    spent = sum(trial.run.seconds for trial in found.trials if trial.run is not None)
    # the clock is looked at ten times a second, and a run may end just before its deadline
    assert spent <= 1.5 * found.budget
    assert any(trial.run is None for trial in found.trials)


def test_ctrl_c_keeps_what_is_known():
    told = []

    def notice(text):
        told.append(text)
        if text == "smaller-rate":
            raise KeyboardInterrupt

    found = fix(experiment_from(EXPLODING), seconds=PLENTY, notice=notice)
    assert found.interrupted
    assert found.winner.trial.remedies == ("rate-below-limit",)
    assert found.winner.seeds == ()
    assert all("smaller-rate" not in trial.remedies for trial in found.trials)


def test_the_same_search_twice_gives_the_same_numbers(tanh_fix):
    again = fix(experiment_from(TANH_ON_A_LINE), seconds=PLENTY)
    assert [trial.remedies for trial in again.trials] == [x.remedies for x in tanh_fix.trials]
    assert [trial.run.loss for trial in again.trials] == [x.run.loss for x in tanh_fix.trials]


def test_confirming_tries_only_what_is_against_the_cause(exploding):
    told = []
    run = confirm(exploding, seconds=PLENTY, notice=told.append)
    assert run.diagnosis.cause.confidence is Confidence.CONFIRMED
    assert told == ["rate-below-limit"]
    assert run.trace is exploding.trace


def test_there_is_nothing_to_confirm_in_a_healthy_run(healthy):
    assert confirm(healthy, seconds=PLENTY) is healthy


def test_a_cure_that_no_other_seed_bears_out_is_searched_beyond(exploding, monkeypatch):
    # from the other seeds, every cure but the first one holds
    first = ("rate-below-limit",)

    def held_by(bench, trial, *, count):
        return (bench.baseline if trial.remedies == first else trial.run,) * count

    monkeypatch.setattr(TrialRunner, "other_seeds", held_by)
    bench = TrialRunner(exploding.experiment, exploding, Budget(np.inf, PLENTY, shown=0.0))
    bench.tried(first, until=1.0)
    assert not winner_of(bench).holds
    winner = found(bench)
    assert winner.holds
    assert winner.trial.cures
    assert winner.trial.remedies != first
    assert trial_of(bench, *first).verdict is TrialOutcome.HELPS


def test_where_no_cure_holds_the_first_is_told(exploding, monkeypatch):
    monkeypatch.setattr(
        TrialRunner, "other_seeds", lambda bench, trial, *, count: (bench.baseline,) * count
    )
    bench = TrialRunner(exploding.experiment, exploding, Budget(np.inf, PLENTY, shown=0.0))
    bench.tried(("rate-below-limit",), until=1.0)
    bench.budget.work = 0.0  # nothing more can be tried
    winner = found(bench)
    assert winner.trial.remedies == ("rate-below-limit",)
    assert not winner.holds


def test_what_the_budget_allows_later_is_no_longer_untried(exploding):
    bench = TrialRunner(exploding.experiment, exploding, Budget(np.inf, PLENTY, shown=0.0))
    assert bench.tried(("smaller-rate",), until=-1.0).run is None
    assert bench.tried(("smaller-rate",), until=1.0).run is not None
    assert [trial.remedies for trial in bench.trials] == [("smaller-rate",)]


@pytest.mark.parametrize("name", ["exploding_fix", "tanh_fix", "two_faults_fix"])
def test_what_train_suggests_first_is_what_fix_tries_first(name, request):
    fixed = request.getfixturevalue(name)
    advice = advised(fixed.baseline.diagnosis, fixed.baseline.trace)
    assert fixed.trials[0].remedies == (advice.suggested[0].remedy,)
