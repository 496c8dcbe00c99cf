"""`nndiag compare`: what differs between runs."""

import json
from pathlib import Path

import numpy as np
import pytest

from nndiag.diagnosis import diagnose
from nndiag.plain import json_text
from nndiag.report.compare import Side, best_first, compare_report
from nndiag.report.compare_document import compare_document
from nndiag.trace.difference import Difference, differences
from nndiag.verbs.result import text_of
from tests.conftest import made_trace


def side(name, losses, **options):
    trace = made_trace(losses, **options)
    return Side(name, trace, diagnose(trace))


def shown(sides, changed=(), *, width=80):
    return text_of(compare_report(best_first(sides), changed), width=width)


@pytest.fixture
def two_runs(command, folder):
    """The folders of two runs of one config at different rates."""
    for rate in ("0.5", "0.1"):
        assert command(
            "train", "healthy.yaml", f"optimizer.learning_rate={rate}", "--runs", rate, "--no-plots"
        ).code == 0  # fmt: skip
    return [str(next(Path(rate).iterdir())) for rate in ("0.5", "0.1")]


def test_settings_that_differ_are_listed_alone(command, two_runs):
    ended = command("compare", *two_runs)
    assert (ended.code, ended.err) == (0, "")
    best, other = ended.out.splitlines()[3:5]
    assert (best.split()[:2], other.split()[:2]) == (["A", "0.5"], ["B", "0.1"])
    assert "dataset.name" not in ended.out


def test_json_has_both_runs_and_the_differences(command, two_runs):
    document = json.loads(command("compare", *two_runs, "--json").out)
    assert document["version"] == 2
    assert [run["command"] for run in document["runs"]] == ["diagnose", "diagnose"]
    assert document["differences"] == [{"key": "optimizer.learning_rate", "values": [0.5, 0.1]}]
    assert document["labels"] == ["learning_rate 0.5", "learning_rate 0.1"]
    assert document["verdict"].startswith("best: learning_rate 0.5 (R² ")


def test_quiet_is_the_verdict(command, two_runs):
    told = command("compare", *two_runs, "--quiet").out
    assert told.startswith("best: learning_rate 0.5 (R² ")
    assert told.endswith(" % better than learning_rate 0.1\n")


def test_a_page_can_be_written(command, two_runs, folder):
    assert command("compare", *two_runs, "--html", "page.html", "--quiet").code == 0
    assert "learning_rate 0.5" in (folder / "page.html").read_text()


def test_a_log_can_be_compared_with_a_run(command, two_runs, folder):
    (folder / "log.csv").write_text("step,loss\n0,1\n1,0.5\n2,0.25\n")
    ended = command("compare", two_runs[0], "log.csv")
    assert ended.code == 0
    assert "the settings of a log are not known" in ended.out


def test_a_missing_run_is_told(command, two_runs):
    ended = command("compare", two_runs[0], "nothing")
    assert ended.code == 2
    assert "nothing: no such run or log" in ended.err


def test_the_better_run_is_named_on_the_scale_that_both_share():
    # R² 1 − 0.4 = 0.6 and 1 − 0.1 = 0.9 with mean baseline 1: a quarter of the error is left.
    report = shown([side("one", np.linspace(1, 0.4, 50)), side("two", np.linspace(1, 0.1, 50))])
    assert "best: A (R² 0.9), 75 % better than B" in report
    assert report.index("A  two") < report.index("B  one")


def test_equal_runs_are_equal():
    one = side("one", np.linspace(1, 0.4, 50))
    report = shown([one, one])
    assert "best: A and B, at the same loss" in report
    assert "the settings of a log are not known" in report


def test_a_run_that_blew_up_does_not_flatten_the_other_ones_curve():
    falling = side("falling", np.geomspace(1, 0.01, 60))
    blown = side("blown", [*np.geomspace(1, 1e300, 60), np.inf], ending={"reason": "non-finite"})
    report = shown([falling, blown])
    assert "no other run ends at a finite loss" in report
    assert " 100 ┤" in report  # two decades above the start
    curve = report.split("\nA\n")[1].split("\nB\n")[0]
    assert len(set(curve) & set("▁▂▃▄▅▆▇")) >= 4


@pytest.mark.parametrize("runs", [2, 7])
@pytest.mark.parametrize("width", [40, 80, 120])
def test_it_fits_the_terminal(width, runs):
    sides = [side("a-rather-long-name-of-a-run", np.linspace(1, 0.4, 50))] * runs
    report = shown(sides, width=width)
    assert max(map(len, report.splitlines())) <= width


