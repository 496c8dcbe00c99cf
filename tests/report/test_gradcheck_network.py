"""What is told about the gradient of a config's network."""

import numpy as np
import pytest
from rich.console import Console

from nndiag.gradients.network.check import PointCheck
from nndiag.gradients.network.points import NetworkCheck
from nndiag.gradients.verdict import Element, TensorCheck, Verdict
from nndiag.plain import to_plain
from nndiag.report.gradcheck_document import network_document
from nndiag.report.gradcheck_network import (
    network_findings,
    network_line,
    network_report,
)


def tensor(name, verdict=Verdict.CORRECT, **changed):
    known = {
        "residual": 0.0,
        "noise": 0.0,
        "relative_error": 2.5e-10,
        "cosine": 1.0,
        "scale": 1.0,
        "worst": Element((3, 0), 0.25, 0.25),
        "complex_error": 3e-16,
        "checked": 10,
        "kinks": 0,
        **dict.fromkeys(("entries", "gradient", "numeric"), np.empty(0)),
    }
    return TensorCheck(name, (10,), verdict, **(known | changed))


def checked(*tensors, points=("initial", "perturbed"), **changed):
    known = {"examples": 40, "skipped": (), "analytic": True}
    made = tuple(PointCheck(point, 0.5, 40, 1e-10, tensors) for point in points)
    return NetworkCheck("my-net", "1-10-1 tanh linear", points=made, **(known | changed))


RIGHT = checked(tensor("layer1.weights"), tensor("layer2.weights", relative_error=4e-9))
FLIPPED = {"relative_error": 2.0, "cosine": -1.0, "scale": -1.0}
WRONG = checked(
    tensor("layer1.weights", Verdict.WRONG, worst=Element((1, 0), 0.5, -0.5), **FLIPPED),
    tensor("layer2.weights"),
)


def told(check, *, width=80):
    console = Console(width=width, no_color=True, highlight=False)
    with console.capture() as captured:
        console.print(network_report(check, next_command="nndiag train net.yaml"))
    return "\n".join(line.rstrip() for line in captured.get().splitlines())


AT_80 = """\
my-net  1-10-1 tanh linear · 40 examples · 20 parameters
╭──────────────────────────────────────────────────────────────────────────────╮
│ GRADIENT CORRECT  2 tensors at 2 points                                      │
│ Largest relative error 4e-9 (layer2.weights, initial); limit 1e-6.           │
╰──────────────────────────────────────────────────────────────────────────────╯
relative error  initial  perturbed  cosine
layer1.weights  2.5e-10    2.5e-10       1  correct
layer2.weights     4e-9       4e-9       1  correct
worst element layer2.weights[3, 0] 0.25, numerically 0.25

by   central differences of 20 of 20 parameters per point, complex step of a
     sample, whole forward passes of a sample
next nndiag train net.yaml"""


def test_tells_to_the_letter_that_a_gradient_is_correct():
    assert told(RIGHT) == AT_80


def test_a_wide_console_gets_direction_size_and_worst_element_in_the_table():
    lines = told(RIGHT, width=120).splitlines()
    titles = "relative error  initial  perturbed  complex  cosine  scale  worst element, numeric"
    assert " ".join(lines[5].split()) == " ".join(titles.split())
    assert lines[6].split()[-4:] == ["0]", "0.25", "0.25", "correct"]


@pytest.mark.parametrize("width", [80, 120])
def test_a_wrong_tensor_stands_on_top(width):
    text = told(WRONG, width=width)
    lines = text.splitlines()
    assert "GRADIENT WRONG  1 of 2 tensors" in lines[2]
    assert "The gradient of layer1.weights is off by 2 of its norm" in lines[3]
    assert "cosine -1" in text
    assert "0.5" in text
    assert "-0.5" in text


@pytest.mark.parametrize("width", [40, 60, 80, 100, 120, 200])
@pytest.mark.parametrize("check", [RIGHT, WRONG])
def test_no_line_is_wider_than_the_console(check, width):
    assert max(map(len, told(check, width=width).splitlines())) <= width


@pytest.mark.parametrize("width", [40, 60, 80, 100, 120])
@pytest.mark.parametrize("check", [RIGHT, WRONG])
def test_nothing_in_the_table_is_cut_off(check, width):
    table = told(check, width=width).partition("╰")[2]
    assert "…" not in table


