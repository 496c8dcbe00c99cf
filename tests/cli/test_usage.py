"""What is wrong with a command line is told like all else that is wrong; common words are known."""

import os

import pytest

from tests.cli.forked import start


@pytest.mark.parametrize(
    ("arguments", "message", "way_out"),
    [
        (("train", "healthy.yaml", "--foo"), "no such option '--foo'", "nndiag train --help"),
        (("train",), "missing argument 'CONFIG", "nndiag train --help"),
        (("trian", "healthy.yaml"), "no such command 'trian'", "nndiag --help"),
    ],
)
def test_a_wrong_command_line_is_an_error_like_others(command, arguments, message, way_out):
    ended = command(*arguments)
    assert ended.code == 2
    assert ended.err.splitlines()[0].startswith(f"error: {message}")
    assert ended.err.splitlines()[-1] == f"  try: {way_out}"


def test_a_file_of_no_known_kind_is_not_called_a_command(command, tmp_path):
    (tmp_path / "weights.npz").touch()
    ended = command(str(tmp_path / "weights.npz"))
    assert ended.code == 2
    assert "what this file is cannot be told" in ended.err
    assert ".py, .ipynb, .yaml" in ended.err


def test_how_a_log_was_read_is_a_note_and_no_warning(command, tmp_path):
    log = tmp_path / "log.csv"
    log.write_text("step,loss\n0,2.0\n1,1.5\n2,1.2\n3,1.0\n")
    remark = "note: read as CSV; loss: 'loss'; counted in steps"
    assert command(str(log)).err.splitlines() == [remark]


@pytest.mark.parametrize("arguments", [("help",), ("help", "train"), ("train", "--help")])
def test_help_is_a_command_too(command, arguments):
    ended = command(*arguments)
    assert ended.code == 0
    assert ended.out.startswith("Usage: nndiag")
    assert ("CONFIG" in ended.out) is ("train" in arguments)


@pytest.mark.parametrize("asked", ["version", "-V", "--version"])
def test_the_version_is_told_however_it_is_asked_for(command, asked):
    ended = command(asked)
    assert (ended.code, ended.out.split()[0]) == (0, "nndiag")


def test_without_arguments_the_help_is_shown(command):
    ended = command()
    assert ended.code == 2
    assert "Commands:" in ended.out + ended.err


@pytest.mark.parametrize("name", ["data.csv", "data.tsv"])
def test_data_in_the_place_of_a_config_are_sent_to_init(command, folder, name):
    (folder / name).write_text("a,b\n1,2\n2,4\n")
    assert f"nndiag init --data {name}" in command("train", name).err


def test_a_page_that_cannot_be_written_is_an_error_before_anything_is_done(command, monkeypatch):
    monkeypatch.setattr("nndiag.verbs.doctor.doctor", None)
    ended = command("doctor", "healthy.yaml", "--quiet", "--html", "missing/page.html")
    assert ended.code == 2
    assert "missing/page.html: cannot be written: no such file or directory\n" in ended.err
    assert "try: choose another place with --html FILE" in ended.err


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no full device")  # noqa: PTH110
def test_errors_that_cannot_be_written_leave_the_exit_code_as_it_is(folder):
    with open("/dev/full", "w") as full:  # noqa: PTH123
        running = start("train", "nope.yaml", folder=folder, streams=(None, None, full))
        assert running.wait() == 2


def test_a_width_of_zero_columns_is_no_width(process):
    assert process("list", "losses", COLUMNS="0").out == (
        process("list", "losses", COLUMNS="80").out
    )


def test_what_was_not_looked_for_is_not_said_to_explain_nothing(command):
    ended = command("train", "exploding.yaml", "--no-plots", "--select", "saddle-point")
    assert "looked for" in " ".join(ended.out.split())
    assert "nndiag looks for" not in ended.out
