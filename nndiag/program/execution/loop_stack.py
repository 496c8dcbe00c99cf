"""The loops that a program is in, the innermost last."""

from __future__ import annotations

from typing import Any


def back_to(stack: list[list[Any]], key: tuple[int, int]) -> bool:
    """Forget the loops inside one; whether that one is known: a generator's goes on unasked.

    Args:
        stack: Key and number of the iteration of each loop; shortened in place.
        key: The loop.
    """
    if all(entry[0] != key for entry in stack):
        return False
    while stack[-1][0] != key:
        stack.pop()
    return True
