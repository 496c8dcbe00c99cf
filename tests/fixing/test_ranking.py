"""Which remedies come first, and which go together."""

from dataclasses import replace

import numpy as np

from nndiag.finding import Cause, Confidence, Finding, Outcome, Severity
from nndiag.fixing import Trial, TrialOutcome
from nndiag.fixing.ranking import bundle, by_size, near_the_best, recipe, worth_combining
from nndiag.remedies.advice import compatible


def with_findings(run, *problems, outcome=Outcome.STALLED):
    findings = tuple(Finding(problem, Severity.ERROR, "") for problem in problems)
    cause = Cause(findings[0], Confidence.LIKELY) if findings else None
    return replace(
        run, diagnosis=replace(run.diagnosis, outcome=outcome, findings=findings, cause=cause)
    )


def trial_of(verdict, *names, run=None):
    return Trial(names, {}, run, verdict)


def test_of_a_group_only_the_first_is_kept():
    names = ("tanh-units", "relu-units", "adam", "larger-rate", "biases")
    assert compatible(names) == ("tanh-units", "adam", "biases")


def test_what_helped_comes_before_what_is_suggested(healthy):
    trials = [
        trial_of(TrialOutcome.HELPS, "biases", run=replace(healthy, score=0.2)),
        trial_of(TrialOutcome.HELPS, "adam", run=replace(healthy, score=0.6)),
        trial_of(TrialOutcome.NO_EFFECT, "relu-units"),
    ]
    assert worth_combining(trials, ["tanh-units", "biases"]) == ["adam", "biases", "tanh-units"]


def test_a_gamble_is_put_into_the_first_combination_only_if_it_helped(healthy):
    suggested = ["standardized-inputs", "larger-rate", "more-steps"]
    assert bundle([], suggested) == ("standardized-inputs",)
    helped = [trial_of(TrialOutcome.HELPS, "larger-rate", run=healthy)]
    assert set(bundle(helped, suggested)) == {"standardized-inputs", "larger-rate"}


def test_the_recipe_takes_one_of_each_group():
    names = ["linear-output", "fitting-loss", "adam", "tanh-units", "another-seed"]
    assert recipe(names) == ("fitting-loss", "tanh-units", "adam")


def test_the_smallest_cure_has_fewest_remedies_then_the_one_against_the_cause(healthy):
    baseline = with_findings(healthy, "unscaled-inputs")
    two = trial_of(TrialOutcome.CURES, "biases", "tanh-units", run=healthy)
    other = trial_of(TrialOutcome.CURES, "smaller-rate", run=healthy)
    aimed = trial_of(TrialOutcome.CURES, "standardized-inputs", run=healthy)
    none = trial_of(TrialOutcome.HELPS, "relu-units", run=healthy)
    assert by_size([two, none, other, aimed], baseline) == [aimed, other, two]


def test_a_cure_far_from_the_best_one_is_none(healthy):
    def cure(name, score):
        return trial_of(TrialOutcome.CURES, name, run=replace(healthy, score=score))

    far, near, best = cure("smaller-rate", 0.65), cure("adam", 0.92), cure("wider-layers", 0.95)
    assert near_the_best([far, near, best]) == [near, best]
    assert near_the_best([far]) == [far]  # nothing better is known


def test_few_validation_examples_do_not_tell_cures_apart(healthy):
    def cure(name, score, *, validation):
        built = replace(healthy.built, validation=(np.zeros((validation, 1)),) * 2)
        return trial_of(TrialOutcome.CURES, name, run=replace(healthy, score=score, built=built))

    for count, kept in ((50, 2), (5_000, 1)):  # the best is off by 2·0.38·√(2/50) = 0.15, or 0.015
        scaled = cure("standardized-inputs", 0.5, validation=count)
        slower = cure("smaller-rate", 0.62, validation=count)
        assert len(near_the_best([slower, scaled])) == kept


def test_noise_that_is_known_by_heart_makes_no_cure_better(exploding):
    """A quarter is noise: an error below it is learned by heart, where that is possible.

    The network of the fixture has 61 parameters and 50 numbers to fit.
    """
    assert exploding.could_know_by_heart
    by_heart = trial_of(TrialOutcome.CURES, "wider-layers", run=replace(exploding, score=0.99))
    plain = trial_of(TrialOutcome.CURES, "adam", run=replace(exploding, score=0.72))
    converged = [
        replace(x, run=with_findings(x.run, outcome=Outcome.CONVERGED)) for x in (by_heart, plain)
    ]
    assert near_the_best(converged, noise=0.25) == converged
    assert near_the_best(converged) == converged[:1]
