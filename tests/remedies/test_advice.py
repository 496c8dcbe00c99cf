"""What is tried first against the findings of a run."""

from nndiag.analysis.reference_fit import Limit
from nndiag.finding import Cause, Confidence, Diagnosis, Finding, Outcome, Severity
from nndiag.fixing import measured
from nndiag.remedies import remedies
from nndiag.remedies.advice import advised, ranked


def diagnosis_of(*problems, outcome=Outcome.STALLED):
    findings = tuple(Finding(problem, Severity.ERROR, "") for problem in problems)
    cause = Cause(findings[0], Confidence.LIKELY) if findings else None
    return Diagnosis(outcome, cause, findings, ())


def test_remedies_against_the_cause_come_before_those_against_a_symptom(case):
    unscaled = case({"dataset": {"low": 0, "high": 15}})
    baseline = diagnosis_of("unscaled-inputs", "stalled-convergence")
    suggested, rest = ranked(unscaled, baseline)
    assert suggested[0] == "standardized-inputs"
    assert suggested.index("standardized-inputs") < suggested.index("adam")
    assert "smaller-rate" in rest


def test_where_the_network_is_the_limit_the_optimizer_comes_last(case):
    baseline = diagnosis_of("stalled-convergence")
    suggested, rest = ranked(case(), baseline, limit=Limit.MODEL)
    kinds = [remedies()[name].kind for name in (*suggested, *rest)]
    late = [kind in ("optimizer", "training", "start") for kind in kinds]
    assert late == sorted(late)
    assert not any(late[: len(suggested)])


def test_after_a_divergence_longer_training_is_not_tried(case):
    for outcome, tried in ((Outcome.DIVERGED, False), (Outcome.STALLED, True)):
        baseline = diagnosis_of("exploding-loss", outcome=outcome)
        suggested, rest = ranked(case(), baseline)
        assert ("more-steps" in (*suggested, *rest)) is tried


def test_a_run_that_is_too_slow_is_not_tried_with_a_smaller_rate(case):
    slow = diagnosis_of("not-enough-steps")
    assert not {"smaller-rate", "much-smaller-rate"} & set().union(*ranked(case(), slow))
    noisy = diagnosis_of("not-enough-steps", "noisy-steps")
    assert "smaller-rate" in ranked(case(), noisy)[0]


def test_a_finding_gets_the_remedies_that_are_registered_against_it(experiment):
    run = measured(experiment({"optimizer": {"learning_rate": 30.0}}))
    diagnosis = advised(run.diagnosis, run.trace)
    assert diagnosis.cause.finding.remedies
    for finding in diagnosis.findings:
        assert all(finding.problem in remedies()[name].cures for name in finding.remedies)
    assert diagnosis.cause.finding is diagnosis.findings[0]


def test_what_is_suggested_has_the_keys_that_it_changes(experiment):
    run = measured(experiment({"optimizer": {"learning_rate": 30.0}}))
    first = advised(run.diagnosis, run.trace).suggested[0]
    assert first.remedy == "rate-below-limit"
    assert 0 < first.changes["optimizer"]["learning_rate"] < run.trace.facts.stability_limit


def test_a_log_without_a_config_is_advised_in_words(make_trace):
    trace = make_trace([1.0, 10.0, 100.0, 1e3, 1e6, float("inf")])
    diagnosis = advised(diagnosis_of("exploding-loss", outcome=Outcome.DIVERGED), trace)
    assert [one.changes for one in diagnosis.suggested] == [None] * len(diagnosis.suggested)
    assert all("exploding-loss" in remedies()[x.remedy].cures for x in diagnosis.suggested)
    assert diagnosis.suggested


def test_nothing_is_suggested_where_nothing_was_found(make_trace):
    healthy = Diagnosis(Outcome.CONVERGED, None, (), ())
    assert advised(healthy, make_trace([1.0, 0.5])) is healthy


def test_nothing_is_suggested_against_what_noise_brings_about(experiment):
    """No setting is against targets that are noise; that they are known by heart is its doing."""
    run = measured(experiment({"dataset": {"validation": 0.3}}))
    noise, by_heart = (
        Finding(x, Severity.WARNING, "") for x in ("nothing-to-learn", "overfitting")
    )
    alone = Diagnosis(Outcome.CONVERGED, Cause(by_heart, Confidence.LIKELY), (by_heart,), ())
    assert advised(alone, run.trace).suggested
    both = Cause(noise, Confidence.LIKELY, explains=(by_heart,))
    explained = Diagnosis(Outcome.CONVERGED, both, (noise, by_heart), ())
    assert advised(explained, run.trace).suggested == ()
