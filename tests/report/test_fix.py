"""What `fix` found, as a person reads it on a narrow and on a wide terminal, and as JSON."""

import io
import json
from dataclasses import replace

import pytest
from rich.console import Console

from nndiag.finding import Outcome
from nndiag.plain import json_text
from nndiag.report.changes import change_words
from nndiag.report.fix import fix_line, fix_report
from nndiag.report.fix_document import fix_document
from tests.fixing.conftest import (  # noqa: F401 (fixtures)
    exploding_fix,
    tanh_fix,
    two_faults_fix,
)


def text_of(found, *, width, **options):
    out = io.StringIO()
    console = Console(file=out, width=width, highlight=False, emoji=False)
    console.print(fix_report(found, name="config", **options))
    return out.getvalue()


@pytest.mark.parametrize("width", [40, 60, 80, 96, 120])
@pytest.mark.parametrize("which", ["exploding_fix", "tanh_fix", "two_faults_fix"])
def test_no_line_is_wider_than_the_terminal(width, which, request):
    found = request.getfixturevalue(which)
    lines = text_of(found, width=width, fixed="a.fixed.yaml", next_command="x").splitlines()
    assert max(map(len, lines)) <= width


def test_the_cure_stands_on_top(tanh_fix):  # noqa: F811
    lines = text_of(tanh_fix, width=80).splitlines()
    assert lines[0].strip() == "config"
    assert lines[2].startswith("│ CURED  by one change: R² 0.966 → 1 ")
    assert lines[3].startswith("│ Make the output layer linear ")
    assert lines[4].startswith("│ change layer1 activation tanh → linear ")
    assert lines[5].startswith("│ cause  targets-outside-output-range (confirmed by a rerun)")


def test_each_trial_has_a_row_the_best_first(tanh_fix):  # noqa: F811
    lines = [line.rstrip() for line in text_of(tanh_fix, width=80).splitlines()]
    rows = lines[next(n for n, line in enumerate(lines) if line.startswith("tried")) + 1 :]
    assert rows[0].startswith("linear-output ")
    assert rows[0].endswith(" 1 cures")
    text = "\n".join(rows)
    singles = [trial for trial in tanh_fix.trials if len(trial.remedies) == 1]
    assert all(trial.remedies[0] in text for trial in singles)


def test_the_outcome_has_a_column_where_there_is_room(exploding_fix):  # noqa: F811
    assert "outcome" not in text_of(exploding_fix, width=80)
    assert "outcome" in text_of(exploding_fix, width=120)


def test_a_narrow_terminal_cuts_no_remedy_off(exploding_fix):  # noqa: F811
    text = text_of(exploding_fix, width=40)
    assert "rate-below-limit" in text
    assert "\n  learning_rate 3 →" in text  # under its remedy
    assert "…" not in text


@pytest.mark.parametrize("width", [60, 80, 120])
def test_no_name_of_a_remedy_is_broken(exploding_fix, width):  # noqa: F811
    table = text_of(exploding_fix, width=width).partition("tried ")[2]
    first = [line.split(" ")[0] for line in table.splitlines()[1:]]
    names = {name for trial in exploding_fix.trials if trial.run for name in trial.remedies}
    assert names <= set(first)


def test_a_diverged_trial_is_told_on_a_narrow_terminal_too(exploding_fix):  # noqa: F811
    assert "diverged     – no effect" in text_of(exploding_fix, width=80)


def test_other_seeds_are_told(exploding_fix):  # noqa: F811
    assert "holds  with 2 of 2 other seeds" in text_of(exploding_fix, width=80)


def test_a_cure_that_no_other_seed_bears_out_is_told(exploding_fix):  # noqa: F811
    found = replace(exploding_fix, winner=replace(exploding_fix.winner, held=0))
    text = text_of(found, width=80)
    assert "CURED FROM THIS START ALONE  by one change" in text
    assert "holds  with 0 of 2 other seeds" in text


def test_a_combination_is_told_to_need_each_of_its_parts(two_faults_fix):  # noqa: F811
    text = text_of(two_faults_fix, width=80)
    assert "CURED  by 2 changes together" in text
    assert "needed each of them: without any one, the others are no fix" in text


def test_without_a_cure_that_is_said(exploding_fix):  # noqa: F811
    text = text_of(replace(exploding_fix, winner=None), width=80)
    assert "NOT CURED" in text
    assert "none is a fix" in text


def test_what_there_was_no_time_for_is_named(exploding_fix):  # noqa: F811
    reason = "beyond the budget"
    untried = [replace(trial, run=None, reason=reason) for trial in exploding_fix.trials[:8]]
    text = text_of(replace(exploding_fix, winner=None, trials=tuple(untried)), width=80)
    assert "not tried rate-below-limit" in text
    assert "and 2 more: beyond the budget" in " ".join(text.split())


