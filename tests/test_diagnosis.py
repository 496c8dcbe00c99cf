import numpy as np
import pytest

from nndiag.detectors import DETECTORS, declared
from nndiag.diagnosis import diagnose
from nndiag.diagnosis.root_cause import can_explain
from nndiag.errors import ConfigError, UnknownNameError
from nndiag.finding import Confidence, Outcome

EXPLODED = np.append(2.0 ** np.arange(1023), np.inf)
STUCK = np.full(200, 0.98)
LEARNED = 0.01 + 0.99 * np.exp(-np.arange(200) / 10)
NORMS = {"gradient_norm": np.column_stack([2.0 ** np.arange(1024)] * 2)}
ABOVE = {"learning_rate": 0.4, "stability_limit": 0.1}
GLOROT = {"initializer": {"name": "glorot_uniform"}, "layers": [{"units": 1}]}
LARGE = {"inputs": np.linspace(0.0, 15.0, 64)[:, None]}


def explained(diagnosis):
    return {finding.problem for finding in diagnosis.cause.explains}


def test_a_healthy_run_has_no_findings_and_no_cause(make_trace):
    diagnosis = diagnose(make_trace(LEARNED))
    assert (diagnosis.outcome, diagnosis.findings, diagnosis.cause) == (Outcome.CONVERGED, (), None)
    assert diagnosis.numbers["r_squared"] == pytest.approx(0.99)
    assert not diagnosis.failing


def test_the_step_size_explains_the_explosion(make_trace):
    diagnosis = diagnose(make_trace(EXPLODED, facts=ABOVE, series=NORMS))
    assert diagnosis.cause.finding.problem == "learning-rate-above-stability-limit"
    assert diagnosis.cause.confidence is Confidence.LIKELY
    assert explained(diagnosis) == {"exploding-loss", "exploding-gradients"}
    assert diagnosis.failing


def test_without_a_computed_bound_a_symptom_is_only_a_possible_cause(make_trace):
    diagnosis = diagnose(make_trace(EXPLODED, series=NORMS))
    assert diagnosis.cause.finding.problem == "exploding-gradients"
    assert diagnosis.cause.confidence is Confidence.POSSIBLE


def test_large_inputs_explain_a_rate_that_their_scaling_would_make_stable(make_trace):
    diagnosis = diagnose(make_trace(EXPLODED, facts={**ABOVE, **LARGE}))
    assert diagnosis.cause.finding.problem == "unscaled-inputs"
    assert "learning-rate-above-stability-limit" in explained(diagnosis)


def test_a_rate_far_beyond_what_the_inputs_explain_is_a_second_cause(make_trace):
    # The inputs' size is 8.7; standardising raises the stability limit by at most 8.7² = 75 < 4000.
    facts = {**LARGE, "learning_rate": 400.0, "stability_limit": 0.1}
    diagnosis = diagnose(make_trace(EXPLODED, facts=facts))
    assert diagnosis.cause.finding.problem == "learning-rate-above-stability-limit"
    assert explained(diagnosis) == {"exploding-loss"}
    assert "unscaled-inputs" in {finding.problem for finding in diagnosis.findings}


def test_inputs_a_little_off_scale_come_after_what_else_keeps_a_run_from_learning(make_trace):
    """Their size is 8.7: a rate a thousandth of the stability limit is the more telling of both."""
    facts = {**LARGE, "learning_rate": 1e-4, "stability_limit": 0.2}
    moves = {"update_ratio": np.full((20, 2), 1e-4)}
    diagnosis = diagnose(make_trace(STUCK, facts=facts, series=moves))
    problems = [finding.problem for finding in diagnosis.findings]
    assert problems[:2] == ["learning-rate-too-small", "unscaled-inputs"]
    far = {**facts, "inputs": 10 * facts["inputs"]}
    diagnosis = diagnose(make_trace(STUCK, facts=far, series=moves))
    assert diagnosis.cause.finding.problem == "unscaled-inputs"


def test_dead_units_of_two_layers_are_one_finding_that_explains_the_stall(make_trace):
    layers = ((10, "relu"), (10, "relu"), (1, "linear"))
    series = {"dead_share": np.tile([1.0, 1.0, 0.0], (5, 1))}
    diagnosis = diagnose(make_trace(STUCK, layers=layers, series=series))
    assert diagnosis.cause.finding.layer == "layer1"
    assert [item.layer for item in diagnosis.cause.finding.evidence] == ["layer1", "layer2"]
    assert explained(diagnosis) == {"stalled-convergence"}


def test_a_summed_loss_explains_the_rate_that_its_mean_would_bear(make_trace):
    # 64 terms: the stability limit of the mean is 6.4, the rate a sixth of it.
    facts = {**ABOVE, "learning_rate": 1.0, "reduction": "sum", "loss": "mean_squared_error"}
    diagnosis = diagnose(make_trace(EXPLODED, facts=facts))
    assert diagnosis.cause.finding.problem == "summed-loss"
    assert explained(diagnosis) == {"learning-rate-above-stability-limit", "exploding-loss"}


def test_a_linear_network_explains_why_it_predicts_the_mean(make_trace):
    x = np.linspace(-1.0, 1.0, 64)[:, None]
    layers, facts = ((10, "linear"), (1, "linear")), {"inputs": x, "targets": x**2}
    ending = {"predictions": np.full((64, 1), 1 / 3)}
    diagnosis = diagnose(make_trace(STUCK, layers=layers, facts=facts, ending=ending))
    assert diagnosis.cause.finding.problem == "no-nonlinearity"
    assert explained(diagnosis) == {"constant-predictions", "stalled-convergence"}


