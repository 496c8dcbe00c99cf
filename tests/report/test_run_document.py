"""The JSON keeps its contract."""

import json
import math

import numpy as np
import pytest

from nndiag.finding import Diagnosis, Evidence, Outcome
from nndiag.plain import json_text
from nndiag.report.document import derived
from nndiag.report.run_document import FindingDocument, run_document
from nndiag.trace import Trace

from .conftest import finding


def document(diagnosis, trace):
    text = json_text(run_document(diagnosis, trace, command="train", config="my-net", run="runs/x"))

    def refuse(constant):
        raise AssertionError(constant)

    return json.loads(text, parse_constant=refuse)


def test_the_keys_of_the_contract(diverged):
    assert document(*diverged) | {"numbers": None, "layers": None} == {
        "version": 2,
        "command": "train",
        "config": "my-net",
        "outcome": "diverged",
        "cause": {
            "problem": "learning-rate-above-stability-limit",
            "confidence": "likely",
            "explains": ["exploding-loss", "exploding-gradients"],
        },
        "findings": [
            {
                "problem": "learning-rate-above-stability-limit",
                "severity": "error",
                "message": "learning rate 0.2 is 8.33 × the stability limit 0.024",
                "layer": None,
                "tensor": None,
                "evidence": [
                    {
                        "series": "learning_rate",
                        "measure": None,
                        "observed": 0.2,
                        "limit": 0.024,
                        "layer": None,
                        "steps": None,
                    }
                ],
                "remedies": ["optimizer.learning_rate=0.01", "loss.reduction=mean"],
            },
            *document(*diverged)["findings"][1:],
        ],
        "not_checked": [
            {"problem": "dead-units", "reason": "no ReLU layer"},
            {"problem": "vanishing-gradients", "reason": "fewer than three layers"},
        ],
        "ruled_out": [],
        "loss": {"initial": 0.5, "final": "inf", "best": 0.5, "steps": 11, "r_squared": None},
        "stability": None,
        "ended": "non-finite",
        "run": "runs/x",
        "numbers": None,
        "layers": None,
    }


def test_a_run_without_a_cause_has_null_there(healthy):
    assert document(*healthy)["cause"] is None
    assert document(*healthy)["loss"]["r_squared"] == 0.99


def test_gradients_are_told_layer_by_layer(diverged):
    layers = document(*diverged)["layers"]
    # 11 steps: windows of one step; 0.5 · 2⁵ in the middle
    assert layers[0] == {
        "name": "layer1",
        "gradient_norm": {"first": 0.5, "middle": 16.0, "end": "inf"},
    }


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_no_number_breaks_a_strict_parser(value):
    trace = Trace(np.arange(2), np.full(2, value))
    diagnosis = Diagnosis(
        Outcome.DIVERGED, None, (finding("x", evidence=(Evidence("loss", value),)),), ()
    )
    told = document(diagnosis, trace)
    assert told["loss"]["final"] == str(value)
    assert told["loss"]["best"] is None
    assert told["findings"][0]["evidence"][0]["observed"] == str(value)


def test_two_numbers_of_one_series_are_both_kept():
    evidence = (Evidence("loss", 1.0), Evidence("loss", 2.0), Evidence("r_squared", 3.0))
    told = derived(FindingDocument, finding("x", evidence=evidence)).evidence
    assert [(one.series, one.observed) for one in told] == [
        ("loss", 1.0),
        ("loss", 2.0),
        ("r_squared", 3.0),
    ]
