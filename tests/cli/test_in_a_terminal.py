"""As a person meets it: on a pseudo-terminal, with Ctrl-C at the wrong moment."""

import json
import os
import re
import signal

import pytest

from nndiag.trace import read_trace

pytest.importorskip("pty")

from tests.cli.terminal import Terminal
from tests.cli.test_pages import SWEEP

LONG = ("train", "healthy.yaml", "training.steps=50000000", "--no-plots")


def test_progress_is_shown_while_it_trains_and_gone_afterwards(folder):
    terminal = Terminal(folder, *LONG)
    shown = terminal.read_until("left")
    assert "steps/s" in shown
    terminal.interrupt()
    assert terminal.end() == 130
    report = terminal.text.rpartition("\r\x1b[K")[2]
    assert "INTERRUPTED" in report or "CONVERGED" in report
    assert "steps/s" not in report


def test_ctrl_c_leaves_a_run_that_can_be_judged_again(folder):
    terminal = Terminal(folder, *LONG)
    terminal.read_until("steps/s")
    terminal.interrupt()
    assert terminal.end() == 130
    (run,) = (folder / "runs").iterdir()
    trace = read_trace(run)
    assert trace.ending.reason == "interrupted"
    assert trace.steps > 0
    assert (run / "diagnosis.json").exists()


def test_kill_leaves_a_run_that_can_be_judged_up_to_its_last_written_step(folder):
    terminal = Terminal(folder, *LONG)
    terminal.read_until(lambda: any(x.stat().st_size for x in folder.glob("runs/*/steps.f64")))
    terminal.running.kill()
    terminal.end()
    (run,) = (folder / "runs").iterdir()
    trace = read_trace(run)
    assert trace.steps > 0
    assert trace.ending is None


def test_the_progress_follows_the_width_of_the_terminal(folder):
    terminal = Terminal(folder, *LONG, columns=120)
    terminal.read_until("left")
    terminal.resize(44)
    shown = len(terminal.text)
    terminal.read_until(lambda: terminal.text.count("\r", shown) > 4)
    terminal.running.kill()
    lines = re.findall(r"\r([^\r\x1b]+)\x1b", terminal.text)
    terminal.end()
    assert any(len(line) > 44 for line in lines)
    assert all(len(line) <= 42 for line in lines[-2:])  # two are left for the echo of ^C


def test_ctrl_c_before_python_is_up_gives_no_traceback_of_nndiag(folder):
    terminal = Terminal(folder, *LONG, python=())
    terminal.interrupt()
    # before Python has reached the first line of nndiag, Python itself ends by the signal, or says
    # that it could not set itself up
    code = terminal.end()
    assert code in {130, -signal.SIGINT} or (code == 1 and "init_import_site" in terminal.text)
    assert "nndiag/cli" not in terminal.text


@pytest.mark.parametrize("imported", ["click", "numpy", "pydantic", "nndiag.training"])
def test_ctrl_c_while_it_starts_gives_no_traceback(folder, imported):
    terminal = Terminal(folder, *LONG, python=("-X", "importtime"))
    terminal.read_until(f" {imported}\r")
    terminal.interrupt()
    # where the signal meets an exec of Python's own, Python ends by it after all: 130 to a shell
    assert terminal.end() in {130, -signal.SIGINT}
    # where the signal meets a callback of Python's own, Python tells so and goes on
    own = re.sub(r"Exception ignored in.*?KeyboardInterrupt", "", terminal.text, flags=re.DOTALL)
    assert "Traceback" not in own
    assert "nndiag failed" not in own


@pytest.mark.parametrize("file", ["config.yaml", "trace.json", "facts.json", "steps.f64"])
def test_ctrl_c_while_the_run_is_written_leaves_it_readable(folder, file):
    terminal = Terminal(folder, *LONG)
    terminal.read_until(lambda: any(folder.glob(f"runs/*/{file}")))
    terminal.interrupt()
    assert terminal.end() == 130
    assert "Traceback" not in terminal.text
    (run,) = (folder / "runs").iterdir()
    assert not list(run.glob("*.part"))


SLOW_TO_BEGIN = "total = 0\nfor number in range(10**10):\n    total += number * number\n"


