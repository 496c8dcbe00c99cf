"""Iterators that a program uses up, such as a generator of mini-batches, so that they repeat.

A generator cannot be copied. It is replaced, where the program keeps it, by a stand-in that draws
from it and remembers what came; copies of the stand-in give the same items again.
"""

from __future__ import annotations

import copy
import io
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from nndiag.program.execution.places import Place, follow, put, walk
from nndiag.program.execution.randomness import random_state, same_state, set_random_state


class _Tape:
    """What an iterator has given so far, and the random state that each item left behind."""

    def __init__(self, source: Iterator[Any]) -> None:
        self.source = source
        self.items: list[tuple[Any, Any]] = []

    def item(self, number: int) -> Any:
        """The item with a number, from 0; the random state is then as after its making.

        Raises:
            StopIteration: There are fewer.
        """
        if number == len(self.items):
            before = random_state()
            value = next(self.source)
            after = random_state()
            self.items.append((value, None if same_state(before, after) else after))
        else:
            state = self.items[number][1]
            if state is not None:
                set_random_state(state)
        return copy.deepcopy(self.items[number][0])


class Replayed:
    """Stands for an iterator that cannot be copied; its copies go on from where it is."""

    __slots__ = ("_position", "_tape")

    def __init__(self, tape: _Tape, position: int = 0) -> None:
        self._tape = tape
        self._position = position

    def __iter__(self) -> Replayed:
        return self

    def __next__(self) -> Any:
        value = self._tape.item(self._position)
        self._position += 1
        return value

    def __deepcopy__(self, _: Any) -> Replayed:
        return Replayed(self._tape, self._position)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self._tape.source, name)


def make_repeatable(
    places: Iterable[Place], refused: Iterable[Any], is_user: Callable[[Any], bool]
) -> bool:
    """Puts stand-ins where a program keeps iterators that cannot be copied; whether it has any.

    Args:
        places: The program's variables.
        refused: The objects that refuse to be copied.
        is_user: Tells functions and classes of the program from those of libraries.
    """
    wanted = {
        id(item): Replayed(_Tape(item))
        for item in refused
        if isinstance(item, Iterator) and not isinstance(item, (io.IOBase, Replayed))
    }
    if not wanted:
        return False
    for place in places:
        found = list(walk(place.get(), (), seen={}, is_user=is_user))
        for path in [path for path, item in found if id(item) in wanted]:
            put(place, path, wanted[id(follow(place.get(), path))])
    return True
