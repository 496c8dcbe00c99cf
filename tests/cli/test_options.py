"""Options that mean the same wherever they stand."""

import pytest

from nndiag.cli.answer import exit_code as deserved
from nndiag.cli.command import NAMES, command_of

JUDGING = ("train", "diagnose", "sweep-lr", "gradcheck", "fix", "doctor")
REPORTING = (*JUDGING, "compare")


def options_of(command):
    return {option: one for one in command_of(command).params for option in one.opts}


@pytest.mark.parametrize("command", REPORTING)
def test_every_report_can_be_had_as_a_line_as_json_and_as_a_page(command):
    assert {"--json", "--quiet", "--html"} <= set(options_of(command))


@pytest.mark.parametrize("command", JUDGING)
def test_every_judgement_has_its_exit_code_to_choose(command):
    assert "--fail-on" in options_of(command)


@pytest.mark.parametrize("command", ["train", "diagnose", "compare"])
def test_wherever_a_run_is_judged_problems_can_be_chosen(command):
    assert {"--select", "--ignore"} <= set(options_of(command))


def test_an_option_is_described_in_the_same_words_everywhere():
    words, own = {}, {"--help", "--seconds", "--steps", "--write"}
    for command in NAMES:
        for option, one in options_of(command).items():
            if option.startswith("--") and option not in own:
                assert words.setdefault(option, one.help) == one.help, (command, option)


@pytest.mark.parametrize(
    "arguments",
    [
        ("train", "exploding.yaml", "--no-plots"),
        ("doctor", "exploding.yaml"),
        ("fix", "dead.yaml", "--seconds", "0.000001"),  # no time for any remedy
        ("gradcheck", "net.py"),
        ("sweep-lr", "exploding.yaml", "--seeds", "1", "--steps", "30", "--rates", "4"),
    ],
)
def test_nothing_fails_where_never_is_asked_for(
    command, folder, program_text, monkeypatch, arguments
):
    (folder / "net.py").write_text(program_text("+"))
    (folder / "dead.yaml").write_text(
        (folder / "exploding.yaml").read_text().replace("rate: 3", "rate: 0.000001")
    )
    judged = []

    def exit_code(gravest, *, fail_on):
        judged.append(gravest)
        return deserved(gravest, fail_on=fail_on)

    monkeypatch.setattr("nndiag.cli.answer.exit_code", exit_code)
    assert command(*arguments, "--quiet", "--fail-on", "never").code == 0
    assert judged == ["error"]


def test_what_was_found_is_printed_as_github_reads_it(command):
    told = command("doctor", "exploding.yaml", "--output-format", "github").out
    place = "file=exploding.yaml,title=learning-rate-above-stability-limit"
    assert f"::error {place}::" in told


def test_a_warning_fails_the_check_up_where_that_is_asked_for(command, folder):
    config = (folder / "healthy.yaml").read_text()
    (folder / "wide.yaml").write_text(
        config.replace("samples: 10}", "samples: 10, low: 0, high: 1000}")
    )
    assert "warning" in command("doctor", "wide.yaml", "--quiet").out
    codes = [
        command("doctor", "wide.yaml", "--quiet", "--fail-on", which).code
        for which in ("never", "warning")
    ]
    assert codes == [0, 1]


def test_a_comparison_can_leave_problems_out(command, folder):
    (folder / "log.csv").write_text("step,loss\n" + "".join(f"{n},{2.0**n}\n" for n in range(40)))
    assert "exploding loss" in command("compare", "log.csv", "log.csv").out
    told = command("compare", "log.csv", "log.csv", "--ignore", "exploding-loss").out
    assert "exploding loss" not in told
