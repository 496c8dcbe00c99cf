"""A cause is confirmed, replaced or demoted only by what was tried."""

from dataclasses import replace

import pytest

from nndiag.finding import Cause, Confidence, Diagnosis, Finding, Outcome, Severity
from nndiag.fixing import Trial, TrialOutcome, confirmed

INPUTS = Finding("unscaled-inputs", Severity.ERROR, "inputs are large")
RATE = Finding("learning-rate-above-stability-limit", Severity.ERROR, "the rate is high")
STALLED = Finding("stalled-convergence", Severity.ERROR, "flat")
NOTE = Finding("missing-biases", Severity.NOTE, "no biases")


def diagnosis_of(cause, *findings):
    explains = tuple(finding for finding in findings if finding is not cause)
    return Diagnosis(
        Outcome.STALLED, Cause(cause, Confidence.LIKELY, explains), (cause, *findings), ()
    )


def trial_of(verdict, *names, run=True):
    run = object() if run else None
    return Trial(names, {}, run, verdict if run else None, None if run else "beyond the budget")


def test_a_cure_against_the_cause_confirms_it():
    cure = trial_of(TrialOutcome.CURES, "standardized-inputs")
    cause = confirmed(diagnosis_of(INPUTS, STALLED), cure=cure, trials=[cure]).cause
    assert cause == Cause(INPUTS, Confidence.CONFIRMED, (STALLED,))


def test_a_cure_that_needs_more_than_that_confirms_it_too():
    cure = trial_of(TrialOutcome.CURES, "standardized-inputs", "biases", "tanh-units")
    cause = confirmed(diagnosis_of(INPUTS, STALLED), cure=cure, trials=[cure]).cause
    assert cause.confidence is Confidence.CONFIRMED


def test_a_cure_against_another_finding_puts_that_first():
    cure = trial_of(TrialOutcome.CURES, "rate-below-limit")
    cause = confirmed(diagnosis_of(INPUTS, RATE, STALLED), cure=cure, trials=[cure]).cause
    assert cause.finding is RATE
    assert cause.confidence is Confidence.CONFIRMED
    assert cause.explains == (INPUTS, STALLED)


def test_a_consequence_of_the_failure_is_not_put_first():
    cure = trial_of(TrialOutcome.CURES, "smaller-rate")  # against both
    exploding = Finding("exploding-loss", Severity.ERROR, "the loss grew")
    saturated = Finding("saturated-units", Severity.ERROR, "units are saturated")
    cause = confirmed(diagnosis_of(exploding, saturated), cure=cure, trials=[cure]).cause
    assert cause.finding is exploding
    assert cause.confidence is Confidence.LIKELY


def test_a_note_is_not_put_first():
    cure = trial_of(TrialOutcome.CURES, "biases")
    cause = confirmed(diagnosis_of(RATE, NOTE), cure=cure, trials=[cure]).cause
    assert cause.finding is RATE


def test_what_only_names_the_failure_is_never_confirmed():
    cure = trial_of(TrialOutcome.CURES, "adam")
    cause = confirmed(diagnosis_of(STALLED), cure=cure, trials=[cure]).cause
    assert cause.confidence is Confidence.LIKELY


@pytest.mark.parametrize("verdict", [TrialOutcome.NO_EFFECT, TrialOutcome.HARMS])
def test_a_cause_whose_remedies_all_fail_is_only_possible(verdict):
    trials = [trial_of(verdict, "standardized-inputs"), trial_of(verdict, "adam")]
    cause = confirmed(diagnosis_of(INPUTS), cure=None, trials=trials).cause
    assert cause.confidence is Confidence.POSSIBLE


def test_a_cause_whose_remedy_helps_stays_as_likely():
    trials = [trial_of(TrialOutcome.HELPS, "standardized-inputs")]
    cause = confirmed(diagnosis_of(INPUTS), cure=None, trials=trials).cause
    assert cause.confidence is Confidence.LIKELY


def test_a_cause_whose_remedy_had_no_time_stays_as_likely():
    trials = [
        trial_of(TrialOutcome.NO_EFFECT, "biases"),
        trial_of(None, "standardized-inputs", run=False),
    ]
    cause = confirmed(diagnosis_of(INPUTS), cure=None, trials=trials).cause
    assert cause.confidence is Confidence.LIKELY


def test_without_a_cause_nothing_changes():
    diagnosis = replace(diagnosis_of(INPUTS), cause=None)
    assert confirmed(diagnosis, cure=None, trials=[]) is diagnosis
