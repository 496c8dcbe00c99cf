"""Tables in JSON."""

import pytest

from nndiag.errors import DataError
from nndiag.tables.json_tables import json_table


def test_objects_in_a_list_know_their_lines():
    table = json_table('[{"a": 1},\n {"a": 2},\n\n {"a": "x"}]', "x.json")
    assert [table.lines[row] for row in range(3)] == [1, 2, 4]


def test_the_largest_list_inside_is_the_table():
    table = json_table('{"best": null, "rows": [{"a": 1}, {"a": 2}], "few": [1]}', "x.json")
    assert table.names == ("a",)


def test_a_shorter_list_has_its_values_at_the_end_of_equal_parts():
    table = json_table('{"loss": [4, 3, 2, 1], "val": [8, 9]}', "x.json")
    assert table.cells(1) == [None, 8.0, None, 9.0]


def test_text_that_is_no_json_is_left_to_others():
    assert json_table("[12]\ttrain-rmse:0.5\n", "x.txt") is None
    assert json_table("{'loss': 0.5}\n", "x.txt") is None


@pytest.mark.parametrize("text", ['{"loss": [1, 2', '[{"loss": 1}, {"lo'])
def test_a_document_that_was_cut_short_is_told_with_its_place(text):
    with pytest.raises(DataError, match=r"x.json:1:\d+: no JSON"):
        json_table(text, "x.json")
