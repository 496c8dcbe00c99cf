"""`nndiag init`: a config that trains as it is, and never overwrites."""

from pathlib import Path

import pytest

import nndiag
from nndiag.experiment import load_experiment
from nndiag.experiment.starter import SYNTHETIC, starter_config
from nndiag.finding import Severity


@pytest.mark.parametrize("data", SYNTHETIC)
def test_every_starting_config_trains_without_an_error(data, tmp_path):
    file = tmp_path / "start.yaml"
    file.write_text(starter_config(data, file=file))
    result = nndiag.train(file, {"training.steps": 300})
    assert [x for x in result.findings if x.severity is Severity.ERROR] == []
    assert result.diagnosis.numbers["r_squared"] > 0


def test_a_config_is_written_and_the_next_command_told(command, folder):
    ended = command("init")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out == "written experiment.yaml\nnext    nndiag doctor experiment.yaml\n"
    assert load_experiment(folder / "experiment.yaml").config.dataset.name == "sine"


def test_it_is_full_of_comments(command, folder):
    command("init", "new/net.yaml", "--data", "circles")
    text = (folder / "new" / "net.yaml").read_text()
    assert text.count("#") >= 8
    assert "nndiag sweep-lr new/net.yaml" in text


def test_an_existing_file_is_left_alone(command, folder):
    before = (folder / "healthy.yaml").read_text()
    ended = command("init", "healthy.yaml")
    assert ended.code == 2
    assert "exists already" in ended.err
    assert (folder / "healthy.yaml").read_text() == before


@pytest.mark.parametrize(
    ("rows", "output", "loss"),
    [
        ("a,b,y\n1,2,3.5\n2,1,4.5\n3,3,1\n", "linear", "mean_squared_error"),
        ("a,b,y\n1,2,0\n2,1,1\n3,3,1\n", "sigmoid", "binary_cross_entropy"),
        ("a b;null;no\n1;2;0\n2;1;1\n3;3;2\n", "softmax", "softmax_cross_entropy"),
        (",a,y\n0,2,3.5\n1,1,4.5\n2,3,1\n", "linear", "mean_squared_error"),  # an index
        ("a,a,y\n1,2,yes\n2,1,no\n3,3,no\n", "sigmoid", "binary_cross_entropy"),
        ("a;y\n1,5;fig\n2;pear\n3,25;plum\n", "softmax", "softmax_cross_entropy"),
    ],
)
def test_a_csv_file_gives_the_task_that_its_last_column_asks_for(
    command, folder, rows, output, loss
):
    (folder / "my data.csv").write_text(rows)
    assert command("init", "net.yaml", "--data", "my data.csv").code == 0
    config = load_experiment(folder / "net.yaml").config
    assert config.network.layers[-1].activation.name == output
    assert config.loss.name == loss
    assert command("train", "net.yaml", "training.steps=20", "--quiet").code in (0, 1)


def test_the_path_of_the_data_is_relative_to_the_config(command, folder):
    (folder / "sub").mkdir()
    (folder / "sub" / "d.csv").write_text("a,y\n1,2\n2,5\n3,1\n")
    assert command("init", "sub/net.yaml", "--data", "sub/d.csv").code == 0
    assert "path: d.csv" in (folder / "sub" / "net.yaml").read_text()


@pytest.mark.parametrize("data", ["sinus", "missing.csv", ""])
def test_unknown_data_are_told_and_nothing_is_written(command, folder, data):
    ended = command("init", "net.yaml", "--data", data)
    assert ended.code == 2
    assert "neither a data set nor a file" in ended.err
    assert not (folder / "net.yaml").exists()


def test_a_csv_that_cannot_be_read_is_told_with_its_line(command, folder):
    (folder / "bad.csv").write_text("a,y\n1,2\n2,low\n")
    ended = command("init", "net.yaml", "--data", "bad.csv")
    assert ended.code == 2
    assert "bad.csv:3" in ended.err


def test_nothing_is_asked_where_there_is_no_terminal(process):
    ended = process("init", "net.yaml")
    assert (ended.code, ended.err) == (0, "")


def test_a_folder_that_cannot_be_written_is_told(command, folder):
    (folder / "file").write_text("")
    ended = command("init", str(Path("file") / "net.yaml"))
    assert ended.code == 2
    assert "its folder cannot be made" in ended.err


def test_columns_that_hold_no_numbers_are_left_out_and_told(command, folder):
    (folder / "h.csv").write_text(
        "date,city,area,rooms,price\n2020-01-01,Bern,50,2,200\n2020-01-02,,80,,320\n"
    )
    ended = command("init", "a.yaml", "--data", "h.csv")
    assert ended.code == 0
    assert "column price, the last one, is what is predicted" in ended.err
    assert "date (text), city (not a number), rooms (empty cell)" in ended.err
    assert "x: [area]\n  y: price\n" in (folder / "a.yaml").read_text()


def test_another_column_is_predicted_where_it_is_asked_for(command, folder):
    (folder / "h.csv").write_text("area,rooms,price\n50,2,200\n80,3,320\n60,1,210\n")
    ended = command("init", "a.yaml", "--data", "h.csv", "--target", "area")
    assert (ended.code, ended.err) == (0, "")
    assert "x: [rooms, price]\n  y: area\n" in (folder / "a.yaml").read_text()
    assert (
        "no column 'aera'" in command("init", "b.yaml", "--data", "h.csv", "--target", "aera").err
    )


def test_editors_are_told_where_the_schema_is(command, folder):
    command("init", "a.yaml", "--data", "sine")
    first = (folder / "a.yaml").read_text().splitlines()[0]
    assert first == "# yaml-language-server: $schema=nndiag.schema.json"


def test_a_table_without_a_column_of_numbers_is_told_by_column(command, folder):
    (folder / "words.csv").write_text("when,size,price\n2020-01-01,1,2\n2020-01-02,,3\n")
    ended = command("init", "new.yaml", "--data", "words.csv")
    assert ended.code == 2
    assert "words.csv: no column beside price holds a number in each row" in ended.err
    assert "got: when (text), size (empty cell)" in ended.err
    assert not (folder / "new.yaml").exists()
