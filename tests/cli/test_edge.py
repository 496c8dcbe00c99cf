"""At the edge: no input gives a traceback, a pipe may close, an encoding may be poor."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import nndiag.cli.app
from tests.cli.forked import start
from tests.cli.test_pages import SWEEP


@pytest.mark.parametrize(
    "arguments",
    [
        ("trian",),
        ("train",),
        ("train", "healthy.yaml", "--colour"),
        ("train", "healthy.yaml", "--fail-on", "sometimes"),
        ("train", "missing.yaml"),
        ("train", "."),
        ("train", "healthy.yaml", "training.steps"),
        ("train", "healthy.yaml", "training.steps=many"),
        ("diagnose", "missing"),
        ("diagnose", "healthy.yaml"),
        ("explain", "nothing"),
    ],
)
def test_wrong_usage_ends_with_2_and_no_traceback(command, arguments):
    ended = command(*arguments)
    assert ended.code == 2
    assert ended.out == ""
    assert ended.err.strip()
    assert "Traceback" not in ended.err


def test_a_mistyped_command_is_met_with_a_suggestion(command):
    assert "Did you mean 'train'" in command("trian").err


@pytest.fixture
def broken(monkeypatch):
    """A command that fails as no command should."""

    def fail(**arguments):
        raise ZeroDivisionError("of all things")

    monkeypatch.setattr(nndiag.cli.app, "app", fail)


def test_an_unexpected_failure_is_told_shortly_and_its_traceback_kept(command, broken):
    ended = command("train")
    assert ended.code == 3
    assert "ZeroDivisionError: of all things" in ended.err
    assert "Traceback" not in ended.err
    path = Path(ended.err.partition("the traceback is in ")[2].partition(";")[0])
    assert "Traceback" in path.read_text(encoding="utf-8")
    path.unlink()


def test_the_traceback_of_an_unexpected_failure_can_be_seen_at_once(command, broken, monkeypatch):
    monkeypatch.setenv("NNDIAG_TRACEBACK", "1")
    ended = command("train")
    assert ended.code == 3
    assert "Traceback" in ended.err


def test_ctrl_c_inside_of_another_error_is_ctrl_c(command, monkeypatch):
    def interrupted(**arguments):
        try:
            raise KeyboardInterrupt
        except KeyboardInterrupt as ctrl_c:
            raise RuntimeError("Error calling __set_name__") from ctrl_c

    monkeypatch.setattr(nndiag.cli.app, "app", interrupted)
    ended = command("train")
    assert (ended.code, ended.out, ended.err) == (130, "", "")


def test_python_m_nndiag_is_the_same_command(folder):
    with (folder / "out").open("w") as out:
        running = start("--version", folder=folder, streams=(None, out, None), python=())
        assert running.wait() == 0
    assert (folder / "out").read_text(encoding="utf-8").startswith("nndiag ")


@pytest.mark.parametrize("arguments", [("list",), ("schema",), ("train", "healthy.yaml")])
def test_a_reader_that_leaves_early_is_no_error_and_costs_no_record(folder, arguments):
    reader, writer = os.pipe()
    os.close(reader)
    with (folder / "errors").open("wb") as errors:
        running = start(*arguments, folder=folder, streams=(None, writer, errors))
        os.close(writer)
        assert running.wait() == 0
    assert (folder / "errors").read_bytes() == b""
    if arguments[0] != "train":
        return
    (run,) = (folder / "runs").iterdir()
    assert (run / "diagnosis.json").exists()
    assert (run / "plots" / "loss.png").exists()


FULL = Path("/dev/full")
on_linux = pytest.mark.skipif(not FULL.is_char_device(), reason="the disk that is always full")


@on_linux
@pytest.mark.parametrize("arguments", [("list",), ("schema",), ("train", "healthy.yaml", "--json")])
def test_a_full_disk_is_no_fault_of_nndiag(folder, arguments):
    with FULL.open("w") as full, (folder / "errors").open("w") as errors:
        running = start(*arguments, folder=folder, streams=(None, full, errors))
        assert running.wait() == 2
    told = (folder / "errors").read_text(encoding="utf-8")
    assert told.startswith("error: the result cannot be written: No space left on device")
    assert told.count("\n") == 1


@on_linux
def test_a_device_is_written_to_and_not_replaced(command):
    ended = command("gradcheck", "healthy.yaml", "--quiet", "--html", str(FULL))
    assert ended.code == 2
    assert "no space left on device" in ended.err
    assert "--html FILE" in ended.err
    assert FULL.is_char_device()


@pytest.mark.parametrize("closed", [(0,), (1,), (2,), (0, 1, 2)])
def test_streams_that_are_closed_are_no_error(folder, closed):
    with (folder / "out").open("w") as out, (folder / "errors").open("w") as errors:
        streams = (subprocess.DEVNULL, out, errors)
        running = start(
            "train", "healthy.yaml", "--no-plots", folder=folder, streams=streams, closed=closed
        )
        assert running.wait() == 0
    assert (folder / "errors").read_text(encoding="utf-8") == ""
    (run,) = (folder / "runs").iterdir()
    assert (run / "diagnosis.json").exists()


def test_a_pipe_gets_no_colours_and_no_trailing_blanks(process):
    ended = process("train", "exploding.yaml", "--no-plots")
    assert "\x1b" not in ended.out
    assert not any(line.endswith(" ") for line in ended.out.splitlines())
    assert ended.err == ""


@pytest.mark.parametrize("width", ["40", "80", "120"])
def test_the_width_of_a_pipe_can_be_chosen(process, width):
    ended = process("train", "exploding.yaml", "--no-plots", COLUMNS=width)
    assert max(map(len, ended.out.splitlines())) <= int(width)


@pytest.mark.parametrize(
    "arguments",
    [
        ("compare", "log.csv", "log.csv"),
        ("diagnose", "log.csv"),
        ("doctor", "exploding.yaml"),
        ("explain", "learning-rate-above-stability-limit"),
        ("fix", "exploding.yaml", "--no-write", "--seconds", "2"),
        ("gradcheck", "healthy.yaml"),
        ("gradcheck", "net.py"),
        ("list", "problems"),
        (*SWEEP, "--no-plots"),
    ],
)
def test_every_report_fits_forty_columns(command, folder, program_text, monkeypatch, arguments):
    (folder / "log.csv").write_text("step,loss\n0,1\n1,0.5\n2,0.25\n3,0.2\n")
    (folder / "net.py").write_text(program_text("+"))
    monkeypatch.setenv("COLUMNS", "40")
    told = command(*arguments).out.splitlines()
    assert told
    places = ("page ", "picture ")  # of files: in one piece, to be copied
    assert max(len(line) for line in told if not line.startswith(places)) <= 40


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_signs_that_an_encoding_lacks_are_spelled_out(process, encoding):
    ended = process("train", "exploding.yaml", "--no-plots", PYTHONIOENCODING=encoding)
    assert ended.code == 1
    assert "LEARNING RATE TOO HIGH" in ended.out
    assert "?" not in ended.out
    assert ended.err == ""


def test_help_needs_nothing_heavy(folder):
    program = (
        "import sys\n"
        "from nndiag.cli.app import run\n"
        "code = run(['--help'])\n"
        "print(*sys.modules, file=sys.stderr)\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    loaded = set(ended.stderr.split())
    assert not loaded & {"numpy", "pydantic.main", "scipy", "matplotlib", "yaml"}


def test_training_without_plots_needs_neither_scipy_nor_matplotlib(folder):
    program = (
        "import sys\n"
        "from nndiag.cli.app import run\n"
        "code = run(['train', 'healthy.yaml', '--no-plots'])\n"
        "print(*sys.modules, file=sys.stderr)\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], cwd=folder, capture_output=True, text=True, check=True
    )
    assert not set(ended.stderr.split()) & {"scipy", "matplotlib"}
