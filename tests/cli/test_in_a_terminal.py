"""As a person meets it: on a pseudo-terminal, with Ctrl-C at the wrong moment."""

import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from nndiag.trace import read_trace

pty = pytest.importorskip("pty")
fcntl = pytest.importorskip("fcntl")
termios = pytest.importorskip("termios")

PATIENCE = 60.0  # seconds; far more than is needed


class Terminal:
    """A command on a pseudo-terminal of its own."""

    def __init__(self, folder: Path, *arguments: str, columns: int = 80, **environment: str):
        self.master, slave = pty.openpty()
        size = (40).to_bytes(2, sys.byteorder) + columns.to_bytes(2, sys.byteorder) + bytes(4)
        fcntl.ioctl(slave, termios.TIOCSWINSZ, size)
        known = {"TERM": "xterm-256color", **environment}
        inherited = {name: x for name, x in os.environ.items() if name not in {"COLUMNS", "LINES"}}
        self.running = subprocess.Popen(
            [sys.executable, "-m", "nndiag", *arguments],
            cwd=folder,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env=inherited | known,
            start_new_session=True,
        )
        os.close(slave)
        self.text = ""

    def read_until(self, wanted: str | None) -> str:
        """Everything that was shown until a text appears, or until the end."""
        end = time.monotonic() + PATIENCE
        while wanted is None or wanted not in self.text:
            ready, _, _ = select.select([self.master], [], [], 0.1)
            try:
                data = os.read(self.master, 65536) if ready else b""
            except OSError:
                break
            if ready and not data:
                break
            self.text += data.decode(errors="replace")
            assert time.monotonic() < end, self.text[-2000:]
            if not ready and self.running.poll() is not None:
                break
        return self.text

    def interrupt(self) -> None:
        self.running.send_signal(signal.SIGINT)

    def end(self) -> int:
        self.read_until(None)
        os.close(self.master)
        return self.running.wait(PATIENCE)


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
    terminal.read_until("steps/s")
    time.sleep(0.5)  # more than the interval of writing
    terminal.running.kill()
    terminal.end()
    (run,) = (folder / "runs").iterdir()
    trace = read_trace(run)
    assert trace.steps > 0
    assert trace.ending is None


@pytest.mark.parametrize("delay", [0.0, 0.05, 0.1, 0.2, 0.3, 0.5])
def test_ctrl_c_at_any_moment_gives_no_traceback(folder, delay):
    terminal = Terminal(folder, *LONG)
    time.sleep(delay)
    terminal.interrupt()
    code = terminal.end()
    # before Python has reached the first line of nndiag, Python itself ends by the signal
    assert code in {130, -signal.SIGINT} or "nndiag" not in terminal.text
    if "nndiag" in terminal.text:
        assert "Traceback" not in terminal.text or code == -signal.SIGINT


def test_colours_are_shown_on_a_terminal(folder):
    terminal = Terminal(folder, "train", "exploding.yaml", "--no-plots")
    assert terminal.end() == 1
    assert "\x1b[1;31mDIVERGED" in terminal.text


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
