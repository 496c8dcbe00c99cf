"""The recorder for a loop of the user's own."""

import math
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nndiag
from nndiag.errors import NndiagError, RunError, UserCodeError
from nndiag.finding import Outcome
from nndiag.trace import read_trace

X = np.linspace(-np.pi, np.pi, 40)[:, None]
Y = np.sin(X)


def steps_of_training(
    *, rate: float = 0.05, steps: int = 60
) -> Iterator[tuple[float, dict[str, Any], dict[str, Any]]]:
    """Loss, parameters and gradients of a hand-written 1-8-1 tanh network, step by step."""
    rng = np.random.default_rng(0)
    own = {"W1": rng.normal(size=(1, 8)), "b1": np.zeros(8)}
    own |= {"W2": rng.normal(size=(8, 1)), "b2": np.zeros(1)}
    for _ in range(steps):
        hidden = np.tanh(X @ own["W1"] + own["b1"])
        error = hidden @ own["W2"] + own["b2"] - Y
        delta = 2 * error / len(X)
        back = delta @ own["W2"].T * (1 - hidden**2)
        gradients = {
            "W2": hidden.T @ delta,
            "b2": delta.sum(0),
            "W1": X.T @ back,
            "b1": back.sum(0),
        }
        yield float(np.mean(error**2)), own, gradients
        for name in own:
            own[name] -= rate * gradients[name]


def norm(*arrays: Any) -> float:
    return math.sqrt(sum(float(np.sum(np.asarray(array) ** 2)) for array in arrays))


def test_the_stored_run_is_what_the_loop_computed(tmp_path: Path) -> None:
    expected = []
    with nndiag.Recorder(tmp_path / "mine") as recorder:
        for loss, own, gradients in steps_of_training():
            recorder.step(loss, parameters=own, gradients=gradients)
            first = norm(gradients["W1"], gradients["b1"])
            expected.append((loss, first, norm(gradients["W2"], gradients["b2"])))
    trace = read_trace(tmp_path / "mine")
    losses, *norms = np.array(expected).T
    assert trace.layers == ("layer1", "layer2")
    np.testing.assert_array_equal(trace.step, np.arange(60))
    np.testing.assert_array_equal(trace.loss, losses)
    np.testing.assert_allclose(trace.series["gradient_norm"].values, np.array(norms).T, rtol=1e-14)
    assert trace.ending is not None
    assert (trace.ending.reason, trace.ending.loss) == ("finished", losses[-1])


def test_parameters_are_measured_at_steps_spaced_in_log_step(tmp_path: Path) -> None:
    with nndiag.Recorder(tmp_path / "mine") as recorder:
        for loss, own, gradients in steps_of_training(rate=0.05, steps=1500):
            recorder.step(loss, parameters=own, gradients=gradients)
    weights = read_trace(tmp_path / "mine").series["weight_norm"].steps
    assert list(weights[:5]) == [0, 1, 2, 3, 4]
    assert np.count_nonzero((weights > 10) & (weights <= 100)) == 12  # per decade
    assert np.count_nonzero((weights > 100) & (weights <= 1000)) == 12


def test_the_update_ratio_is_that_of_plain_gradient_descent(tmp_path: Path) -> None:
    rate, expected = 0.05, []
    with nndiag.Recorder(tmp_path / "mine") as recorder:
        for loss, own, gradients in steps_of_training(rate=rate, steps=5):
            recorder.step(loss, parameters=own, gradients=gradients)
            ratios = [
                rate * norm(gradients[w], gradients[b]) / norm(own[w], own[b])
                for w, b in (("W1", "b1"), ("W2", "b2"))
            ]
            expected.append(ratios)
    ratio = read_trace(tmp_path / "mine").series["update_ratio"]
    assert list(ratio.steps) == [0, 1, 2, 3]  # the last update is not seen
    np.testing.assert_allclose(ratio.values, expected[:-1], rtol=1e-12)


@pytest.mark.parametrize(
    "form",
    [
        lambda g: g,
        lambda g: [g["W1"], g["b1"], g["W2"], g["b2"]],
        lambda g: [(g["W1"], g["b1"]), (g["W2"], g["b2"])],
        lambda g: {"layer1": {"W": g["W1"], "b": g["b1"]}, "layer2": [g["W2"], g["b2"]]},
        lambda g: {name: value.astype(np.float32) for name, value in g.items()},
        lambda g: [[g["W1"].tolist(), g["b1"].tolist()], [g["W2"].tolist(), g["b2"].tolist()]],
    ],
)
def test_any_container_gives_the_same_norms(tmp_path: Path, form: Any) -> None:
    loss, _, gradients = next(steps_of_training())
    recorder = nndiag.Recorder(tmp_path / "mine")
    recorder.step(loss, gradients=form(gradients))
    expected = [[norm(gradients["W1"], gradients["b1"]), norm(gradients["W2"], gradients["b2"])]]
    np.testing.assert_allclose(
        recorder.trace().series["gradient_norm"].values, expected, rtol=1e-6
    )  # float32 keeps seven digits


