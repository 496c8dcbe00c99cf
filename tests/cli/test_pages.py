"""`--html`: one self-contained page of what any command reports."""

from pathlib import Path

import pytest

SWEEP = ("sweep-lr", "exploding.yaml", "--seeds", "1", "--steps", "50", "--rates", "8")


@pytest.mark.parametrize(
    ("arguments", "pictures", "words"),
    [
        (("train", "exploding.yaml", "--no-plots"), 2, "LEARNING RATE TOO HIGH"),
        (("train", "healthy.yaml", "--no-plots"), 3, "healthy"),
        (("diagnose", "log.csv"), 1, "log"),
        (("doctor", "exploding.yaml"), 0, "Not ready"),
        (SWEEP, 1, "works"),
        (("fix", "exploding.yaml", "--no-write", "--seconds", "3"), 1, "CURED"),
        (("gradcheck", "healthy.yaml"), 0, "correct"),
        (("gradcheck", "net.py"), 0, "wrong-sign"),
        (("compare", "log.csv", "log.csv"), 1, "A and B, at the same loss"),
    ],
)  # fmt: skip
def test_every_report_can_be_a_page(command, folder, program_text, arguments, pictures, words):
    (folder / "net.py").write_text(program_text("+"))
    (folder / "log.csv").write_text("step,loss\n0,1\n1,0.5\n2,0.25\n3,0.2\n")
    ended = command(*arguments, "--html", "page.html", "--quiet")
    assert ended.code in (0, 1), ended.err
    page = (folder / "page.html").read_text()
    assert page.startswith("<!doctype html>")
    assert page.count("<svg") == pictures
    assert words in page
    assert not list(folder.glob("*.part"))


def test_the_page_comes_beside_the_report_and_changes_nothing_of_it(command, folder):
    plain = command("gradcheck", "healthy.yaml")
    assert command("gradcheck", "healthy.yaml", "--html", "page.html") == plain


def test_a_page_for_which_no_room_is_left_is_an_error_behind_the_verdict(
    command, folder, monkeypatch
):
    really_written = Path.write_bytes

    def full(path, data):
        if path.name.startswith("page.html"):
            raise OSError(28, "No space left on device")
        return really_written(path, data)

    monkeypatch.setattr(Path, "write_bytes", full)
    ended = command("train", "healthy.yaml", "--no-plots", "--quiet", "--html", "page.html")
    assert ended.code == 2
    assert "page.html: cannot be written: no space left on device" in ended.err
    assert "try: free some space, or choose another place with --html FILE" in ended.err
    assert ended.out.startswith("healthy: ")


def test_columns_that_were_not_used_are_told(command, folder):
    Path("log.csv").write_text("step,loss,accurracy\n0,1,0\n1,0.5,1\n")
    ended = command("diagnose", "log.csv")
    assert "columns that were not used: 'accurracy'" in ended.err
    assert command("diagnose", "log.csv", "--quiet").err == ""
