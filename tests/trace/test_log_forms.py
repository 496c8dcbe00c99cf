"""Logs in the forms that people have them: each is a file of `tests/tables/logs`."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from nndiag.errors import RunError
from nndiag.trace.logs import read_log

LOGS = Path(__file__).parents[1] / "tables" / "logs"


@dataclass(frozen=True)
class Told:
    """What a log tells, counted and read off in the file.

    Attributes:
        rows: Number of losses.
        losses: The first and the last one.
        unit: What is counted.
        last: The last step, epoch or row.
        validation: Number of validation losses, and the last; None without.
    """

    rows: int
    losses: tuple[float, float]
    unit: str
    last: int
    validation: tuple[int, float] | None = None


TOLD = {
    "array_printed.txt": Told(8, (1.2, 0.354109), "row", 7),
    "blocks.txt": Told(8, (1.2, 0.3541), "step", 8),
    "colours.txt": Told(8, (1.2, 0.3541), "epoch", 8, (8, 0.4541)),
    "cost_after_iterations.txt": Told(8, (1.2, 0.354109), "step", 350),
    "errors_with_signs.txt": Told(8, (1.2, 0.354), "row", 7),
    "objects_behind_words.txt": Told(8, (1.2, 0.3541), "step", 800),
    "old_encoding.csv": Told(8, (1.2, 0.3541), "epoch", 8),
    "tensors.txt": Told(8, (1.2, 0.3541), "step", 7),
    "tuples.txt": Told(8, (1.2, 0.354109), "step", 35),
    "dates_in_brackets.txt": Told(8, (2.4, 0.7082), "step", 159),
    "one_bar.txt": Told(8, (1.2, 0.3541), "step", 7),
    "average_meters.txt": Told(9, (1.2, 0.38165), "row", 8),
    "bare_losses.json": Told(8, (1.2, 0.354729), "row", 7),
    "bare_losses.txt": Told(8, (1.2, 0.35473), "row", 7),
    "boosting_one_set.json": Told(8, (1.25, 0.522648), "row", 7),
    "boosting_results.json": Told(8, (1.2, 0.354729), "row", 7, (8, 0.522648)),
    "boosting_tabs.txt": Told(8, (1.2, 0.35473), "step", 7, (8, 0.52265)),
    "detector_framework.txt": Told(8, (504.0, 148.98622), "step", 8),
    "epoch_in_brackets.txt": Told(8, (1.2, 0.3547), "epoch", 8),
    "epochs_as_keys.json": Told(8, (1.2, 0.354729), "step", 7, (8, 0.522648)),
    "history_object.json": Told(8, (1.2, 0.354729), "epoch", 7, (8, 0.522648)),
    "iterations_with_bars.txt": Told(8, (1.2, 0.355), "step", 70),
    "layers_library.log": Told(8, (1.2, 0.35473), "step", 700),
    "lines_of_json.jsonl": Told(8, (1.2, 0.354729), "step", 70),
    "metrics_long.csv": Told(8, (1.2, 0.3547), "step", 7, (8, 0.5226)),
    "mixture.txt": Told(8, (1.2, 0.35), "epoch", 8),
    "nan_in_text.txt": Told(8, (1.2, float("nan")), "epoch", 7),
    "none_in_cells.csv": Told(8, (1.2, 0.3547), "step", 7, (2, 0.5616)),
    "progress_epochs.txt": Told(8, (1.2, 0.3547), "epoch", 8, (8, 0.5226)),
    "results_of_detection.csv": Told(8, (1.2, 0.35473), "epoch", 8, (8, 0.52265)),
    "scalars.json": Told(8, (1.2, 0.354729), "step", 70),
    "sections_by_word.txt": Told(8, (1.2, 0.3547), "epoch", 7, (8, 0.5226)),
    "steps_equal.txt": Told(8, (1.2, 0.355), "step", 700),
    "validation_only.csv": Told(8, (1.25, 0.5226), "epoch", 7),
    "wall_time.csv": Told(8, (1.2, 0.354729), "step", 140),
    "words_and_arrows.txt": Told(8, (1.2, 0.3547), "epoch", 7, (8, 0.5226)),
    "batches_and_tests.txt": Told(12, (2.287494, 0.308086), "row", 13, (3, 0.1333)),
    "boosting_quotes.txt": Told(9, (0.6712, 0.350236), "step", 90, (9, 0.445526)),
    "dashboard_export.csv": Told(12, (0.89747, 0.33747), "step", 599),
    "dictionaries_printed.txt": Told(10, (2.1, 1.2448), "row", 10, (2, 1.3448)),
    "fields_between_bars.log": Told(8, (9.1, 4.675147), "step", 800),
    "iterations_with_stamps.txt": Told(40, (4.1838, 2.4749), "step", 390, (4, 2.5925)),
    "keras_verbose_2.txt": Told(8, (1.0923, 0.3859), "epoch", 8, (8, 0.4865)),
    "learn_and_test.txt": Told(7, (0.8, 0.2298722), "step", 600, (7, 0.3748935)),
    "markdown_table.md": Told(7, (0.8, 0.2299), "epoch", 7, (7, 0.3749)),
    "metric_file.txt": Told(9, (0.69, 0.42015), "step", 8),
    "notebook_table.txt": Told(7, (0.8, 0.229872), "epoch", 6, (7, 0.374894)),
    "pasted_list.txt": Told(15, (0.7, 0.1365), "row", 14),
    "phases_of_epochs.txt": Told(6, (0.71, 0.2602), "epoch", 5, (6, 0.263)),
    "printed_frame.txt": Told(7, (0.8, 0.229872), "epoch", 7, (7, 0.374894)),
    "progress_bar.txt": Told(5, (1.5, 0.722), "epoch", 5),
    "rows_of_one_kind_each.csv": Told(9, (1.400526, 0.570046), "step", 449, (3, 0.7)),
    "spreadsheet.csv": Told(7, (0.8, 0.2299), "epoch", 7, (7, 0.3749)),
    "trainer_state.json": Told(10, (3.1, 1.5792), "step", 500, (2, 1.7792)),
    "two_losses_in_brackets.txt": Told(8, (1.7, 1.0), "row", 7),
    "verbose_classifier.txt": Told(12, (0.69, 0.32493), "step", 12),
    "batches_in_brackets.txt": Told(8, (1.2, 0.282354), "epoch", 7, (8, 0.382354)),
    "batches_of_validation.jsonl": Told(8, (1.2, 0.282354), "row", 8),
    "decimal_commas.txt": Told(8, (1.2, 0.2824), "epoch", 8),
    "frame_in_html.html": Told(8, (1.2, 0.282354), "epoch", 7, (8, 0.382354)),
    "parts_and_total.txt": Told(8, (1.2, 0.2824), "epoch", 7),
    "percent_before_loss.txt": Told(8, (1.2, 0.2824), "row", 8, (2, 0.3824)),
    "table_with_bars.txt": Told(8, (1.2, 0.282), "epoch", 8),
    "wide_titles.txt": Told(8, (1.2, 0.282), "step", 7),
    "cross_entropy_short.txt": Told(8, (1.2, 0.28), "step", 400),
    "metric_values.json": Told(8, (1.2, 0.282354), "step", 70),
    "pairs_printed.txt": Told(8, (1.2, 0.2824), "step", 35),
    "results_with_heading.txt": Told(8, (1.2, 0.2824), "row", 8, (2, 0.3824)),
    "after_thousands.txt": Told(8, (0.7, 0.4888), "step", 7000),
    "blocks_of_parts.txt": Told(10, (1.0, 0.3874), "epoch", 10, (10, 0.6062)),
    "fractions_of_updates.txt": Told(20, (8.55, 3.226), "step", 2000),
    "after_so_many.txt": Told(12, (0.75, 0.397296), "step", 11000),
    "words_run_together.txt": Told(8, (1.2, 0.28), "step", 6500),
}

REFUSED = {
    "german_words.txt": "no column holds a loss|no names",
    "runs_with_headings.txt": "the file holds 3 runs: its epochs begin anew",
    "runs_side_by_side.csv": "the file holds 2 runs side by side",
    "several_runs_by_column.csv": "the file holds 3 runs: its epochs begin anew",
    "table_of_runs.csv": "a table of runs, one row each",
    "trials.csv": "a table of runs, one row each",
    "two_runs_appended.csv": "the file holds 2 runs: its epochs begin anew",
}


def rough(numbers):
    return pytest.approx(numbers, rel=1e-4, nan_ok=True)  # digits as they are printed


def test_every_log_is_expected_to_be_read_or_refused():
    assert {path.name for path in LOGS.iterdir()} == TOLD.keys() | REFUSED.keys()


@pytest.mark.parametrize("name", TOLD)
def test_reads_a_log_in_its_form(name):
    told, trace = TOLD[name], read_log(LOGS / name)
    assert (trace.steps, trace.facts.unit, trace.step[-1]) == (told.rows, told.unit, told.last)
    assert (trace.loss[0], trace.loss[-1]) == rough(told.losses)
    held_out = trace.series.get("validation_loss")
    seen = None if held_out is None else (len(held_out.steps), held_out.values[-1])
    assert seen == (told.validation and rough(told.validation))


@pytest.mark.parametrize("name", REFUSED)
def test_refuses_what_is_not_the_course_of_one_run(name):
    with pytest.raises(RunError, match=REFUSED[name]):
        read_log(LOGS / name)


def test_another_loss_of_the_log_is_judged_where_its_column_is_named():
    trace = read_log(LOGS / "two_losses_in_brackets.txt", loss="loss_g")
    assert (trace.loss[0], trace.loss[-1]) == (4.2, 6.3)
    assert trace.facts.settings["losses"] == {"Loss_G": "loss"}


def test_a_column_that_is_not_there_is_told_with_those_that_are():
    with pytest.raises(RunError, match=r"no column 'Loss_X'\n  allowed: .*'Loss_D', 'Loss_G'"):
        read_log(LOGS / "two_losses_in_brackets.txt", loss="Loss_X")
