"""Programs in their owners' styles, run unedited: what fails has its cause, what trains is left."""

import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import nndiag
from nndiag.finding import Cause, Confidence, Outcome, Severity
from nndiag.own_program.watching import Watcher
from nndiag.own_program.words import with_check
from nndiag.program import CodeSettings
from nndiag.trace import read_trace
from tests.combinations import sample

PROGRAMS = Path(__file__).parent
HEALTHY = sorted((PROGRAMS / "healthy").glob("*.py"))

CAUSES = {
    "adam_rate_too_high": "learning-rate-above-stability-limit",
    "bounded_output": "targets-outside-output-range",
    "columns_of_far_sizes": "unscaled-inputs",
    "dead_units": "dead-units",
    "decay_beside_the_step": "weight-decay-too-strong",
    "guarded_and_saturated": "weights-too-large",
    "labels_of_both_signs": "loss-does-not-fit-output",
    "labels_one_and_two": "loss-does-not-fit-output",
    "memory_too_long": "learning-rate-above-stability-limit",
    "no_bias": "missing-biases",
    "no_output_is_alive": "targets-outside-output-range",
    "one_hidden_unit": "too-few-units",
    "rate_far_too_high": "learning-rate-above-stability-limit",
    "rate_far_too_small": "learning-rate-too-small",
    "rate_fades_by_epoch": "learning-rate-too-small",
    "rate_fades_too_early": "learning-rate-too-small",
    "rate_over_the_count": "learning-rate-too-small",
    "saturated_by_the_rate": "learning-rate-above-stability-limit",
    "schedule_ends_at_nothing": "learning-rate-too-small",
    "summed_loss": "summed-loss",
    "ten_steps_explode": "unscaled-inputs",
    "too_few_steps": "not-enough-steps",
    "unscaled_inputs_kill_the_units": "unscaled-inputs",
}
"""Program → what keeps it from training."""
WRITTEN = {
    "adam_rate_too_high": "lr, beta1, beta2, eps = 0.01, 0.9, 0.999, 1e-8",
    "decay_beside_the_step": "lr, wd = 0.1, 0",
    "labels_one_and_two": "y = y - 1",
    "rate_over_the_count": "alpha = 0.15",
    "schedule_ends_at_nothing": "lr = 0.1",
}
"""Program → the line to write."""


def run(path: Path, **options):
    return nndiag.train(path, plots=False, **options)


SLOW = ("not-enough-steps", "learning-rate-too-small")


@pytest.mark.parametrize("path", sample(HEALTHY), ids=lambda path: path.stem)
def test_says_nothing_of_a_program_that_trains(path):
    result = run(path)
    graver = [x for x in result.findings if x.severity is not Severity.NOTE]
    assert result.check.correct
    assert not graver


@pytest.mark.parametrize("name", CAUSES)
def test_names_what_keeps_a_program_from_training(name):
    result = run(PROGRAMS / "broken" / f"{name}.py")
    assert result.cause is not None
    assert result.cause.finding.problem == CAUSES[name]
    if name in WRITTEN:
        assert result.cause.finding.replacement == WRITTEN[name]
    if name == "guarded_and_saturated":  # ends with the program's own loss, which a guard bounds
        assert result.trace.ending.loss == result.trace.loss[-1]
    if name == "rate_fades_too_early":
        assert result.check.correct  # the factors between steps and gradients fade, too
        assert result.cause.finding.replacement.startswith("pace *= 0.99")


def test_names_the_columns_and_the_line_to_write():
    finding = run(PROGRAMS / "broken" / "columns_of_far_sizes.py").cause.finding
    assert "column 1 of table runs from" in finding.message
    assert finding.replacement.startswith("table = (table - table.mean(axis=0))")
    assert finding.line == 7  # that of the loop: the data are complete there


def test_names_the_line_of_the_rate_and_a_rate_below_the_limit():
    finding = run(PROGRAMS / "broken" / "rate_far_too_high.py").cause.finding
    assert finding.line == 5
    limit = finding.evidence[0].limit
    written = float(finding.replacement.split("step_size=")[1].split(")")[0])
    assert 0.4 * limit < written < 0.6 * limit  # half of it, in two digits