def test_predicting_the_mean_is_what_is_seen_and_no_cause(make_trace):
    ending = {"predictions": np.zeros((64, 1))}
    diagnosis = diagnose(make_trace(STUCK, ending=ending))
    assert diagnosis.cause is None
    problems = [finding.problem for finding in diagnosis.findings]
    assert problems == ["constant-predictions", "stalled-convergence"]


def test_what_explains_nothing_of_the_outcome_is_not_its_cause(make_trace):
    # Twins do not make a loss explode.
    series = {"identical_share": np.tile([1.0, 0.0], (5, 1))}
    diagnosis = diagnose(make_trace(EXPLODED, facts=ABOVE, series=series))
    assert diagnosis.cause.finding.problem == "learning-rate-above-stability-limit"
    assert "identical-units" not in explained(diagnosis)


def test_the_outcome_is_not_its_own_cause(make_trace):
    diagnosis = diagnose(make_trace(STUCK))
    assert [finding.problem for finding in diagnosis.findings] == ["stalled-convergence"]
    assert diagnosis.cause is None


def test_findings_come_as_they_are_to_be_read(make_trace):
    """The cause, what stands beside it, what it explains."""
    facts = {**LARGE, "learning_rate": 400.0, "stability_limit": 0.1}
    diagnosis = diagnose(make_trace(EXPLODED, facts=facts))
    problems = [finding.problem for finding in diagnosis.findings]
    rate = "learning-rate-above-stability-limit"
    assert problems == [rate, "unscaled-inputs", "exploding-loss"]


def lost_units(first_lost):
    """Five records of a network of three layers whose first one is saturated from one of them."""
    shares = np.where(np.arange(5) >= first_lost, 1.0, 0.0)[:, None] * [1.0, 0.0, np.nan]
    return {"saturated_share": shares, "gradient_norm": np.tile([1e-6, 1e-3, 1.0], (5, 1))}


@pytest.mark.parametrize(
    ("first_lost", "cause"), [(0, "saturated-units"), (4, "vanishing-gradients")]
)
def test_units_lost_late_are_not_why_the_first_gradients_vanished(first_lost, cause, make_trace):
    layers = ((8, "sigmoid"), (8, "sigmoid"), (1, "linear"))
    diagnosis = diagnose(make_trace(STUCK, layers=layers, series=lost_units(first_lost)))
    assert diagnosis.cause.finding.problem == cause


def test_units_that_died_in_a_network_that_is_too_small_anyway_are_not_the_cause(make_trace):
    layers, ending = ((1, "relu"), (1, "linear")), {"reference_loss": 0.7}
    series = {"dead_share": np.tile([1.0, np.nan], (5, 1))}
    diagnosis = diagnose(make_trace(STUCK, layers=layers, series=series, ending=ending))
    assert diagnosis.cause.finding.problem == "too-few-units"
    assert explained(diagnosis) == {"dead-units", "stalled-convergence"}


def test_without_a_cause_findings_come_gravest_first(make_trace):
    series = {"identical_share": np.tile([1.0, 0.0], (5, 1))}
    facts = {"learning_rate": 0.4, "stability_limit": 0.1}
    diagnosis = diagnose(make_trace(STUCK, facts=facts, series=series))
    ranks = [finding.severity.rank for finding in diagnosis.findings]
    assert ranks == sorted(ranks)


def test_what_could_not_be_looked_at_is_told(make_trace):
    reasons = {x.problem: x.reason for x in diagnose(make_trace(LEARNED)).not_checked}
    assert reasons["dead-units"] == "the trace has no dead share"
    assert reasons["targets-outside-output-range"] == "a linear output layer reaches every target"


def test_ignored_and_unselected_problems_are_not_looked_at(make_trace):
    trace = make_trace(EXPLODED, facts=ABOVE)
    ignored = diagnose(trace, ignore=["learning-rate-above-stability-limit"])
    assert ignored.cause.finding.problem == "exploding-loss"
    selected = diagnose(trace, select=["exploding-loss"])
    assert {x.problem for x in selected.findings} == {"exploding-loss"}
    assert selected.not_checked == ()


def test_thresholds_change_what_fires(make_trace):
    trace = make_trace(STUCK, facts=LARGE)
    name = "unscaled-inputs"
    assert name in {x.problem for x in diagnose(trace).findings}
    silent = diagnose(trace, thresholds={name: {"size": 20.0}})
    assert name not in {x.problem for x in silent.findings}


def test_a_wrong_threshold_or_name_is_refused(make_trace):
    with pytest.raises(ConfigError, match="did you mean 'size'"):
        diagnose(make_trace(STUCK), thresholds={"unscaled-inputs": {"sise": 3.0}})
    with pytest.raises(UnknownNameError, match="did you mean 'dead-units'"):
        diagnose(make_trace(STUCK), ignore=["dead_unit"])


def test_every_detector_names_only_problems_that_exist():
    for problem in DETECTORS.names():
        known = declared(problem)
        named = {one for one in known.explained_by | known.follows if isinstance(one, str)}
        assert named <= set(DETECTORS.names()) - {problem}


def test_what_a_problem_explains_is_declared_by_those_it_explains():
    assert "oscillating-loss" in can_explain("summed-loss")  # named
    assert "oscillating-loss" in can_explain("unscaled-inputs")  # by its stage
    assert "summed-loss" not in can_explain("oscillating-loss")
    assert all(problem not in can_explain(problem) for problem in DETECTORS.names())


def test_every_outcome_that_is_a_failure_consists_of_some_problem():
    outcomes = {declared(problem).outcome for problem in DETECTORS.names()}
    assert outcomes >= {Outcome.DIVERGED, Outcome.STALLED}
