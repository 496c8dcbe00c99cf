import io
import zipfile

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from nndiag.errors import DataError
from nndiag.nn.datasets import DATASETS
from nndiag.tables import LARGEST_FILE
from tests.searching import examples

PLAIN = "a,b,y\n1,2,3\n4,5,6\n"
PIECES = ["1", "2,5", "0", "a", "#", ",", ";", "sep=;", " ", "\t", "\n", "\n"]


@pytest.fixture
def read_csv(tmp_path):
    def read(content, **options):
        path = tmp_path / "data.csv"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return DATASETS.get("csv")(np.random.default_rng(0), path=path, **options)

    return read


@pytest.fixture
def read_npz(tmp_path):
    def read(arrays, **options):
        path = tmp_path / "data.npz"
        np.savez(path, **arrays)
        return DATASETS.get("npz")(np.random.default_rng(0), path=path, **options)

    return read


def problems(call, *arguments, **options):
    with pytest.raises(DataError) as caught:
        call(*arguments, **options)
    return caught.value.problems


@pytest.mark.parametrize(
    "content",
    [
        PLAIN,
        PLAIN.replace("\n", "\r\n"),
        PLAIN.replace("\n", "\r"),
        PLAIN.replace(",", ";"),
        PLAIN.replace(",", "\t"),
        PLAIN.replace(",", " , "),
        "\ufeff" + PLAIN,
        "# " + PLAIN,
        '"a","b","y"\n"1","2","3"\n4,5,6',
        "\na,b,y\n\n1,2,3\n4,5,6\n\n\n",
        "# written by hand\n" + PLAIN + "# the end\n",
        "#made by a program\n# a,b,y\n1,2,3\n4,5,6\n",
        "a  b y\n 1 2\t3\n4   5 6 \n".replace("\t", " "),
        "# a b y\n1.0e+00 2.0e+00 3.0e+00\n4.0e+00 5.0e+00 6.0e+00\n",
        "sep=;\n" + PLAIN.replace(",", ";"),
        PLAIN.encode("utf-16"),
        "a;b;y\n1,0;2,0;3\n4,0;5;6,0\n",
    ],
    ids=[
        "plain",
        "crlf",
        "cr",
        "semicolons",
        "tabs",
        "spaces",
        "bom",
        "hash",
        "quotes",
        "blank lines",
        "comments",
        "header in a comment",
        "any number of spaces",
        "savetxt",
        "excel",
        "utf-16",
        "decimal commas",
    ],
)
def test_reads_the_usual_ways_of_writing(read_csv, content):
    data = read_csv(content)
    np.testing.assert_array_equal(data.inputs, [[1, 2], [4, 5]])
    np.testing.assert_array_equal(data.targets, [[3], [6]])
    assert (data.input_names, data.target_names) == (("a", "b"), ("y",))


def test_reads_a_file_without_a_header(read_csv):
    data = read_csv("1,2,3\n4,5,6\n")
    np.testing.assert_array_equal(data.inputs, [[1, 2], [4, 5]])
    assert data.input_names == ("column0", "column1")


@pytest.mark.parametrize(
    ("options", "inputs", "targets"),
    [
        ({"y": "a"}, ("b", "y"), ("a",)),
        ({"y": ["y", "a"]}, ("b",), ("y", "a")),
        ({"x": "b"}, ("b",), ("y",)),
        ({"x": ["b", 0], "y": 2}, ("b", "a"), ("y",)),
    ],
)
def test_takes_the_columns_that_are_named(read_csv, options, inputs, targets):
    data = read_csv(PLAIN, **options)
    assert (data.input_names, data.target_names) == (inputs, targets)


def test_ignores_text_in_columns_that_are_not_used(read_csv):
    data = read_csv("id,a,y\nfirst,1,2\nsecond,3,4\n", x="a")
    np.testing.assert_array_equal(data.inputs, [[1], [3]])


