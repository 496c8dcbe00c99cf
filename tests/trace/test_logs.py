"""Logs of other programs as traces."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from nndiag.diagnosis import diagnose
from nndiag.errors import NndiagError, RunError
from nndiag.trace import Trace
from nndiag.trace.log_titles import Column, column_of
from nndiag.trace.logs import read_log, read_run
from tests.searching import examples


def log(tmp_path: Path, text: str, *, name: str = "log.csv", encoding: str = "utf-8") -> Trace:
    path = tmp_path / name
    path.write_bytes(text.encode(encoding))
    return read_log(path)


def test_a_csv_of_steps_and_losses_is_a_trace(tmp_path: Path) -> None:
    trace = log(tmp_path, "step,loss\n0,0.5\n2,0.25\n")
    np.testing.assert_array_equal(trace.step, [0, 2])
    np.testing.assert_array_equal(trace.loss, [0.5, 0.25])
    assert trace.layers == ()
    assert trace.ending is not None
    assert (trace.ending.reason, trace.ending.loss) == ("finished", 0.25)


def test_columns_of_layers_become_series_in_the_order_of_the_log(tmp_path: Path) -> None:
    trace = log(
        tmp_path,
        "step,loss,gradient_norm[in],gradient_norm[out],dead_share[out],weight_norm/in\n"
        "0,1,0.1,0.2,0.5,3\n1,1,0.3,0.4,,\n",
    )
    assert trace.layers == ("in", "out")
    np.testing.assert_array_equal(trace.series["gradient_norm"].values, [[0.1, 0.2], [0.3, 0.4]])
    np.testing.assert_array_equal(trace.series["dead_share"].values, [[np.nan, 0.5]])
    np.testing.assert_array_equal(trace.series["weight_norm"].values, [[3, np.nan]])


@pytest.mark.parametrize(
    ("title", "column"),
    [
        ("loss", Column("loss")),
        (" Train Loss ", Column("training_loss")),
        ("train/loss", Column("training_loss")),
        ("val_loss", Column("validation_loss")),
        ("LR", Column("learning_rate")),
        ("Iteration", Column("step")),
        ("grad_norm", Column("gradient_norm")),
        ("grad_norm/fc1.weight", Column("gradient_norm", "fc1.weight")),
        ("gradient_norm[layer1]", Column("gradient_norm", "layer1")),
        ("gradient_norm.layer1", Column("gradient_norm", "layer1")),
        ("loss[layer1]", None),
        ("accuracy", None),
        ("validation_accuracy", None),
        ("gradient_norm[]", None),
        ("", None),
    ],
)
def test_a_title_tells_what_a_column_holds(title: str, column: Column | None) -> None:
    assert column_of(title) == column


def test_json_lines_may_nest_layers(tmp_path: Path) -> None:
    text = "\n".join(
        json.dumps({"step": step, "loss": 1.0 - step, "gradient_norm": norms, "train": {"lr": 1}})
        for step, norms in enumerate([{"a": 1.0, "b": 2.0}, {"a": 3.0, "b": 4.0}])
    )
    trace = log(tmp_path, text, name="log.jsonl")
    assert trace.layers == ("a", "b")
    np.testing.assert_array_equal(trace.series["gradient_norm"].values, [[1, 2], [3, 4]])


def test_a_list_of_numbers_is_one_per_layer(tmp_path: Path) -> None:
    trace = log(tmp_path, 2 * '{"loss": 1, "grad_norm": [0.5, 0.25]}\n', name="log.jsonl")
    assert trace.layers == ("layer1", "layer2")


@pytest.mark.parametrize(
    "text",
    [
        '[{"loss": 1, "val_loss": 2},\n {"loss": 0.5, "val_loss": 3}]',
        '{"loss": [1, 0.5],\n "val_loss": [2, 3]}',
    ],
)
def test_one_json_document_is_a_log_too(tmp_path: Path, text: str) -> None:
    trace = log(tmp_path, text, name="history.json")
    np.testing.assert_array_equal(trace.loss, [1, 0.5])
    np.testing.assert_array_equal(trace.series["validation_loss"].values, [2, 3])


def test_a_single_loss_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="a single loss does not tell how a run went"):
        log(tmp_path, "step,loss\n0,1\n")


def test_values_that_are_not_finite_are_data(tmp_path: Path) -> None:
    csv = log(tmp_path, "loss\n1\nnan\n-inf\nInfinity\n")
    lines = log(tmp_path, '{"loss":1}\n{"loss":NaN}\n{"loss":-Infinity}\n{"loss":"inf"}\n')
    for trace in (csv, lines):
        np.testing.assert_array_equal(trace.loss, [1, np.nan, -np.inf, np.inf])
        assert trace.ending is not None
        assert trace.ending.reason == "non-finite"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("sign", [",", ";", "\t"])
def test_files_of_any_system_are_read(tmp_path: Path, encoding: str, end: str, sign: str) -> None:
    text = end.join(["epoch,loss,lr", "1,0.5,0.1", "2,0.25,0.1", ""]).replace(",", sign)
    trace = log(tmp_path, text, encoding=encoding)
    np.testing.assert_array_equal(trace.step, [1, 2])
    assert trace.facts.learning_rate == 0.1


def test_a_decimal_comma_is_read_between_semicolons(tmp_path: Path) -> None:
    assert log(tmp_path, "sep=;\nstep;loss\n0;0,5\n1;0,4\n").loss[0] == 0.5


def test_comments_and_blank_lines_are_left_out(tmp_path: Path) -> None:
    assert log(tmp_path, "\n# step,loss\n# made by hand\n0,1\n\n1,2\n").steps == 2


def test_rows_of_one_step_are_put_together(tmp_path: Path) -> None:
    trace = log(tmp_path, "epoch,step,train_loss,val_loss\n0,9,0.5,\n0,9,,0.75\n1,19,0.25,\n")
    np.testing.assert_array_equal(trace.step, [9, 19])
    np.testing.assert_array_equal(trace.series["validation_loss"].values, [0.75])


@pytest.mark.parametrize(
    "text",
    [
        "loss\n3\n2\n1\n",
        "epoch,loss\n0,3\n0,2\n1,1\n",  # several rows an epoch
        "epoch,step,loss\n0,0,3\n0,1,2\n1,0,1\n",  # steps that begin again in each epoch
    ],
)
def test_rows_are_counted_where_nothing_else_tells_the_step(tmp_path: Path, text: str) -> None:
    np.testing.assert_array_equal(log(tmp_path, text).step, [0, 1, 2])


@pytest.mark.parametrize("text", ["loss\n2\n1\n0.", '{"loss":2}\n{"loss":1}\n{"loss":0.'])
def test_a_log_that_is_still_written_is_read_as_far_as_it_goes(tmp_path: Path, text: str) -> None:
    assert log(tmp_path, text).steps in (2, 3)  # "0." is a whole number already


def test_the_loss_of_a_batch_is_told_from_that_of_all_examples(tmp_path: Path) -> None:
    trace = log(tmp_path, "loss,train_loss\n1,2\n1,2\n")
    assert (trace.loss[0], trace.series["training_loss"].values[0]) == (1, 2)


def test_constants_become_facts(tmp_path: Path) -> None:
    trace = log(tmp_path, "loss,baseline_loss,total_steps\n1,0.5,100\n1,0.5,100\n")
    assert (trace.facts.baseline_loss, trace.facts.total_steps) == (0.5, 100)


def test_what_is_not_used_is_named(tmp_path: Path) -> None:
    assert log(tmp_path, "loss,accuracy\n1,0.5\n1,0.6\n").facts.settings["columns_not_used"] == [
        "accuracy"
    ]


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ("step,loss\n0,1\n1,low\n", "log.csv:3", "'loss' is no number"),
        ("step,loss\n0,1\n1,2,3\n", "log.csv:3", "row of 3 cells in a table of 2 columns"),
        ("step,loss\n0,1\n0,2\n", "log.csv:3", "step 0 has two losses"),
        ("step,loss\n5,1\n4,2\n", "log.csv:3", "step 4 comes after step 5"),
        ("step,loss\n0.5,1\n", "log.csv:2", "whole number"),
        ("step,loss\n-1,1\n", "log.csv:2", "whole number"),
        ("step,accuracy\n0,1\n", "log.csv", "no column holds a loss"),
        ("0,1\n1,2\n", "log.csv:1", "no names"),
        ("loss,loss\n0,1\n", "log.csv:2", "two columns"),
        ("step,loss\n", "log.csv:1", "a header and no rows"),
        ("", "log.csv", "empty"),
        ('{"loss": 1}\n{"loss": oops}\n{"loss": 1}\n', "log.csv:2:10", "no JSON"),
        ('{"loss": 1}\n[1, 2]\n{"loss": 1}\n', "log.csv:2", "no JSON object"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(
    tmp_path: Path, text: str, place: str, message: str
) -> None:
    with pytest.raises(RunError) as caught:
        log(tmp_path, text)
    assert message in str(caught.value)
    assert f"{place}: " in str(caught.value)


def test_all_bad_rows_are_told_but_not_endlessly(tmp_path: Path) -> None:
    with pytest.raises(RunError) as caught:
        log(tmp_path, "loss\n" + "bad\n" * 1000)
    assert 5 <= len(caught.value.problems) <= 12


def test_a_binary_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.npz").write_bytes(b"PK\x03\x04\xff\xfe\x00")
    with pytest.raises(RunError, match="not UTF-8 text"):
        read_log(tmp_path / "x.npz")


def test_a_missing_file_and_an_empty_folder_are_told(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="no such run"):
        read_run(tmp_path / "nothing.csv")
    with pytest.raises(RunError, match="no run is stored here"):
        read_run(tmp_path)


def test_a_file_that_is_too_large_is_refused_unread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nndiag.tables.content.LARGEST_FILE", 10)
    with pytest.raises(RunError, match="too large"):
        log(tmp_path, "loss\n1\n2\n3\n4\n")


def test_an_exploding_log_is_judged_and_what_it_lacks_is_not_looked_at(tmp_path: Path) -> None:
    rows = [f"{step},{math.exp(step)}" for step in range(100)]
    judged = diagnose(log(tmp_path, "step,loss\n" + "\n".join(rows)))
    assert judged.outcome == "diverged"
    assert "exploding-loss" in {finding.problem for finding in judged.findings}
    reasons = {skipped.problem: skipped.reason for skipped in judged.not_checked}
    assert "gradient norm" in reasons["vanishing-gradients"]
    assert "targets" in reasons["targets-outside-output-range"]


cells = st.one_of(
    st.floats().map(str),
    st.integers().map(str),
    st.sampled_from(["", "nan", "1e999", "-", "null", '"', "a,b", "\x00", "#", "0,5", "1e400"]),
    st.text(max_size=5),
)
titles = st.one_of(
    st.sampled_from(
        ["step", "loss", "epoch", "train_loss", "gradient_norm[a]", "gradient_norm[b]", "lr",
         "grad_norm", "dead_share[a]", "val_loss", "batch_size", "baseline_loss", "x", ""]
    ),
    st.text(max_size=8),
)  # fmt: skip


@examples(200)
@example(header=["step"], rows=[["COST"], ["0.0", " ", "0"]], end="\n")
@given(
    header=st.lists(titles, min_size=1, max_size=6),
    rows=st.lists(st.lists(cells, min_size=1, max_size=6), max_size=12),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
)
def test_no_csv_gives_a_traceback(
    tmp_path_factory: pytest.TempPathFactory, header: list[str], rows: list[list[str]], end: str
) -> None:
    path = tmp_path_factory.mktemp("logs") / "log.csv"
    lines = [",".join(header), *(",".join(row) for row in rows)]
    path.write_bytes(end.join(lines).encode("utf-8", "surrogatepass"))
    judge_or_refuse(path)


json_values = st.recursive(
    st.one_of(st.floats(), st.integers(), st.none(), st.booleans(), st.text(max_size=4)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(titles, inner, max_size=3),
    max_leaves=6,
)


@examples(200)
@given(rows=st.lists(st.dictionaries(titles, json_values, max_size=5) | json_values, max_size=10))
def test_no_json_lines_give_a_traceback(
    tmp_path_factory: pytest.TempPathFactory, rows: list[object]
) -> None:
    path = tmp_path_factory.mktemp("logs") / "log.jsonl"
    text = "\n".join(json.dumps(row) for row in rows)
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    judge_or_refuse(path)


@examples(100)
@given(data=st.binary(max_size=200))
def test_no_bytes_give_a_traceback(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.mktemp("logs") / "log.csv"
    path.write_bytes(data)
    judge_or_refuse(path)


def judge_or_refuse(path: Path) -> None:
    try:
        trace = read_log(path)
    except NndiagError:
        return
    assert trace.steps >= 1
    assert np.all(np.diff(trace.step) > 0)
    diagnose(trace)


@pytest.mark.parametrize(
    "text",
    [
        "step,loss,note,grad_norm[a]\n0,1,x,2\n1,nan,y,inf\n2,1e-3,z,-0.5",
        "step;train_loss;loss\n0;1;2\n1;2;3\n",
        "epoch\tloss\r\n1\t0.5\r\n2\t0.25\r\n",
    ],
)
def test_reading_at_once_gives_what_reading_by_rows_gives(
    tmp_path: Path, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nndiag.tables.delimited._LARGE", 0)
    at_once = log(tmp_path, text)
    monkeypatch.setattr("nndiag.tables.delimited._LARGE", 10**9)
    by_rows = log(tmp_path, text)
    np.testing.assert_array_equal(at_once.step, by_rows.step)
    np.testing.assert_array_equal(at_once.loss, by_rows.loss)
    assert at_once.series.keys() == by_rows.series.keys()
    for name, series in at_once.series.items():
        np.testing.assert_array_equal(series.values, by_rows.series[name].values)
    assert at_once.facts.settings == by_rows.facts.settings