@pytest.mark.parametrize("size", [1e-200, 1e200])
def test_norms_do_not_under_or_overflow(tmp_path: Path, size: float) -> None:
    recorder = nndiag.Recorder(tmp_path / "mine")
    recorder.step(1.0, gradients=[np.full(4, size)])
    assert recorder.trace().series["gradient_norm"].values[0, 0] == pytest.approx(2 * size)


def test_values_that_are_not_finite_are_data(tmp_path: Path) -> None:
    with nndiag.Recorder(tmp_path / "mine") as recorder:
        recorder.step(1.0, gradients=[np.array([1.0, 2.0])])
        recorder.step(np.float64("inf"), gradients=[np.array([np.inf, 2.0])])
        recorder.step(np.nan, gradients=[np.array([np.nan, 2.0])])
    trace = read_trace(tmp_path / "mine")
    np.testing.assert_array_equal(trace.loss, [1.0, np.inf, np.nan])
    np.testing.assert_array_equal(trace.series["gradient_norm"].values[1:, 0], [np.inf, np.nan])
    assert trace.ending is not None
    assert trace.ending.reason == "non-finite"


@pytest.mark.parametrize(
    "loss", [2, np.float32(2), np.array(2.0), np.array([[2.0]]), np.int64(2), True + 1]
)
def test_a_loss_is_any_one_number(tmp_path: Path, loss: Any) -> None:
    recorder = nndiag.Recorder(tmp_path / "mine")
    recorder.step(loss)
    assert recorder.trace().loss[0] == 2.0


@pytest.mark.parametrize("loss", [np.zeros(3), "low", None, [1.0, 2.0]])
def test_a_loss_that_is_not_one_number_is_refused(tmp_path: Path, loss: Any) -> None:
    with pytest.raises(UserCodeError, match="not one number"):
        nndiag.Recorder(tmp_path / "mine").step(loss)


def test_losses_alone_can_be_recorded_and_judged(tmp_path: Path) -> None:
    recorder = nndiag.Recorder(tmp_path / "mine")
    for step in range(50):
        recorder.step(0.9**step)
    result = recorder.diagnose()
    assert result.outcome is Outcome.IMPROVING
    assert "vanishing-gradients" in {skipped.problem for skipped in result.diagnosis.not_checked}


def test_an_explosion_is_named(tmp_path: Path) -> None:
    recorder = nndiag.Recorder(tmp_path / "mine", inputs=X, targets=Y, loss="mean_squared_error")
    with np.errstate(all="ignore"):
        for loss, own, gradients in steps_of_training(rate=50.0, steps=200):
            recorder.step(loss, parameters=own, gradients=gradients)
    result = recorder.diagnose()
    assert result.outcome is Outcome.DIVERGED
    assert result.diagnosis.failing
    assert "exploding-loss" in {finding.problem for finding in result.findings}


def test_known_data_give_the_best_constant(tmp_path: Path) -> None:
    recorder = nndiag.Recorder(
        tmp_path / "mine", inputs=X[:, 0], targets=Y[:, 0], loss="mean_squared_error"
    )
    recorder.step(1.0)
    assert recorder.trace().facts.baseline_loss == pytest.approx(float(np.var(Y)))


def test_the_loss_at_the_end_is_that_of_an_epoch(tmp_path: Path) -> None:
    recorder = nndiag.Recorder(tmp_path / "mine", inputs=X, batch_size=10)
    for loss in (9.0, 1.0, 2.0, 3.0, 4.0):  # an epoch has four batches
        recorder.step(loss)
    ending = recorder.trace().ending
    assert ending is not None
    assert ending.loss == 2.5


def test_an_existing_folder_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "trace.json").write_text("kept")
    recorder = nndiag.Recorder(tmp_path / "mine")
    recorder.step(1.0)
    recorder.close()
    assert recorder.folder == tmp_path / "mine-2"
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["trace.json"]
    assert (tmp_path / "mine" / "trace.json").read_text() == "kept"


def test_diagnosing_in_between_does_not_end_the_record(tmp_path: Path) -> None:
    with nndiag.Recorder(tmp_path / "mine") as recorder:
        recorder.step(2.0)
        assert recorder.diagnose().trace.steps == 1
        recorder.step(1.0)
    assert read_trace(tmp_path / "mine").steps == 2


