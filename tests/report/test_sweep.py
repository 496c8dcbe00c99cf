"""The report of a sweep, to the letter, at the widths at which people read, and its JSON."""

import json
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.figure import Figure
from rich.console import Console

from nndiag.diagnosis.sweep_findings import sweep_findings
from nndiag.plain import json_text
from nndiag.plots.sweep import draw, sweep_picture
from nndiag.report.sweep import sweep_line, sweep_report
from nndiag.report.sweep_document import sweep_document
from nndiag.report.sweep_words import factor, failure_words, reading_words, theory_words
from nndiag.trace import Stability
from nndiag.training.sweep_failure import Failure, Reason
from nndiag.training.sweep_ranking import rates_of
from nndiag.training.sweep_result import Sweep
from nndiag.training.sweep_runs import ShortRun
from nndiag.training.sweep_theory import Reading, Theory
from nndiag.training.sweep_threshold import Threshold
from nndiag.training.sweep_verdict import Fate

STEPS = np.array([0, 1, 100, 1000])


def run(rate, final, seed=0):
    """A run from loss 0.5, the mean baseline's, falling evenly in log(step)."""
    curve = np.geomspace(0.5, final, 4) if np.isfinite(final) else np.array([0.5, 9, *[np.nan] * 2])
    return ShortRun(
        rate=rate, seed=seed, initial=0.5, reference=0.5, steps=STEPS, curve=curve, final=final,
        peak=max(0.5, final), lost_at=None if np.isfinite(final) else 7 + seed, swing=0.0,
        amplitude=0.0, flat_share=None,
    )  # fmt: skip


LOSSES = {
    0.001: 0.49,
    0.002: 0.4,
    0.004: 0.3,
    0.01: 0.03,
    0.02: 0.01,
    0.04: 0.02,
    0.08: np.inf,
    0.2: np.inf,
}
START = Stability(
    rule="2/λ_max",
    learning_rate=0.2,
    sharpness=40.0,
    stability_limit=0.05,
    batch_limits=None,
    batch_size=None,
    adaptive=False,
    changes=(),
)


def sweep(**known):
    """A sweep of two seeds, of which the second ends a little lower than the first."""
    runs = [
        run(rate, loss / (1 + seed / 4), seed) for rate, loss in LOSSES.items() for seed in (0, 1)
    ]
    values = {
        "name": "my-net",
        "optimizer": "sgd",
        "setting": "optimizer.learning_rate",
        "configured": 0.2,
        "batch_size": None,
        "steps": 1000,
        "final_steps": 1000,
        "total_steps": 1000,
        "seeds": (0, 1),
        "rates": rates_of(runs),
        "band": (0.01, 0.04),
        "best": 0.02,
        "best_of_seeds": (0.01, 0.02),
        "threshold": Threshold(0.05, 0.05, 0.055, 0.051, Fate.DIVERGES, (7, 8), None),
        "recommended": 0.02,
        "recommended_runs": (run(0.02, 0.01), run(0.02, 0.02, 1)),
        "learned": 2,
        "theory": Theory(START, (0.05, 0.06), 1.0, 0.04, Reading.AGREE),
        "failure": None,
        "interrupted": False,
        "runs": 22,
        "seconds": 1.5,
    }
    return Sweep(**(values | known))


def told(result, *, width=80, **known):
    """What the terminal shows."""
    console = Console(width=width, no_color=True, highlight=False)
    with console.capture() as captured:
        console.print(sweep_report(result, sweep_findings(result), **known))
    return "\n".join(line.rstrip() for line in captured.get().splitlines())


AT_80 = """\
my-net  sgd · 22 runs, 2 seeds · 1,000 steps each
╭──────────────────────────────────────────────────────────────────────────────╮
│ Learning rate 0.2 is above the divergence threshold 0.05                     │
│ use       optimizer.learning_rate=0.02                                       │
│ works     from 0.01 to 0.04                                                  │
│ best      0.02 (of single seeds: 0.01 to 0.02)                               │
│ threshold 0.05 (in other seeds up to 0.055); beyond, a run diverges within 7 │
│           to 8 steps                                                         │
│ theory    stability limit 2/λ_max = 0.05 to 0.06 at the start (λ_max 40);    │
│           measured: the same. Theory and measurement agree within a factor   │
│           of 2.                                                              │
╰──────────────────────────────────────────────────────────────────────────────╯
loss   ████████▇▇▇▇▃▃▃▃▁▁▁▁▂▂▂▂ ✗   ✗
works              ━━━━━━━━━━━━
                        ▲           c
       0.001  ▲ use  c configured   0.2

learning rate       final loss  over the seeds  what happens
0.001 to 0.004  0.438 to 0.268     0.24 – 0.49  learns slowly
0.01                    0.0268    0.024 – 0.03  works
0.02                   0.00894    0.008 – 0.01  works · best
0.04                    0.0179    0.016 – 0.02  works
0.08                       inf                  diverges
0.2                        inf                  diverges · configured
"""


