"""What counts as a cure, a help, nothing, or harm."""

from dataclasses import replace

import pytest

from nndiag.errors import ConfigError
from nndiag.finding import Cause, Confidence, Finding, Outcome, Severity
from nndiag.fixing.trial import TrialOutcome, verdict_on, with_remedies
from tests.fixing.conftest import EXPLODING, TANH_ON_A_LINE, experiment_from

CAUSE = Finding("unscaled-inputs", Severity.ERROR, "inputs are large")


def run_with(run, *, error, good=False, problems=(), outcome=Outcome.STALLED):
    """A run with another end."""
    findings = tuple(Finding(problem, Severity.ERROR, "") for problem in problems)
    cause = Cause(findings[0], Confidence.LIKELY) if findings else None
    diagnosis = replace(run.diagnosis, outcome=outcome, findings=findings, cause=cause)
    return replace(run, score=1 - error, good=good, diagnosis=diagnosis)


@pytest.mark.parametrize(
    ("error", "good", "verdict"),
    [
        (0.01, True, TrialOutcome.CURES),
        (0.01, False, TrialOutcome.HELPS),  # not good by its own diagnosis
        (0.69, True, TrialOutcome.CURES),
        (0.71, True, TrialOutcome.HELPS),  # a cure leaves at most 70 % of the error
        (0.89, False, TrialOutcome.HELPS),
        (0.91, False, TrialOutcome.NO_EFFECT),
        (1.09, False, TrialOutcome.NO_EFFECT),
        (1.11, False, TrialOutcome.HARMS),
    ],
)
def test_verdicts_by_the_error_that_is_left(healthy, error, good, verdict):
    baseline = run_with(healthy, error=1.0, problems=["unscaled-inputs"])
    run = run_with(healthy, error=error, good=good)
    assert verdict_on(run, baseline=baseline, control=None) is verdict


@pytest.mark.parametrize(("error", "verdict"), [(0.88, "cures"), (0.9, "no effect")])
def test_what_the_data_leave_unexplained_is_no_error_of_the_run(healthy, error, verdict):
    """The data allow 30 %: of 0.97, 0.7 is noise, and of the other 0.27 a cure may leave 0.19."""
    baseline = run_with(healthy, error=0.97, problems=["unscaled-inputs"])
    numbers = {**baseline.diagnosis.numbers, "attainable": 0.3}
    baseline = replace(baseline, diagnosis=replace(baseline.diagnosis, numbers=numbers))
    run = run_with(healthy, error=error, good=True)
    assert verdict_on(run, baseline=baseline, control=None) == verdict


@pytest.mark.parametrize(
    ("outcome", "error", "verdict"),
    [
        (Outcome.IMPROVING, 0.24, TrialOutcome.CURES),
        (Outcome.IMPROVING, 0.26, TrialOutcome.HELPS),
        (Outcome.STALLED, 0.24, TrialOutcome.HELPS),
    ],
)
def test_a_run_on_a_good_way_is_cured(healthy, outcome, error, verdict):
    baseline = run_with(healthy, error=1.0, problems=["unscaled-inputs"])
    run = run_with(healthy, error=error, outcome=outcome)
    assert verdict_on(run, baseline=baseline, control=None) is verdict


@pytest.mark.parametrize(
    ("left", "verdict"),
    [("unscaled-inputs", TrialOutcome.HELPS), ("stalled-convergence", TrialOutcome.HELPS)],
)
def test_a_run_with_an_error_or_the_old_cause_is_not_cured(healthy, left, verdict):
    baseline = run_with(healthy, error=1.0, problems=["unscaled-inputs"])
    run = run_with(healthy, error=0.01, good=True, problems=[left])
    assert verdict_on(run, baseline=baseline, control=None) is verdict


def test_what_another_seed_does_as_well_is_no_help(healthy):
    baseline = run_with(healthy, error=1.0, problems=["unscaled-inputs"])
    control = run_with(healthy, error=0.5, problems=["unscaled-inputs"])
    run = run_with(healthy, error=0.5)
    assert verdict_on(run, baseline=baseline, control=None) is TrialOutcome.HELPS
    assert verdict_on(run, baseline=baseline, control=control) is TrialOutcome.NO_EFFECT


def test_a_diverged_run_is_worse_than_any_other(healthy):
    baseline = run_with(healthy, error=5.0, problems=["unscaled-inputs"])
    run = run_with(healthy, error=0.0, outcome=Outcome.DIVERGED)
    assert verdict_on(run, baseline=baseline, control=None) is TrialOutcome.HARMS
    assert verdict_on(baseline, baseline=run, control=None) is TrialOutcome.HELPS


def test_the_rate_is_worked_out_after_everything_else():
    # the stability limit of the mean is 50 times that of the sum, and far above this rate
    summed = experiment_from(
        EXPLODING,
        loss={"name": "mean_squared_error", "reduction": "sum"},
        optimizer={"learning_rate": 0.002},
    )
    _, alone = with_remedies(summed, ("rate-below-limit",))
    _, both = with_remedies(summed, ("rate-below-limit", "mean-loss"))
    assert alone == ["rate-below-limit"]
    assert both == ["mean-loss"]


def test_remedies_are_put_together_in_the_catalogue_s_order():
    _, applied = with_remedies(
        experiment_from(TANH_ON_A_LINE), ("adam", "linear-output", "standardized-inputs")
    )
    assert applied == ["standardized-inputs", "linear-output", "adam"]


def test_changes_that_do_not_fit_are_told(monkeypatch):
    broken = {"optimizer": {"learning_rate": -1.0}}
    monkeypatch.setattr("nndiag.remedies.contract.Remedy.changes", lambda self, case: broken)
    with pytest.raises(ConfigError, match="learning_rate"):
        with_remedies(experiment_from(TANH_ON_A_LINE), ("adam",))