@pytest.mark.parametrize(
    ("content", "options", "line", "message"),
    [
        ("", {}, None, "empty"),
        ("a,y\n", {}, 1, "no rows"),
        ("1\n2\n", {}, 1, "no column is left"),
        ("a,y\n1,2\n3\n", {}, 3, "row of 1 cells in a table of 2"),
        ("data of May\n1,2\n3,4\n", {}, 1, "the first line has 1 cells, and no row below"),
        (",a,y\n0,1,2\n1,3,4\n", {}, 1, "the first column has no name and counts the rows"),
        ("a,y\n1,2\n3,\n", {}, 3, "empty cell in column 'y'"),
        ("a,y\n1,2\nx,4\n", {}, 3, "not a number in column 'a'"),
        ("a,y\n1,2\n3,nan\n", {}, 3, "not finite"),
        ("a,y\n-inf,2\n3,3\n", {}, 2, "not finite"),
        ("a,y\n1,2\n", {"x": "b"}, 1, "no column 'b'"),
        ("a,y\n1,2\n", {"x": 2}, 1, "no column number 2"),
        ("a,y\n1,2\n", {"x": []}, None, "no column is named"),
        ("a,a,y\n1,2,3\n", {"x": "a"}, 1, "2 columns are called 'a'"),
        ('a,y\n"1\n",2\n"x\n",4\n', {}, 5, "not a number"),
    ],
)
def test_says_what_is_wrong_and_in_which_line(read_csv, content, options, line, message):
    (problem,) = problems(read_csv, content, **options)
    assert message in problem.message
    assert problem.location.line == line


def test_reports_every_bad_cell(read_csv):
    found = problems(read_csv, "a,y\nx,1\n2,z\n,3\n4,5\n")
    assert [problem.location.line for problem in found] == [2, 3, 4]


def test_suggests_the_column_that_was_meant(read_csv):
    (problem,) = problems(read_csv, "height,weight\n1,2\n", x="hight")
    assert problem.hint == "did you mean 'height'?"
    assert problem.allowed == "'height', 'weight'"


def test_lists_no_more_columns_than_one_can_read(read_csv):
    wide = ",".join(f"c{number}" for number in range(3000))
    (problem,) = problems(read_csv, f"{wide}\n{wide.replace('c', '')}\n", y="target")
    assert problem.allowed.endswith("'c19', …")


def test_tells_what_to_do_with_text_labels(read_csv):
    (problem,) = problems(read_csv, "a,kind\n1,cat\n2,dog\n3,cat\n")
    assert problem.message == "column 'kind' holds text, not numbers"
    assert problem.got == "'cat', 'dog'"
    assert "dataset.encoding=binary" in problem.hint
    (problem,) = problems(read_csv, "kind,y\ncat,1\ndog,2\n")
    assert "choose other columns" in problem.hint


def test_reads_decimal_commas_without_a_header(read_csv):
    data = read_csv("0,5;-1,25\n,5;2\n")
    np.testing.assert_array_equal(data.inputs, [[0.5], [0.5]])
    np.testing.assert_array_equal(data.targets, [[-1.25], [2]])


def test_tells_how_to_write_a_decimal_comma_among_points(read_csv):
    (problem,) = problems(read_csv, "a;y\n1,5;0.2\n")
    assert problem.hint == "write a point for the decimal comma: 1.5"


def test_does_not_guess_what_a_comma_before_three_digits_means(read_csv):
    (problem,) = problems(read_csv, "a;y\n1,500;2\n2,250;3\n")
    assert problem.message == "1,500 may be 1500 or 1.500"
    assert read_csv("a;y\n1,500;2\n2,25;3\n").inputs[0] == 1.5  # the other one is no thousand


def test_an_index_is_an_input_only_where_it_is_asked_for(read_csv):
    assert read_csv(",a,y\n0,1,2\n1,3,4\n", x=[0]).inputs[1] == 1
    assert read_csv(",a,y\n0,1,2\n7,3,4\n").inputs.shape == (2, 2)  # does not count


def test_names_a_few_of_many_bad_cells(read_csv):
    found = problems(read_csv, "a,y\n" + "x,1\n" * 8 + "2,3\n")
    assert [problem.location.line for problem in found] == [2, 3, 4]
    assert found[-1].message == "not a number in column 'a'; 5 more rows are like this"


def test_tells_which_option_asks_for_a_column_that_is_not_there(read_csv):
    for option in ("x", "y"):
        (problem,) = problems(read_csv, PLAIN, **{option: "z"})
        assert problem.option == option


def test_refuses_what_is_no_text(read_csv):
    (problem,) = problems(read_csv, b"\xe9,y\n\x01,2\n")
    assert "UTF-8" in problem.message


def test_reads_windows_old_encoding(read_csv):
    assert read_csv("é,y\n1,2\n3,4\n".encode("cp1252")).inputs.tolist() == [[1.0], [3.0]]