def test_the_report_at_80_columns():
    assert told(sweep()) == AT_80


@pytest.mark.parametrize("width", [40, 60, 80])
def test_every_rate_keeps_its_fate_whatever_the_width(width):
    table = told(sweep(), width=width).rpartition("▲")[2]
    assert "works" in table
    assert "diverges" in table
    assert "…" not in table


@pytest.mark.parametrize("width", [40, 80, 120])
def test_no_line_is_longer_than_the_console(width):
    for line in told(
        sweep(), width=width, run="runs/x", next_command="nndiag train x"
    ).splitlines():
        assert len(line) <= width


@pytest.mark.parametrize(
    ("band", "words"), [((0.01, 0.04), "from 0.01 to 0.04"), ((0.02, 0.02), "0.02 alone")]
)
def test_a_band_of_one_rate_is_called_so(band, words):
    assert f"works     {words}" in told(sweep(band=band))


def test_the_table_folds_what_is_the_same_outside_the_band():
    text = told(sweep())
    assert "0.08 " in text
    rows = [line.split("  ")[0] for line in text.splitlines()]
    assert "0.01" in rows
    assert "0.02" in rows
    assert any(row.startswith("0.001") for row in rows)


def test_ends_with_the_next_command():
    text = told(sweep(), run="runs/my-net", next_command="nndiag train my.yaml")
    assert text.splitlines()[-2:] == ["run  runs/my-net", "next nndiag train my.yaml"]


@pytest.mark.parametrize(
    ("configured", "words"),
    [
        (0.2, "Learning rate 0.2 is above the divergence threshold 0.05"),
        (0.02, "Learning rate 0.02 is as good as the best"),
        (0.01, "Learning rate 0.01 works; the best is 0.02"),
        (0.001, "Learning rate 0.001 is too small; the best is 0.02"),
        (0.045, "Learning rate 0.045 is large; the best is 0.02"),
    ],
)
def test_says_where_the_configured_rate_is(configured, words):
    assert words in told(sweep(configured=configured))


def test_says_which_to_believe_where_threshold_and_limit_differ():
    for reading in Reading:
        words = reading_words(Theory(START, (0.05, 0.06), 4.0, 0.3, reading))
        assert words is not None
        assert ("The measurement holds" in words) is (reading is not Reading.AGREE)


def test_tells_the_limits_of_single_batches():
    noisy = replace(START, batch_limits=(0.01, 0.07), batch_size=10)
    words = reading_words(Theory(noisy, (0.05, 0.06), 0.3, 0.05, Reading.NOISE))
    assert "0.01 to 0.07" in words


@pytest.mark.parametrize("reason", Reason)
def test_says_what_it_means_that_no_rate_learns(reason):
    failure = Failure(reason, 0.5, 0.5, 0.49, 1e-3, 0.8, 0.0)
    nothing = {"band": None, "best": None, "best_of_seeds": None, "threshold": None}
    result = sweep(failure=failure, recommended=None, recommended_runs=(), **nothing)
    text = told(result)
    assert "No learning rate learns" in text
    assert failure_words(failure)[:20] in text
    assert "optimizer.learning_rate" not in text


def test_where_nothing_learns_no_rate_is_said_to_be_too_small_or_the_threshold():
    failure = Failure(Reason.FLAT_UNITS, 0.5, 0.5, 0.49, 1e-3, 0.8, 0.0)
    nothing = {"band": None, "best": None, "best_of_seeds": None, "threshold": None}
    result = sweep(failure=failure, recommended=None, recommended_runs=(), **nothing)
    small = [replace(rate, fates=(Fate.TOO_SMALL,) * 2) for rate in result.rates]
    text = told(replace(result, rates=tuple(small)))
    assert "too small" not in text
    assert "does not learn" in text
    assert "\n│ divergence threshold" not in text
    assert "works" not in text


def test_the_limit_of_an_adaptive_optimizer_is_compared_where_its_run_ends():
    adaptive = replace(START, adaptive=True)
    words = theory_words(Theory(adaptive, (1e-8, 1e-7), 0.5, 0.1, Reading.MOVES))
    assert words.endswith(
        "0.1 at the end of a run at the divergence threshold; measured: 0.5 × that"
    )


