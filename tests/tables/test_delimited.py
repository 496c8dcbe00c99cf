"""Tables whose cells a sign separates; dialects are tested where data sets and logs use them."""

import tracemalloc

import numpy as np
import pytest

from nndiag.errors import DataError
from nndiag.tables import MOST_COLUMNS, delimited_table, header_in


def test_a_table_of_too_many_columns_is_refused_before_it_is_read():
    text = ",".join(["0.5"] * 1_000_000) + "\n"
    tracemalloc.start()
    with pytest.raises(DataError, match="too many columns\n  got: 1,000,000") as caught:
        delimited_table(text, "wide.csv")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert caught.value.problems[0].allowed == f"up to {MOST_COLUMNS:,}"
    assert peak < 10 * len(text)  # a list of its cells alone takes twelve times its length


def test_a_large_plain_table_is_read_as_by_rows(monkeypatch):
    text = "step,when,loss\n" + "".join(f"{k},10:{k:02d},{k / 7}\n" for k in range(50))
    by_rows = delimited_table(text, "x.csv")
    monkeypatch.setattr("nndiag.tables.delimited._LARGE", 0)
    at_once = delimited_table(text, "x.csv")
    assert (at_once.names, list(at_once.lines)) == (by_rows.names, by_rows.lines)
    assert at_once.words(1) == by_rows.words(1)
    np.testing.assert_array_equal(at_once.numbers(2), by_rows.numbers(2))


@pytest.mark.parametrize("cells", ["1,2", "1,2,3,4"])
def test_a_large_table_with_one_row_of_another_length_is_refused(monkeypatch, cells):
    monkeypatch.setattr("nndiag.tables.delimited._LARGE", 0)
    with pytest.raises(DataError, match=r"x.csv:3: row of \d cells in a table of 3 columns"):
        delimited_table(f"a,b,c\n1,2,3\n{cells}\n4,5,6\n", "x.csv")


def test_a_header_is_found_below_other_text():
    text = "started at noon\n\nepoch  train loss  time\n0  0.5  12\n"
    header = header_in(text, lambda title: title == "train loss")
    assert header is not None
    assert delimited_table(text, "x.txt", header=header).names == ("epoch", "train loss", "time")
