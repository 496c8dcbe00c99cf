"""What is said of logs: nothing that they do not tell, and in words that fit them."""

import io
import math
import re
from pathlib import Path

import pytest
from rich.console import Console

from nndiag.diagnosis import diagnose
from nndiag.finding import Outcome
from nndiag.report.logs import reading_words
from nndiag.report.terminal import run_report
from nndiag.trace.logs import read_log


def read(tmp_path: Path, header: str, rows, name="log.csv"):
    path = tmp_path / name
    path.write_text("\n".join([header, *(",".join(map(str, row)) for row in rows)]) + "\n")
    return read_log(path)


def shown(trace):
    console = Console(width=200, file=io.StringIO(), color_system=None)
    console.print(run_report(diagnose(trace), trace, name="log"))
    return " ".join(console.file.getvalue().split())


def flat(step: int) -> float:
    return 0.7 + 0.001 * math.sin(7 * step)  # wobbles by 0.1 %, falls by nothing


def test_a_flat_loss_alone_is_neither_stalled_nor_converged(
    tmp_path,
):
    trace = read(tmp_path, "step,loss", [(k, flat(k)) for k in range(30)])
    assert diagnose(trace).outcome is Outcome.FLAT
    assert "the loss of always predicting the mean would tell" in shown(trace)


def test_a_loss_that_stays_at_guessing_is_told_as_that(tmp_path):
    rows = [(k, math.log(10) + 0.003 * math.sin(7 * k)) for k in range(30)]
    trace = read(tmp_path, "step,loss", rows)
    assert "ln 10, the cross-entropy of guessing among 10 classes" in shown(trace)
    assert "Nothing that was recorded tells why" in shown(trace)


def test_a_flat_loss_beside_its_baseline_is_stalled(tmp_path):
    rows = [(k, flat(k), 0.7) for k in range(30)]
    trace = read(tmp_path, "step,loss,baseline_loss", rows)
    assert diagnose(trace).outcome is Outcome.STALLED


@pytest.mark.parametrize("baseline", ["", ",baseline_loss"])
def test_a_learning_rate_that_ran_out_explains_a_flat_end(tmp_path, baseline):
    more = (0.7,) if baseline else ()
    rates = [0.01 * (1 - k / 29) for k in range(30)]
    rows = [(k, 0.65 + 0.05 * math.exp(-k), rate, *more) for k, rate in enumerate(rates)]
    trace = read(tmp_path, f"step,loss,lr{baseline}", rows)
    assert diagnose(trace).outcome is Outcome.FLAT
    assert "its learning rate fell from 0.01 to 0" in shown(trace)


def test_epochs_are_called_epochs(
    tmp_path,
):
    rows = [
        (k, 0.7 * math.exp(-k / 8), 0.5 + 0.3 * math.exp(-k / 3) + 0.012 * k) for k in range(40)
    ]
    trace = read(tmp_path, "epoch,loss,val_loss", rows)
    text = shown(trace)
    assert "after epoch 6" in text
    assert "step" not in text.partition("not looked at")[0]


def test_steps_that_were_logged_now_and_then_are_counted_by_their_numbers(tmp_path):
    trace = read(tmp_path, "step,loss", [(50 * k, 1 / (1 + k)) for k in range(1, 11)])
    assert (trace.steps, trace.length) == (10, 500)  # from before step 50 to step 500


@pytest.mark.parametrize("growth", [0.5, -0.01])
def test_no_key_of_a_config_is_advised_to_who_has_none(tmp_path, growth):
    rows = [(k, math.exp(growth * k), math.exp(growth * k) + 0.02 * k) for k in range(40)]
    trace = read(tmp_path, "step,loss,val_loss", rows)
    assert diagnose(trace).cause is not None
    assert not re.search(r"(optimizer|training|network|dataset)\.", shown(trace))


def test_what_a_file_was_taken_for_is_told(tmp_path):
    rows = [(k, 1 / (1 + k), 2 / (1 + k), 3) for k in range(5)]
    trace = read(tmp_path, "epoch,train/box_loss,train/cls_loss,images", rows)
    read_as, others, unused = reading_words(trace)
    assert read_as == "read as CSV; training loss: 'train/box_loss'; counted in epochs"
    assert others.endswith("'train/cls_loss'; to judge one: loss='train/cls_loss'")
    assert unused == "columns that were not used: 'images'"
