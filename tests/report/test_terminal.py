"""The report, to the letter, at the widths at which people read."""

import re
from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console

from nndiag.finding import Diagnosis, Outcome, Severity, Skipped
from nndiag.report.terminal import run_report
from nndiag.report.verdict import one_line
from nndiag.trace import Facts, LayerFacts, Series, Stability, Trace

from .conftest import finding


def told(diagnosis, trace, *, width=80, **known):
    console = Console(width=width, no_color=True, highlight=False)
    with console.capture() as captured:
        console.print(run_report(diagnosis, trace, name="my-net", **known))
    return "\n".join(line.rstrip() for line in captured.get().splitlines())


AT_80 = """\
my-net  1-100-1 tanh linear · sgd 0.2 · 200 examples
╭──────────────────────────────────────────────────────────────────────────────╮
│ LEARNING RATE TOO HIGH  the loss exploded; stopped after 11 of 2,000 steps   │
│ Learning rate 0.2 is 8.33 × the stability limit 0.024                        │
│ cause    learning-rate-above-stability-limit (likely); explains              │
│          exploding-loss, exploding-gradients                                 │
│ evidence learning rate 0.2 (fine up to 0.024)                                │
│ try      optimizer.learning_rate=0.01 · average the loss                     │
╰──────────────────────────────────────────────────────────────────────────────╯
loss 0.5 → inf   best 0.5 at step 0   mean baseline 0.5
"""

BELOW_THE_CHART = """\
gradient norm                 first  middle  end  change
layer1              100 tanh    0.5      16  inf    ×inf
layer2              1 linear      1      32  inf    ×inf
first ÷ last layer              0.5     0.5  nan

↳ exploding-loss  Something about exploding-loss
↳ exploding-gradients  Something about exploding-gradients
! unscaled-inputs  Something about unscaled-inputs
  loss 12 (fine up to 10, steps 0–3)

2 checks skipped (list: --json)
run  runs/x
next nndiag fix my.yaml"""


def test_a_diverged_run_at_80_columns(diverged):
    text = told(*diverged, run="runs/x", next_command="nndiag fix my.yaml")
    assert text.startswith(AT_80)
    assert text.endswith(BELOW_THE_CHART)


def test_a_healthy_run_says_so_in_its_first_lines(healthy):
    assert told(*healthy).splitlines()[:5] == [
        "my-net",
        "╭──────────────────────────────────────────────────────────────────────────────╮",
        "│ CONVERGED  finished: at a minimum                                            │",
        "│ Nothing wrong was found. R² 0.99.                                            │",
        "╰──────────────────────────────────────────────────────────────────────────────╯",
    ]


@pytest.mark.parametrize("width", [30, 40, 80, 120, 200])
def test_no_line_is_wider_than_the_console(diverged, width):
    text = told(*diverged, width=width, run="runs/x", next_command="nndiag fix my.yaml")
    assert max(map(len, text.splitlines())) <= width


def test_a_narrow_console_loses_columns_but_no_finding(diverged):
    text = told(*diverged, width=40)
    assert "middle" not in text
    for one in diverged[0].findings:
        assert one.problem in re.sub(r"[\s│]", "", text)


def test_a_gradient_that_went_up_and_came_back_shows_its_largest_value(healthy):
    diagnosis, _ = healthy
    norms = np.array([[1.0], [5e3], [0.0], [2.0]])
    series = {"gradient_norm": Series(np.arange(4), norms)}
    trace = Trace(np.arange(4), np.ones(4), series=series, layers=("layer1",))
    text = told(diagnosis, trace)
    assert "gradient norm  first  largest  end  change" in text
    assert "layer1             1    5,000    2      ×2" in text


@pytest.mark.parametrize("width", range(30, 90, 7))
def test_no_label_of_the_loss_is_parted_from_its_number(healthy, width):
    diagnosis, trace = healthy
    numbers = diagnosis.numbers | {"r_squared": 0.99998, "baseline_loss": 0.5}
    text = told(replace(diagnosis, numbers=numbers), trace, width=width)
    assert "mean baseline 0.5" in text
    assert "R² 0.99998" in text


def test_the_rate_and_its_limit_are_told_once(diverged):
    diagnosis, trace = diverged
    stability = Stability("2/λ_max", 0.2, adaptive=False, sharpness=83.3, stability_limit=0.024)
    known = replace(trace, facts=replace(trace.facts, stability=stability))
    text = told(diagnosis, known)
    assert text.count("the stability limit 0.024") == 1
    assert "before step 1 the stability limit is 2/λ_max with λ_max 83.3" in text


def test_a_failure_that_nothing_explains_is_called_unexplained(healthy):
    _, trace = healthy
    diagnosis = Diagnosis(
        Outcome.STALLED, None, (), (), ruled_out=("dead-units", "saturated-units")
    )
    text = told(diagnosis, trace)
    assert "Unexplained: looked for dead-units, saturated-units only." in text
    assert "Ruled out: dead-units, saturated-units." in text