def test_kinks_and_noise_are_told_and_not_called_errors():
    check = checked(
        tensor("layer1.weights", Verdict.NOISE, relative_error=0.9, complex_error=None),
        tensor("layer2.weights", kinks=3, checked=7),
        analytic=False,
        skipped=("after 20 steps: the loss or its gradient is not finite there",),
    )
    text = told(check)
    assert "GRADIENT CORRECT" in text
    assert "1 of 2 tensors at 2 points" in text
    assert "20 of 20 parameters" in text  # 10 compared, 7 compared and 3 left out
    assert "kinks   6 differences left out" in text
    assert "noise   layer1.weights: too small beside the loss" in text
    assert "skipped after 20 steps" in text
    assert "complex" not in text


def test_a_gradient_that_is_zero_everywhere_is_pointed_out():
    idle = tensor("layer1.weights", Verdict.ZERO, relative_error=0.0, cosine=None, scale=None)
    text = told(checked(idle, tensor("layer2.weights")))
    assert "zero layer1.weights: zero, and rightly so" in text
    assert "zero " not in told(RIGHT)


def test_of_many_undecided_tensors_the_first_are_named():
    noisy = [tensor(f"layer{number}.biases", Verdict.NOISE) for number in range(1, 10)]
    text = told(checked(tensor("layer1.weights"), *noisy), width=200)
    assert "layer5.biases, layer6.biases and 3 more: too small" in text


def test_a_check_without_any_decision_does_not_call_itself_correct():
    text = told(checked(tensor("layer1.weights", Verdict.KINK, worst=None, checked=0, kinks=10)))
    assert "GRADIENT UNDECIDED" in text
    assert "CORRECT" not in text


def test_deep_networks_show_their_wrong_tensors_and_a_part_of_the_rest():
    tensors = [tensor(f"layer{number}.weights") for number in range(1, 41)]
    tensors[36] = tensor("layer37.weights", Verdict.WRONG, **FLIPPED)
    text = told(checked(*tensors))
    assert "layer37.weights" in text
    assert "… 16 more" in text


def test_the_line_names_the_wrong_tensors():
    assert network_line(RIGHT) == "gradient correct"
    assert network_line(WRONG) == "gradient wrong: layer1.weights"


def test_the_line_says_what_stayed_undecided():
    noise = tensor("layer1.weights", Verdict.NOISE)
    assert network_line(checked(noise)) == "gradient undecided"
    mixed = checked(noise, tensor("layer2.weights"))
    assert network_line(mixed) == "gradient correct (1 of 2 tensors)"


def test_the_title_tells_how_many_of_the_examples_were_used():
    assert "40 of 1,000 examples" in told(checked(tensor("layer1.weights"), examples=1000))


def test_the_document_keeps_the_contract():
    document = to_plain(network_document(WRONG))
    assert (document["version"], document["command"], document["correct"]) == (
        2,
        "gradcheck",
        False,
    )
    first = document["tensors"][0]
    assert {
        key: first[key] for key in ("name", "relative_error", "cosine", "scale", "verdict")
    } == {
        "name": "layer1.weights",
        "relative_error": 2.0,
        "cosine": -1.0,
        "scale": -1.0,
        "verdict": "wrong",
    }
    assert document["findings"][0]["tensor"] == "layer1.weights"
    assert [point["point"] for point in document["points"]] == ["initial", "perturbed"]


@pytest.mark.parametrize(
    ("name", "changed", "problem"),
    [
        ("layer1.weights", FLIPPED, "wrong-sign"),
        ("layer1.weights", {"cosine": 0.4, "scale": 0.3}, "wrong-activation-derivative"),
        ("layer2.weights", {"cosine": 1.0, "scale": 2.0}, "wrong-loss-gradient"),
    ],
)
def test_the_wrong_tensors_suggest_the_problem(name, changed, problem):
    tensors = [
        tensor(each, Verdict.WRONG, **({"relative_error": 0.5} | changed))
        if each == name
        else tensor(each)
        for each in ("layer1.weights", "layer2.weights")
    ]
    (finding,) = network_findings(checked(*tensors))
    assert finding.problem == problem