def test_stores_a_run_that_can_be_read_again(tmp_path):
    result = run(PROGRAMS / "healthy" / "straight_line.py", runs=tmp_path)
    again = read_trace(result.run)
    assert np.array_equal(again.loss, result.trace.loss)
    assert {"program.py", "parameters.npz", "diagnosis.json"} <= {
        path.name for path in result.run.iterdir()
    }


def test_stops_after_the_steps_that_are_asked_for():
    result = run(PROGRAMS / "healthy" / "straight_line.py", steps=50)
    assert result.trace.steps == 50
    assert not result.cut_short()


def test_records_what_the_program_computes():
    result = run(PROGRAMS / "healthy" / "straight_line.py")
    x = np.linspace(0, 1, 30)
    slope = level = 0.0
    losses = []
    for _ in range(2000):
        gap = slope * x + level - (4 * x - 1)
        losses.append(np.mean(gap**2) / 2)
        slope -= 0.3 * np.mean(gap * x)
        level -= 0.3 * np.mean(gap)
    assert np.allclose(result.trace.loss, losses, rtol=1e-9, atol=1e-300)
    assert float(result.parameters["slope"][0]) == pytest.approx(slope, rel=1e-12)


def test_takes_data_that_the_program_scales_for_no_parameter(tmp_path):
    text = (PROGRAMS / "broken" / "unscaled_inputs_kill_the_units.py").read_text()
    scaled = "size = (size - size.mean(axis=0)) / size.std(axis=0)\nA = "
    path = tmp_path / "scaled.py"
    path.write_text(text.replace("A = ", scaled, 1).replace("rate = 0.02", "rate = 1e-5"))
    result = run(path)
    assert result.trace.layers == ("A", "B")  # the weights of both layers, and nothing else


def test_puts_a_wrong_gradient_before_what_the_run_did(tmp_path):
    text = (PROGRAMS / "healthy" / "script_rows.py").read_text()
    path = tmp_path / "net.py"
    path.write_text(text.replace("w1 -= eta", "w1 += eta").replace("range(3000)", "range(200)"))
    result = run(path)
    assert result.cause.finding.problem == "wrong-sign"
    assert str(result).splitlines()[2].startswith("│ WRONG SIGN")


def test_speaks_of_the_epochs_of_a_program_that_has_epochs():
    result = run(PROGRAMS / "healthy" / "minibatches.py")
    assert result.trace.epochs == 40  # of 200 / 20 steps
    assert "399 (epoch 40)" in str(result)


def test_a_wrong_step_of_a_program_that_trains_as_well_is_a_warning():
    result = run(PROGRAMS / "broken" / "wrong_and_harmless.py")
    finding = result.findings[0]
    assert finding.problem == "summed-instead-of-averaged"
    assert "it trains as well with this fixed" in finding.message
    assert result.cause is None
    assert result.gravest() is Severity.WARNING


def test_a_wrong_step_that_decides_nothing_comes_behind_the_cause_of_a_run_at_rest(tmp_path):
    text = (PROGRAMS / "healthy" / "script_rows.py").read_text()
    slow = text.replace("eta = 0.1", "eta = 0.0001").replace("range(3000)", "range(300)")
    path = tmp_path / "net.py"
    path.write_text(slow.replace(" * (1 - hidden**2)", ""))
    result = run(path)
    wrong, own = result.findings[0], next(x for x in result.findings if x.problem in SLOW)
    assert result.cause.finding is wrong  # this run goes on
    assert (wrong.problem, result.cause.explains) == ("missing-activation-derivative", ())
    cause = Cause(own, Confidence.LIKELY, ())
    rests = replace(result.diagnosis, outcome=Outcome.STALLED, cause=cause, findings=(own,))
    found = with_check(rests, result.check, steps=300)
    assert found.cause is cause
    assert [x.problem for x in found.findings[:2]] == [own.problem, wrong.problem]
    longer = with_check(rests, result.check, steps=3_000_000)  # than what was compared
    assert longer.cause.finding.problem == wrong.problem