def test_losses_of_different_functions_are_not_compared():
    one = side("one", np.linspace(1, 0.4, 50), facts={"baseline_loss": None, "loss": "huber"})
    two = side("two", np.linspace(9, 0.1, 50), facts={"baseline_loss": None, "loss": "other"})
    assert "not the same function" in shown([one, two])


def test_differences_are_found_at_any_depth():
    left = {"a": 1, "b": {"c": [{"d": 1}, {"d": 2}], "e": [1, 2]}, "name": "x", "only": 3}
    right = {"a": 1, "b": {"c": [{"d": 1}, {"d": 5}], "e": [1, 3]}, "name": "y"}
    assert differences([left, right]) == (
        Difference("b.c.1.d", (2, 5)),
        Difference("b.e", ([1, 2], [1, 3])),
        Difference("only", (3, "–")),
    )


def test_a_run_whose_settings_are_not_known_differs_in_none():
    assert differences([{"a": 1}, {}, {"a": 1}]) == ()
    assert differences([{"a": 1}, {}, {"a": 2}]) == (Difference("a", (1, "–", 2)),)


def test_all_runs_in_a_folder_are_compared_and_a_sweep_is_left_out(command, folder):
    for rate in ("0.5", "0.1", "0.02"):
        command("train", "healthy.yaml", f"optimizer.learning_rate={rate}", "--no-plots")
    (folder / "runs" / "x-sweep-lr").mkdir()
    (folder / "runs" / "x-sweep-lr" / "sweep.json").write_text("{}")
    as_folder = command("compare", "runs")
    one_by_one = command("compare", *map(str, sorted(Path("runs").iterdir())))
    assert as_folder.code == one_by_one.code == 0
    assert as_folder.out == one_by_one.out
    assert "learning_rate  outcome" in as_folder.out
    assert "runs/x-sweep-lr holds a sweep of many runs and is left out" in one_by_one.err


def test_one_run_is_refused(command, two_runs):
    ended = command("compare", two_runs[0])
    assert ended.code == 2
    assert "allowed: two runs or more" in ended.err


def test_any_number_of_runs_is_compared():
    ends = np.linspace(0.1, 0.9, 60)
    report = shown([side(f"end {end:.2f}", np.linspace(1, end, 9)) for end in reversed(ends)])
    rows = report.splitlines()
    assert rows[3].split()[:3] == ["A", "end", "0.10"]
    assert rows[62].split()[:3] == ["BH", "end", "0.90"]
    assert "the curves of 40 more" in report


def test_of_many_runs_what_most_have_is_told_once():
    settings = [
        {"network": {}, "seed": seed, "rate": rate, "b": seed, "c": seed}
        for seed, rate in enumerate("aaaab")
    ]
    sides = [side("x", np.linspace(1, 0.4, 50), facts={"settings": one}) for one in settings]
    report = shown(sides, differences(settings))
    assert "rate     a          E b" in report
    assert "seed     0          B 1 · C 2 · D 3 · E 4" in report


def test_settings_are_spelled_as_in_a_config():
    one = side("x", np.linspace(1, 0.4, 50), facts={"settings": {"network": {"x": 1}}})
    changed = [Difference("a", (1e-8, 0.25)), Difference("b", (None, True))]
    told = " ".join(shown([one, one], changed).split())
    assert "A 1e-8 null" in told
    assert "B 0.25 true" in told


def test_settings_of_one_name_are_told_apart():
    one = side("x", np.linspace(1, 0.4, 50), facts={"settings": {"network": {"x": 1}}})
    changed = [Difference("layers.0.units", (1, 2)), Difference("layers.1.units", (3, 4))]
    assert "layers.0.units  layers.1.units  outcome" in shown([one, one], changed)


def test_the_document_has_no_bare_infinity():
    blown = side("blown", [1.0, 1e200, np.inf], ending={"reason": "non-finite"})
    assert "Infinity" not in json_text(compare_document([blown, blown], ()))


def test_programs_are_called_by_their_names_where_no_other_run_has_it():
    stamped = [side(f"{name}-20261130-120802", [1.0, 0.5]) for name in ("first_net", "second_net")]
    assert "first_net " in shown(stamped)
    assert "20261130" not in shown(stamped).partition("┤")[0]
    again = [side(f"net-2026113{day}-120802", [1.0, 0.5]) for day in (0, 1)]
    assert "net-20261131" in shown(again)
