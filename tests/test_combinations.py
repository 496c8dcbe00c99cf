"""The rows that the suite tries."""

from itertools import combinations as choices
from itertools import product

import pytest

from tests.combinations import combinations


@pytest.mark.parametrize("sizes", [(9, 9, 5), (9, 9, 5, 2), (9, 9, 12), (9, 5, 2), (3, 2)])
def test_any_two_values_meet(sizes, monkeypatch):
    monkeypatch.delenv("COMBINATIONS", raising=False)
    lists = [[f"{place}:{value}" for value in range(size)] for place, size in enumerate(sizes)]
    met = {pair for row in combinations(*lists) for pair in choices(row, 2)}
    assert met == {pair for first, second in choices(lists, 2) for pair in product(first, second)}


def test_all_rows_are_tried_where_asked_for(monkeypatch):
    monkeypatch.setenv("COMBINATIONS", "all")
    assert combinations("ab", "cd", "e") == list(product("ab", "cd", "e"))
