"""The graph of an iteration: values, and the operations that made them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Ref:
    """The place of another node's value in an operation's arguments.

    Attributes:
        node: Index of the node.
    """

    node: int


@dataclass(eq=False)
class Node:
    """One value of an iteration.

    Attributes:
        index: Its place in the graph; what it was made from stands before it.
        operation: Name of what made it: a numpy function's, an operator's, or `leaf`.
        function: What made it, called as `function(*arguments, **keywords)`; None for a leaf.
        arguments: With a `Ref` for each value that is a node, at any depth of lists and tuples.
        keywords: Likewise.
        inputs: The nodes that it was made from, each once, in order of the arguments.
        value: The value: a number, or an array that nothing changes any more.
        node_id: Number of the syntax tree's node that computed it; -1 where there is none.
        label: For a leaf the variable that held it before the iteration; empty elsewhere.
        part: Which element of the result it is where the function gave several.
    """

    index: int
    operation: str
    function: Callable[..., Any] | None
    arguments: tuple[Any, ...]
    keywords: dict[str, Any]
    inputs: tuple[int, ...]
    value: Any
    node_id: int
    label: str = ""
    part: int | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of its value."""
        return tuple(np.shape(self.value))

    @property
    def size(self) -> int:
        """How many numbers it holds."""
        return int(np.size(self.value))

    @property
    def is_real(self) -> bool:
        """Whether it holds numbers that a derivative can be taken of."""
        kind = self.value.dtype.kind if isinstance(self.value, (np.ndarray, np.generic)) else ""
        return kind == "f" or isinstance(self.value, float)


@dataclass(eq=False)
class Graph:
    """The values of one iteration, in the order in which they were made.

    Attributes:
        nodes: The values.
        shown: Nodes that the program printed or formatted.
        kept: Nodes that it put into a list or a dictionary.
        compared: Nodes of single numbers that a comparison decided on.
        behind: Number of nodes when what stands behind the loop began; None where that was not run.
    """

    nodes: list[Node] = field(default_factory=list)
    shown: set[int] = field(default_factory=set)
    kept: set[int] = field(default_factory=set)
    compared: set[int] = field(default_factory=set)
    behind: int | None = None

    def begin_behind(self) -> None:
        """Tell that what is recorded from now on stands behind the loop."""
        self.behind = len(self.nodes)

    def is_behind(self, index: int) -> bool:
        """Whether a node was made behind the loop, where a person is told how it goes."""
        return self.behind is not None and index >= self.behind

    def __getitem__(self, index: int) -> Node:
        return self.nodes[index]

    def __len__(self) -> int:
        return len(self.nodes)

    def __iter__(self) -> Iterator[Node]:
        return iter(self.nodes)

    def users(self) -> list[list[int]]:
        """For each node the nodes that were made from it."""
        found: list[list[int]] = [[] for _ in self.nodes]
        for node in self.nodes:
            for index in node.inputs:
                found[index].append(node.index)
        return found


def single(value: Any) -> float | None:
    """A value as a number, also where it is an array of one; None for everything else."""
    if value is None or np.size(value) != 1:
        return None
    try:
        return float(np.ravel(value)[0])
    except (TypeError, ValueError):
        return None


def refs_in(value: Any) -> list[int]:
    """The nodes that some arguments refer to, in order."""
    found: list[int] = []
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, Ref):
            found.append(item.node)
        elif isinstance(item, (list, tuple)):
            waiting.extend(reversed(item))
        elif isinstance(item, dict):
            waiting.extend(reversed(item.values()))
    return found


def inputs_of(arguments: tuple[Any, ...], keywords: dict[str, Any]) -> tuple[int, ...]:
    """The nodes that the arguments of an operation refer to, each once."""
    return tuple(dict.fromkeys(refs_in((arguments, keywords) if keywords else arguments)))


def filled(value: Any, values: Callable[[int], Any]) -> Any:
    """Arguments with each `Ref` replaced by what a function gives for its node."""
    if isinstance(value, Ref):
        return values(value.node)
    if isinstance(value, tuple):
        return tuple(filled(item, values) for item in value)
    if isinstance(value, list):
        return [filled(item, values) for item in value]
    if isinstance(value, dict):
        return {key: filled(item, values) for key, item in value.items()}
    return value


def evaluated(node: Node, values: Callable[[int], Any]) -> Any:
    """The value that a node would have with other values of its inputs.

    Args:
        node: No leaf.
        values: Gives the value of each input.
    """
    assert node.function is not None
    arguments = [
        values(item.node) if type(item) is Ref else filled(item, values) for item in node.arguments
    ]
    keywords = filled(node.keywords, values) if node.keywords else {}
    found = node.function(*arguments, **keywords)
    return found if node.part is None else found[node.part]