@pytest.mark.parametrize(
    ("verb", "told"),
    [
        ("train", "interrupted before its training loop was reached; nothing was recorded"),
        ("gradcheck", "interrupted before there was a result; no file was changed"),
        ("fix", "interrupted before there was a result; no file was changed"),
        ("grade", "interrupted before the first program was graded"),
    ],
)
def test_ctrl_c_before_the_training_loop_of_a_program_says_so(folder, verb, told):
    (folder / "slow.py").write_text(SLOW_TO_BEGIN)
    before = sorted(folder.rglob("*"))
    terminal = Terminal(folder, verb, "slow.py")
    terminal.read_until("programs: 0 of 1" if verb == "grade" else "running the program")
    terminal.interrupt()
    assert terminal.end() == 130
    assert f"note: {told}" in " ".join(terminal.text.split())
    assert "Traceback" not in terminal.text
    assert sorted(folder.rglob("*")) == before


def test_ctrl_c_while_rates_are_swept_reports_what_is_known(folder):
    # The lost networks end long before the whole does: 30,000 steps × 100 runs.
    terminal = Terminal(folder, "sweep-lr", "exploding.yaml", "--json", "--steps", "30000")
    terminal.read_until("short runs")
    terminal.interrupt()
    assert terminal.end() == 130
    assert "Traceback" not in terminal.text
    assert json.loads(terminal.text.rpartition("\x1b[K")[2])["outcome"] == "interrupted"


def test_colours_are_shown_on_a_terminal(folder):
    terminal = Terminal(folder, "train", "exploding.yaml", "--no-plots")
    assert terminal.end() == 1
    assert "\x1b[1;31mLEARNING RATE TOO HIGH" in terminal.text


def test_no_color_is_honoured(folder):
    terminal = Terminal(folder, "train", "exploding.yaml", "--no-plots", NO_COLOR="1")
    assert terminal.end() == 1
    assert "\x1b[31m" not in terminal.text
    assert ";31m" not in terminal.text


def test_a_dumb_terminal_gets_plain_text(folder):
    terminal = Terminal(folder, "train", "exploding.yaml", "--no-plots", TERM="dumb")
    assert terminal.end() == 1
    assert "\x1b" not in terminal.text


@pytest.mark.parametrize("columns", [40, 80, 120])
def test_the_report_fits_the_terminal(folder, columns):
    terminal = Terminal(
        folder, "train", "exploding.yaml", "--no-plots", columns=columns, TERM="dumb"
    )
    terminal.end()
    assert max(map(len, terminal.text.splitlines())) <= columns


def test_init_asks_for_the_data_on_a_terminal(folder):
    terminal = Terminal(folder, "init", "new.yaml")
    terminal.read_until("[sine]:")
    os.write(terminal.master, b"circles\n")
    assert terminal.end() == 0
    assert "written new.yaml" in terminal.text
    assert "name: circles" in (folder / "new.yaml").read_text()


def test_ctrl_c_at_the_question_writes_nothing(folder):
    terminal = Terminal(folder, "init", "new.yaml")
    terminal.read_until("[sine]:")
    terminal.interrupt()
    assert terminal.end() == 130
    assert not (folder / "new.yaml").exists()


@pytest.mark.parametrize("arguments", [("gradcheck", "net.py"), (*SWEEP, "--no-plots")])
def test_a_dumb_terminal_is_spared_the_progress(folder, program_text, arguments):
    (folder / "net.py").write_text(program_text("+"))
    terminal = Terminal(folder, *arguments, TERM="dumb")
    assert terminal.end() == 1
    assert "\x1b" not in terminal.text
    assert "\r" not in terminal.text.replace("\r\n", "")


def test_what_is_told_on_a_terminal_ends_its_lines_between_words(folder):
    (folder / "wear.csv").write_text("temperature,wear\n1,2\n2,4\n3,6\n")
    terminal = Terminal(folder, "init", "wear.yaml", "--data", "wear.csv", columns=60)
    assert terminal.end() == 0
    told = re.sub(r"\x1b\[[0-9;]*m", "", terminal.text).splitlines()
    assert told[0].rstrip() == "warning: column wear, the last one, is what is predicted;"
    assert told[1] == "--target NAME takes another"
