"""Which combinations of activations, losses and shapes the suite tries: any two of them together.

What goes wrong with two things is seen where these two meet. All rows, ten times as many, and all
programs are tried by `COMBINATIONS=all pytest tests/nn tests/gradients tests/own_program`.
"""

import os
from collections.abc import Sequence
from itertools import product
from typing import Any


def sample(values: Sequence[Any], *, of: int = 3) -> Sequence[Any]:
    """One of so many values, evenly spaced; all of them where all are asked for."""
    return values if os.environ.get("COMBINATIONS") == "all" else values[::of]


def combinations(*lists: Sequence[Any]) -> list[tuple[Any, ...]]:
    """Rows with one value of each list, such that any two values of two lists stand in some row."""
    if os.environ.get("COMBINATIONS") == "all":
        return list(product(*lists))
    order = sorted(range(len(lists)), key=lambda place: -len(lists[place]))
    rows = []
    for pair in product(*(range(len(lists[place])) for place in order[:2])):
        indices, rest = dict(zip(order, pair, strict=False)), sum(pair)
        for place in order[2:]:  # as in a Latin square; what is left over drives the next list
            rest, indices[place] = divmod(rest, len(lists[place]))
        rows.append(tuple(values[indices[place]] for place, values in enumerate(lists)))
    return rows