def test_an_error_in_the_loop_leaves_an_interrupted_run(tmp_path: Path) -> None:
    def interrupted_loop() -> None:
        with nndiag.Recorder(tmp_path / "mine") as recorder:
            recorder.step(1.0)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted_loop()
    ending = read_trace(tmp_path / "mine").ending
    assert ending is not None
    assert ending.reason == "interrupted"


PROGRAM = """
    import os, signal, time
    import numpy as np
    import nndiag
    recorder = nndiag.Recorder("mine")
    for step in range(1000):
        recorder.step(1 / (1 + step), gradients=[np.ones(3)])
        time.sleep(0.001)
    {end}
"""


def run_program(folder: Path, end: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(PROGRAM).format(end=end)],
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_a_killed_program_leaves_all_but_the_last_moment(tmp_path: Path) -> None:
    done = run_program(tmp_path, "os.kill(os.getpid(), signal.SIGKILL)")
    assert done.returncode == -signal.SIGKILL
    trace = read_trace(tmp_path / "mine")
    assert 1 <= trace.steps <= 1000
    assert trace.steps >= 700  # at least 1 ms a step and 0.2 s between writes: 200 are lost at most
    np.testing.assert_array_equal(trace.loss, 1 / (1 + np.arange(trace.steps)))
    assert trace.ending is None


@pytest.mark.parametrize(("end", "reason"), [("", "finished"), ("1 / 0", "interrupted")])
def test_a_program_that_ends_without_closing_loses_nothing(
    tmp_path: Path, end: str, reason: str
) -> None:
    done = run_program(tmp_path, end)
    assert done.returncode == (1 if end else 0), done.stderr
    trace = read_trace(tmp_path / "mine")
    assert trace.steps == 1000
    assert trace.ending is not None
    assert trace.ending.reason == reason


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_ends_neither_the_loop_nor_the_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder = nndiag.Recorder(tmp_path / "mine")
    recorder.step(2.0)
    sink = recorder._record._recorder._sink  # type: ignore[union-attr]
    recorder.step(1.0)
    with Path("/dev/full").open("wb", buffering=0) as full:
        monkeypatch.setattr(sink._steps, "_file", full)  # type: ignore[union-attr]
        with pytest.warns(RuntimeWarning, match="no longer written"):
            result = recorder.diagnose()
    assert result.trace.steps == 2


def test_a_folder_that_cannot_be_made_is_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="cannot be written"):
        nndiag.Recorder(tmp_path / "file" / "mine")


def test_diagnosing_nothing_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="call step"):
        nndiag.Recorder(tmp_path / "mine").diagnose()


def test_a_container_that_changes_is_refused(tmp_path: Path) -> None:
    recorder = nndiag.Recorder(tmp_path / "mine")
    recorder.step(1.0, gradients={"W1": X, "b1": np.ones(1)})
    with pytest.raises(UserCodeError, match="not what they were"):
        recorder.step(1.0, gradients={"W1": X})


@pytest.mark.parametrize("what", ["parameters", "gradients"])
def test_a_tensor_that_changes_its_shape_is_refused(tmp_path: Path, what: str) -> None:
    recorder = nndiag.Recorder(tmp_path / "mine")
    recorder.step(1.0, **{what: {"W": np.ones((2, 3)), "b": 1.0}})
    recorder.step(1.0, **{what: {"W": np.zeros((2, 3)), "b": None if what[0] == "g" else 2.0}})
    with pytest.raises(UserCodeError, match=r"b of the \w+ has changed its shape") as refused:
        recorder.step(1.0, **{what: {"W": np.ones((2, 3)), "b": np.ones(4)}})
    problem = refused.value.problems[0]
    assert (problem.got, problem.allowed) == ("(4,)", "()")


def test_gradients_of_other_layers_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserCodeError, match="other layers"):
        nndiag.Recorder(tmp_path / "mine").step(
            1.0, parameters={"hidden": {"W": X}}, gradients={"dhidden": {"W": X}}
        )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"inputs": X, "targets": Y.T}, "same number of examples"),
        ({"inputs": [["a"]]}, "not numbers"),
        ({"inputs": np.zeros((2, 2, 2))}, "shape"),
        ({"targets": Y, "loss": "huber", "reduction": "half_sum"}, "no such reduction"),
        ({"targets": Y, "loss": "mean_squared_eror"}, "did you mean"),
    ],
)
def test_data_that_do_not_fit_are_refused_before_a_folder_is_made(
    tmp_path: Path, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(NndiagError, match=message):
        nndiag.Recorder(tmp_path / "mine", **options)
    assert not (tmp_path / "mine").exists()