def test_suggests_a_file_of_nearly_the_same_name(tmp_path):
    (tmp_path / "data.csv").write_text(PLAIN)
    call = DATASETS.get("csv")
    (problem,) = problems(call, np.random.default_rng(0), path=tmp_path / "dta.csv")
    meant = str(tmp_path / "data.csv")
    assert (problem.message, problem.hint) == ("no such file", f"did you mean {meant!r}?")


@pytest.mark.parametrize("name", ["csv", "npz"])
def test_refuses_a_folder(tmp_path, name):
    (problem,) = problems(DATASETS.get(name), np.random.default_rng(0), path=tmp_path)
    assert problem.message == "not a file"


@examples(200)
@given(
    content=st.one_of(
        st.binary(max_size=60),
        st.text("ab1.,;\t\n\r\"'-e\0# ", max_size=40),
        st.lists(st.sampled_from(PIECES), max_size=20).map("".join),
    ),
    encoding=st.sampled_from(["none", "binary", "one_hot"]),
)
def test_reads_or_refuses_any_bytes(read_csv, content, encoding):
    try:
        data = read_csv(content, encoding=encoding)
    except DataError:
        return
    assert np.isfinite(data.inputs).all()
    assert np.isfinite(data.targets).all()


def test_reads_arrays_by_name(read_npz):
    data = read_npz(
        {"p": np.arange(6).reshape(3, 2), "q": np.array([True, False, True])}, x="p", y="q"
    )
    np.testing.assert_array_equal(data.inputs, [[0, 1], [2, 3], [4, 5]])
    np.testing.assert_array_equal(data.targets, [[1], [0], [1]])
    assert (data.input_names, data.target_names) == (("p0", "p1"), ("q",))


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"x": np.ones(3)}, "no array 'y'"),
        ({"x": np.ones(3), "y": np.ones(2)}, "differ in length"),
        ({"x": np.ones((2, 2, 2)), "y": np.ones(2)}, r"not (B,) or (B, columns)"),
        ({"x": np.ones((0, 2)), "y": np.ones(0)}, r"not (B,) or (B, columns)"),
        ({"x": np.array(1.0), "y": np.ones(1)}, r"not (B,) or (B, columns)"),
        ({"x": np.array(["a"]), "y": np.ones(1)}, "does not hold real numbers"),
        ({"x": np.array([1j]), "y": np.ones(1)}, "does not hold real numbers"),
        ({"x": np.array([[1.0], [np.nan]]), "y": np.ones(2)}, "1 values not finite"),
        ({"x": np.array([object()]), "y": np.ones(1)}, "cannot read the arrays"),
    ],
)
def test_refuses_arrays_that_are_no_data(read_npz, arrays, message):
    found = problems(read_npz, arrays)
    assert message in found[0].message


def test_never_unpickles(tmp_path):
    class Trap:
        def __reduce__(self):
            return (pytest.fail, ("a pickle was loaded",))

    np.savez(tmp_path / "trap.npz", x=np.array([Trap()], dtype=object), y=np.ones(1))
    found = problems(DATASETS.get("npz"), np.random.default_rng(0), path=tmp_path / "trap.npz")
    assert "cannot read the arrays" in found[0].message


def test_refuses_an_archive_that_unpacks_to_too_much(tmp_path):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.npy", bytes(LARGEST_FILE + 1))
    (tmp_path / "bomb.npz").write_bytes(buffer.getvalue())
    (problem,) = problems(DATASETS.get("npz"), np.random.default_rng(0), path=tmp_path / "bomb.npz")
    assert problem.message == "the arrays are too large"


@examples(100)
@example(cut=0, flip=471, byte=64)  # asks for a later version of the format
@given(cut=st.integers(0, 600), flip=st.integers(0, 600), byte=st.integers(0, 255))
def test_reads_or_refuses_a_damaged_archive(tmp_path, cut, flip, byte):
    path = tmp_path / "data.npz"
    np.savez(path, x=np.arange(3.0), y=np.arange(3.0))
    content = bytearray(path.read_bytes())
    content[flip % len(content)] = byte
    path.write_bytes(content[: len(content) - (cut % len(content) if cut % 3 == 0 else 0)])
    try:
        data = DATASETS.get("npz")(np.random.default_rng(0), path=path)
    except DataError:
        return
    assert np.isfinite(data.inputs).all()