def test_what_is_not_tried_beside_a_cure_is_not_missed(exploding_fix):  # noqa: F811
    left = replace(exploding_fix.trials[-1], run=None, reason="beyond the budget")
    text = text_of(replace(exploding_fix, trials=(*exploding_fix.trials, left)), width=80)
    assert f"not tried {left.remedies[0]}: a fix is known; --seconds gives more" in text


def test_classes_are_told_as_right_or_wrong(exploding_fix):  # noqa: F811
    winner = exploding_fix.winner.trial
    cured = replace(winner, run=replace(winner.run, accuracy=0.996))
    failed = replace(exploding_fix.control, accuracy=0.5)
    failed = replace(failed, diagnosis=replace(failed.diagnosis, outcome=Outcome.STALLED))
    found = replace(
        exploding_fix,
        baseline=failed,
        trials=(cured,),
        winner=replace(exploding_fix.winner, trial=cured),
    )
    text = text_of(found, width=80)
    assert "CURED  by one change: accuracy 50 % → 99.6 %" in text
    assert "R² accuracy verdict" in text
    assert ", accuracy 50 %" in text  # as it is


def test_numbers_are_not_called_right_or_wrong(exploding_fix):  # noqa: F811
    assert "accuracy" not in text_of(exploding_fix, width=80)


def test_an_interruption_before_the_first_trial_is_told(exploding_fix):  # noqa: F811
    found = replace(exploding_fix, winner=None, trials=(), interrupted=True)
    assert "INTERRUPTED  before the first trial" in text_of(found, width=80)


def test_nothing_to_fix_is_one_small_panel(exploding_fix, tanh_fix):  # noqa: F811
    run = tanh_fix.winner.trial.run
    found = replace(exploding_fix, baseline=run, reference=None, trials=(), winner=None)
    text = text_of(found, width=80)
    assert "NOTHING TO FIX  converged" in text
    assert fix_line(found) == "nothing to fix"


def test_one_line_names_the_change(exploding_fix):  # noqa: F811
    line = fix_line(exploding_fix)
    assert line.startswith("cured by rate-below-limit: learning_rate 3 → ")


def test_the_document_is_json_and_holds_the_trials(two_faults_fix):  # noqa: F811
    document = fix_document(two_faults_fix, config="c", fixed="c.fixed.yaml")
    again = json.loads(json_text(document))
    assert again["command"] == "fix"
    assert again["version"] == 2
    assert again["fixed_config"] == "c.fixed.yaml"
    assert again["cause"]["confidence"] == "confirmed"
    assert again["winner"]["remedies"] == list(two_faults_fix.winner.trial.remedies)
    assert len(again["remedies"]) == len(two_faults_fix.trials)
    for trial in again["remedies"]:
        assert {"name", "changes", "outcome", "loss", "verdict", "r_squared"} <= trial.keys()
        assert trial["verdict"] in ("cures", "helps", "no effect", "harms")


SETTINGS = {
    "optimizer": {"name": "sgd", "learning_rate": 0.2},
    "network": {
        "bias": False,
        "layers": [
            {"units": 4, "activation": {"name": "sigmoid"}},
            {"units": 1, "activation": {"name": "linear"}},
        ],
    },
}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"optimizer": {"learning_rate": 0.0065}}, ["learning_rate 0.2 → 0.0065"]),
        (
            {"optimizer": {"name": "adam", "learning_rate": 0.01}},
            ["optimizer sgd → adam", "learning_rate 0.2 → 0.01"],
        ),
        ({"network": {"bias": True}}, ["biases no → yes"]),
        (
            {
                "network": {
                    "layers": [
                        {"units": 4, "activation": {"name": "tanh"}},
                        {"units": 1, "activation": {"name": "linear"}},
                    ]
                }
            },
            ["layer1 activation sigmoid → tanh"],
        ),
        ({"network": {"layers": [{"units": 1}]}}, ["layers 2 → 1"]),
        (
            {
                "network": {
                    "layers": [
                        {"units": 4, "activation": {"name": "sigmoid"}, "bias": True},
                        {"units": 1, "activation": {"name": "linear"}},
                    ]
                }
            },
            ["layer1 biases default → yes"],
        ),
        ({"optimizer": {"clip_norm": None}}, ["clip_norm none → none"]),
        ({"network": {"seed": 3}}, ["weights from seed 3"]),
    ],
)
def test_changes_in_words(changes, words):
    assert change_words(SETTINGS, changes) == words
