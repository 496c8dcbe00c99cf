"""What the text of one cell says: a number, nothing, or words."""

import re

ABSENT = frozenset({"", "none", "null", "na", "n/a", "-", "--", "—", "<na>"})
"""What is written where there is no number, in small letters."""

_WITH_COMMA = re.compile(r"[+-]?\d*,\d+([eE][+-]?\d+)?")


def number_in(cell: str, *, comma: bool = False) -> float | None:
    """The number in a cell; None where there is none.

    Args:
        cell: The text.
        comma: Whether a comma is a decimal mark.
    """
    try:
        return float(cell)
    except ValueError:
        pass
    cell = cell.strip()
    if comma and has_comma(cell):
        return float(cell.replace(",", "."))
    if cell.endswith("%"):
        share = number_in(cell[:-1], comma=comma)
        return None if share is None else share / 100
    return None


def is_number(cell: str, delimiter: str) -> bool:
    """Whether a cell is a number, with a decimal comma too where commas separate nothing."""
    return number_in(cell, comma=delimiter != ",") is not None


def has_comma(cell: str) -> bool:
    """Whether a cell is a number with a comma in it."""
    return _WITH_COMMA.fullmatch(cell.strip()) is not None
