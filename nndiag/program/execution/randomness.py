"""The state of the generators that a program draws from without making one of its own."""

from __future__ import annotations

import random
from typing import Any

import numpy as np

State = tuple[Any, Any]


def random_state() -> State:
    """State of `random` and of numpy's global generator."""
    return random.getstate(), np.random.get_state()  # noqa: NPY002 - the program may use it


def set_random_state(state: State) -> None:
    """Puts the state of both generators back."""
    random.setstate(state[0])
    np.random.set_state(state[1])  # noqa: NPY002


def same_state(first: State, second: State) -> bool:
    """Whether nothing was drawn between two states."""
    one, other = first[1], second[1]
    return bool(first[0] == second[0] and one[2:] == other[2:] and np.array_equal(one[1], other[1]))