def test_a_best_rate_of_longer_runs_is_told_as_such():
    assert "best in 4,000 steps" in told(sweep(final_steps=4000))


def test_a_rate_that_does_not_learn_with_every_seed_is_told_as_such():
    assert "learns with 1 of 2 seeds" in told(sweep(learned=1))
    assert "seeds" not in told(sweep()).splitlines()[3]


def test_a_number_in_a_program_is_replaced_and_a_name_is_set():
    number, name = sweep(setting="0.01"), sweep(setting="self.rate")
    assert "use       0.02 in place of 0.01" in told(number)
    assert "use       self.rate=0.02" in told(name)


def test_a_sweep_that_was_cut_short_says_so():
    assert "interrupted" in told(sweep(interrupted=True)).splitlines()[0]


def test_longer_finals_are_told():
    text = told(sweep(final_steps=4000, total_steps=10_000))
    assert text.splitlines()[0].endswith("1,000 steps each, the best 4,000 of 10,000")


def test_the_json_has_the_keys_of_the_contract():
    result = sweep()
    document = json.loads(json_text(sweep_document(result, sweep_findings(result), run="runs/x")))
    assert document["version"] == 2
    assert document["command"] == "sweep-lr"
    assert document["config"] == "my-net"
    assert document["band"] == {"low": 0.01, "high": 0.04}
    assert document["best"] == 0.02
    assert document["divergence_threshold"]["value"] == 0.05
    assert document["theory"]["stability_limit"] == 0.05
    assert document["recommended"] == 0.02
    assert [row["rate"] for row in document["rates"]] == list(LOSSES)
    assert document["rates"][-1]["loss"] == "inf"
    assert document["cause"]["problem"] == "learning-rate-above-stability-limit"
    assert document["cause"]["confidence"] == "confirmed"
    assert document["findings"][0]["evidence"][0]["limit"] == 0.05


def test_a_rate_that_another_one_beats_tenfold_is_too_small():
    # At 0.001 the loss ends at 0.49; from 0.5 to 0.01 in three even parts, 0.02 is at 0.136
    # after 1 step: 1,000 times faster.
    (found,) = sweep_findings(sweep(configured=0.001))
    assert found.problem == "learning-rate-too-small"
    assert found.evidence[0].observed == 1000
    assert found.remedies == ("optimizer.learning_rate=0.02",)


def test_says_nothing_against_a_good_rate():
    assert sweep_findings(sweep(configured=0.02)) == ()


def test_the_line_of_quiet():
    assert (
        sweep_line(sweep()) == "learning rate 0.2 is above the divergence threshold 0.05; use 0.02"
    )


def test_the_picture_shows_seeds_band_threshold_and_limit():
    axes = Figure().add_subplot()
    draw(sweep(), axes)
    labels = axes.get_legend_handles_labels()[1]
    assert labels == [
        "seed 0",
        "seed 1",
        "works",
        "divergence threshold (measured) 0.05",
        "stability limit (theory) 0.05",
        "configured 0.2",
        "recommended 0.02",
    ]
    line = axes.get_lines()[0]
    np.testing.assert_allclose(line.get_xdata(), np.log10(list(LOSSES)))
    finite = [loss for loss in LOSSES.values() if np.isfinite(loss)]
    np.testing.assert_allclose(line.get_ydata()[: len(finite)], np.log10(finite))
    assert np.isnan(line.get_ydata()[len(finite) :]).all()


def test_the_picture_is_a_png_also_where_everything_diverged():
    everything = rates_of([run(rate, np.inf) for rate in LOSSES])
    picture = sweep_picture(
        sweep(rates=everything, seeds=(0,), band=None, threshold=None, best=None)
    )
    assert picture.startswith(b"\x89PNG")


@pytest.mark.parametrize(("value", "words"), [(15.26, "15"), (1.04, "1"), (285.4, "290")])
def test_factors_have_two_digits(value, words):
    assert factor(value) == words


def test_the_picture_leaves_out_a_limit_that_moves_with_the_run():
    axes = Figure().add_subplot()
    adaptive = Theory(replace(START, adaptive=True), (1e-7, 1e-7), 1.0, 0.04, Reading.MOVES)
    draw(sweep(theory=adaptive), axes)
    assert not any("stability_limit" in label for label in axes.get_legend_handles_labels()[1])
    assert min(axes.get_xlim()) > -4  # no rate below 0.001 was tried
