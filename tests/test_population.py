"""The population that measures the diagnosis: large enough, and counted right."""

import pytest

from nndiag.detectors import DETECTORS
from nndiag.experiment import experiment_of
from tests.benchmarks.diagnosis.bases import VARIANTS, base, combinations, varied
from tests.benchmarks.diagnosis.faults import FAULTS
from tests.benchmarks.diagnosis.judging import Member, judged
from tests.benchmarks.diagnosis.population import members
from tests.benchmarks.diagnosis.table import by_fault, failures, false_alarms, summary


def row(**changes):
    return {
        "key": "k", "base": ["sine", "tanh", "adam"], "seed": 0, "fault": None, "kind": None,
        "class": "healthy", "labels": [], "outcome": "converged", "score": 0.9, "good": True,
        "ranked": [], "top_level": 0, **changes,
    }  # fmt: skip


def broken(*ranked, **changes):
    return row(**{
        "fault": "rate 3", "kind": "rate", "class": "broken", "labels": ["rate"],
        "outcome": "stalled", "score": 0.1, "ranked": list(ranked), "top_level": 1, **changes,
    })  # fmt: skip


def line_of(rows, name):
    (line,) = [line for line in summary(rows) if line.startswith(name)]
    return line.removeprefix(name).split()


def test_there_are_enough_faults_runs_and_healthy_runs():
    population = members(seeds=2, with_cures=False)
    assert len(FAULTS) >= 40
    assert sum(member.fault is not None for member in population) >= 1000
    assert sum(member.fault is None for member in population) >= 500
    assert len({member.key for member in population}) == len(population)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_every_fault_breaks_some_base_and_names_problems_that_exist(fault, tmp_path):
    settings = (base(*one, seed=0) for one in combinations())
    changed = next(x for x in (fault.apply(one, tmp_path) for one in settings) if x is not None)
    assert experiment_of(changed).config.network.layers
    assert fault.labels <= set(DETECTORS.names())


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_variant_is_a_config(variant):
    for one in combinations()[::7]:
        assert experiment_of(varied(base(*one, seed=0), variant))


def test_the_first_and_the_first_three_are_counted():
    rows = [broken("rate"), broken("a", "b", "rate"), broken("a", "b", "c", "rate"), broken()]
    assert line_of(rows, "right cause first")[:2] == ["1/4", "25.0%"]
    assert line_of(rows, "right cause in the first three")[:2] == ["2/4", "50.0%"]


def test_a_run_is_seen_by_a_finding_or_by_its_outcome():
    rows = [broken("a", outcome="improving"), broken(), broken(outcome="improving")]
    assert line_of(rows, "broken runs seen")[0] == "2/3"


def test_harmless_faults_and_bases_that_did_not_train_are_left_out():
    rows = [row(), row(score=0.5, ranked=["a"]), broken("a", **{"class": "harmless"})]
    assert line_of(rows, "false alarms on healthy runs")[0] == "0/1"
    assert line_of(rows, "harmless faults, left out")[0] == "1"
    assert line_of(rows, "bases that did not train, left out")[0] == "1"


def test_false_alarms_are_listed():
    (line,) = false_alarms([row(), row(key="bad", ranked=["dead-units"])])
    assert line.startswith("bad: converged")
    assert "dead-units" in line


def test_a_failure_of_nndiag_is_a_row_of_its_own():
    unknown = Member("k", ("sine", "tanh", "adam"), 0, "no such fault")
    found = judged(unknown)
    assert found["class"] == "failure"
    assert failures([found, row()]) == [f"k: {found['error']}"]
    assert line_of([found, broken("rate")], "broken runs seen")[0] == "1/1"


def test_a_rate_that_a_fault_made_too_high_is_as_true_a_name():
    """Sixty rectified units at the rate of twenty-four; half the stability limit holds them."""
    found = judged(Member("k", ("sine", "relu", "momentum"), 1, "few-examples 20"))
    assert found["outcome"] == "diverged"
    assert found["labels"] == ["learning-rate-above-stability-limit", "overfitting"]


def test_cures_are_counted_among_the_curable():
    cured = {"fixed": True, "confidence": "confirmed", "fix_score": 0.88, "base_score": 0.9}
    rows = [broken(**cured), broken(**{**cured, "fixed": False}), broken()]
    rows.append(broken(**{**cured, "fixed": False, "kind": "targets-shuffled"}))
    assert line_of(rows, "cured by fix, of the curable")[0] == "1/2"
    assert line_of(rows, "cause confirmed, of the cured")[0] == "1/1"
    assert "1/3" in by_fault(rows)[1]


def test_a_fix_counts_where_it_comes_near_what_the_network_reaches_without_the_fault():
    cured = {"fixed": True, "confidence": "confirmed", "base_score": 0.9}
    rows = [broken(**cured, fix_score=score) for score in (0.86, 0.84)]
    assert line_of(rows, "fixed within 5 % of reachable")[0] == "1/2"


def test_of_two_faults_both_have_to_be_among_the_first_three():
    parts = {"parts": [["rate"], ["scale", "size"]]}
    ranked = (("a", "size", "rate"), ("rate", "a", "b", "size"), ("rate",))
    rows = [broken(*names, **parts) for names in ranked]
    assert line_of(rows, "two faults, both in the first three")[0] == "1/3"


def test_a_check_that_fails_a_healthy_run_is_counted_and_listed():
    rows = [row(failed_checks=[]), row(failed_checks=["gradient"])]
    assert line_of(rows, "doctor fails a healthy run")[0] == "1/2"
    assert "doctor: gradient" in false_alarms(rows)[0]


def test_the_interval_of_a_share_is_wilsons():
    # 10 of 10: 1 / (1 + 1.96² / 10) = 72 % at least.
    assert line_of([broken("rate")] * 10, "right cause first")[:3] == [
        "10/10",
        "100.0%",
        "(72–100)",
    ]


def test_the_halves_are_told_apart():
    rows = [broken("rate", seed=0), broken(seed=1)]
    assert [x for x in line_of(rows, "right cause first") if "/" in x] == ["1/1", "0/1"]