def test_a_killed_run_is_kept_to_its_last_moment(tmp_path):
    text = (PROGRAMS / "healthy" / "straight_line.py").read_text()
    path = tmp_path / "long.py"
    path.write_text(text.replace("2000", "100_000_000"))
    script = f"""
import os, pathlib, signal, nndiag
def kill(text):
    if any(x.stat().st_size for x in pathlib.Path({str(tmp_path)!r}).glob("runs/*/steps.f64")):
        os.kill(os.getpid(), signal.SIGKILL)
nndiag.train({str(path)!r}, runs={str(tmp_path / "runs")!r}, notice=kill)
"""
    done = subprocess.run([sys.executable, "-c", script], check=False)
    assert done.returncode == -signal.SIGKILL
    (folder,) = (tmp_path / "runs").iterdir()
    result = nndiag.diagnose(folder)
    assert result.trace.steps > 0
    assert result.trace.ending is None
    assert "weight_norm" in result.trace.series  # probes are written, too
    whole = run(path, steps=result.trace.steps)
    np.testing.assert_array_equal(result.trace.loss, whole.trace.loss)


def test_ctrl_c_ends_a_run_and_keeps_what_was_recorded(tmp_path):
    text = (PROGRAMS / "healthy" / "straight_line.py").read_text()
    path = tmp_path / "long.py"
    path.write_text(text.replace("2000", "100_000_000"))
    pressed = []

    def press(text):
        if "step" in text and not pressed:
            pressed.append(text)
            raise KeyboardInterrupt

    told = Watcher(CodeSettings(script=str(path)), tell=press).watch()
    assert told["reason"] == "interrupted"
    assert told["count"] > 0
    assert len(told["rows"]) > 0


def test_what_was_wrong_in_the_program_itself_is_told_when_its_run_is_judged_again(tmp_path):
    text = (PROGRAMS / "healthy" / "straight_line.py").read_text()
    path = tmp_path / "uphill.py"
    path.write_text(text.replace("slope -=", "slope +="))
    first = run(path, runs=tmp_path / "runs")
    again = nndiag.diagnose(first.run)
    assert first.cause.finding.problem == "wrong-sign"
    assert again.cause.finding.problem == first.cause.finding.problem
    assert again.cause.finding.message == first.cause.finding.message
    assert [x.problem for x in again.findings] == [x.problem for x in first.findings]


GROWS = """
import numpy as np
rng = np.random.default_rng(0)
x = rng.uniform(-1, 1, (2, 25))
y = x[:1] * x[1:]
W, b, V = rng.normal(size=(4, 2)), np.zeros((4, 1)), rng.normal(size=(1, 4))
for step in range(60):
    h = np.tanh(W @ x + b)
    out = V @ h
    loss = np.mean((out - y) ** 2)
    d = 2 * (out - y) / 25
    e = V.T @ d * (1 - h**2)
    V, W, b = V - 0.1 * d @ h.T, W - 0.1 * e @ x.T, b - 0.1 * e
    print(loss)
"""


def test_a_parameter_that_grows_in_its_first_step_is_told_with_the_line_to_write(tmp_path):
    path = tmp_path / "net.py"
    path.write_text(GROWS)
    result = run(path)
    assert result.cause.finding.problem == "wrong-bias-gradient"
    assert "np.sum(" in result.diagnosis.suggested[0].title
    assert result.trace.steps == 60
    assert result.parameters["b"].size == 4 * 25  # one bias for each example
    assert result.parameters["W"].shape == (4, 2)


FLAT = """
import numpy as np
rng = np.random.default_rng(0)
X = rng.normal(size=(60, 2))
y = X[:, :1] - X[:, 1:]
theta = rng.normal(size=17) * 0.5
for step in range(200):
    V, c = theta[0:8].reshape(2, 4), theta[8:12].reshape(1, 4)
    w, d = theta[12:16].reshape(4, 1), theta[16:17].reshape(1, 1)
    h = np.tanh(X @ V + c)
    out = h @ w + d
    loss = np.mean((out - y) ** 2)
    e = 2 * (out - y) / 60
    f = e @ w.T * (1 - h**2)
    g = np.concatenate([(X.T @ f).ravel(), f.sum(0), (h.T @ e).ravel(), e.sum(0)])
    theta = theta - 0.1 * g
"""


def test_each_part_of_a_vector_of_all_parameters_has_its_own_numbers(tmp_path):
    path = tmp_path / "net.py"
    path.write_text(FLAT)
    result = run(path)
    assert result.trace.layers == ("theta[0:8]", "theta[12:16]")
    assert {name: x.shape for name, x in result.parameters.items()} == {
        "theta[0:8]": (2, 4),
        "theta[8:12]": (1, 4),
        "theta[12:16]": (4, 1),
        "theta[16:17]": (1, 1),
    }
    assert result.diagnosis.numbers["r_squared"] > 0.9