def test_a_note_alone_is_nothing_wrong(healthy):
    diagnosis, trace = healthy
    noted = replace(diagnosis, findings=(finding("unscaled-inputs", Severity.NOTE),))
    text = told(noted, trace)
    assert "Nothing wrong was found" in text
    assert "· unscaled-inputs" in text


def test_a_run_that_is_not_finished_tells_what_more_steps_would_bring(healthy):
    _, trace = healthy
    numbers = {"expected_gain": 0.004, "final_loss": 0.01}
    text = told(Diagnosis(Outcome.IMPROVING, None, (), (), numbers), trace)
    assert "100 more steps would remove about 40 %" in text


def test_a_killed_run_is_not_said_to_have_been_interrupted_by_ctrl_c(healthy):
    diagnosis, trace = healthy
    killed = replace(trace, ending=None)
    text = told(replace(diagnosis, outcome=Outcome.INTERRUPTED), killed)
    assert "ended before its last step" in text
    assert "Ctrl-C" not in text


def test_checks_that_were_not_made_fold_into_one_line(healthy):
    diagnosis, trace = healthy
    skipped = tuple(Skipped(f"problem-{number}", "some long reason") for number in range(20))
    lines = told(replace(diagnosis, not_checked=skipped), trace).splitlines()
    assert "20 checks skipped (list: --json)" in lines


def test_few_checks_that_were_not_made_come_with_their_reasons(healthy):
    diagnosis, trace = healthy
    text = told(replace(diagnosis, not_checked=(Skipped("dead-units", "no ReLU layer"),)), trace)
    assert "1 check skipped dead-units (no ReLU layer)" in text


def test_a_deep_network_shows_its_outer_layers(healthy):
    diagnosis, trace = healthy
    names = tuple(f"layer{number}" for number in range(1, 31))
    deep = replace(
        trace,
        layers=names,
        series={"gradient_norm": Series(trace.step, np.ones((100, 30)))},
        facts=Facts(layers=tuple(LayerFacts(name, 5, "tanh", -1, 1, True) for name in names)),
    )
    text = told(diagnosis, deep)
    assert "… 22 more" in text
    assert "layer4 " in text
    assert "layer5 " not in text
    assert "layer30" in text


@pytest.mark.parametrize(("norm", "shown"), [(np.nan, False), (np.inf, True), (1.0, True)])
def test_gradient_norms_of_which_none_is_known_are_left_out(healthy, norm, shown):
    diagnosis, _ = healthy
    series = {"gradient_norm": Series(np.arange(2), np.array([[np.nan], [norm]]))}
    trace = Trace(np.arange(2), np.ones(2), series=series, layers=("layer1",))
    assert ("gradient norm" in told(diagnosis, trace)) == shown


def test_a_foreign_trace_of_a_loss_alone_is_reported(healthy):
    diagnosis, _ = healthy
    text = told(replace(diagnosis, numbers={}), Trace(np.arange(2), np.array([2.0, 1.0])))
    assert "loss 2 → 1" in text
    assert "gradient norm" not in text


def test_the_verdict_in_one_line(diverged, healthy):
    assert (
        one_line(diverged[0]) == "diverged: learning rate 0.2 is 8.33 × the stability limit 0.024"
    )
    assert one_line(healthy[0]) == "converged"


@pytest.mark.parametrize(
    ("outcome", "gain", "decrement", "words"),
    [
        (Outcome.CONVERGED, 0.0, 0.0, "finished: at a minimum"),
        (Outcome.CONVERGED, 0.0, 0.05, "learned; the loss is flat, but not at a minimum yet"),
        (Outcome.IMPROVING, 0.0, 0.05, "not finished: too early to tell after"),
        (Outcome.IMPROVING, 0.05, 0.05, "would remove about 50 %"),
    ],
)
def test_the_outcome_is_told_with_what_is_left(outcome, gain, decrement, words, healthy):
    diagnosis, trace = healthy
    numbers = {
        "final_loss": 0.1,
        "baseline_loss": 1.0,
        "expected_gain": gain,
        "newton_decrement": decrement,
    }
    assert words in told(replace(diagnosis, outcome=outcome, numbers=numbers), trace, width=120)


@pytest.mark.parametrize(
    ("asked", "used", "title"),
    [
        ("full", 6, "6 examples\n"),
        (2, 2, "6 examples, 2 a step\n"),
        (6, 6, "6 examples\n"),
        (32, 6, "6 examples, all of them a step (batch_size 32 is more)\n"),
    ],
)
def test_the_title_says_how_many_examples_a_step_sees(healthy, asked, used, title):
    diagnosis, trace = healthy
    facts = replace(
        trace.facts,
        inputs=np.zeros((6, 1)),
        targets=None,
        batch_size=used,
        settings={"training": {"batch_size": asked}},
    )
    text = told(diagnosis, replace(trace, facts=facts), width=120)
    assert text.partition("╭")[0].endswith(title)
