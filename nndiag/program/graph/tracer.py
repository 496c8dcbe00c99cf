"""Performs the operations of a traced program, and records them as a graph.

Library functions are recorded as one operation each, whatever they do inside; functions of the
program are gone through. What is no number passes by.
"""

from __future__ import annotations

import builtins
import operator
import sys
import types
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from nndiag.program.graph.memory import Memory, owner_of
from nndiag.program.graph.nodes import Graph, Node, Ref, inputs_of
from nndiag.program.graph.operations import (
    Attribute,
    InPlace,
    Method,
    added_at,
    changes_its_first,
    is_array,
    is_value,
    own_number,
    with_item,
)

_MOST_NODES = 400_000
_MOST_ITEMS = 100_000
_CHANGES_ITS_ARRAY = frozenset(
    {"fill", "sort", "itemset", "put", "partition", "resize", "setfield"}
)
_GOES_THROUGH = (zip, enumerate, iter, list, tuple, sorted, filter, set, frozenset)
_SHOWS = frozenset({"append", "format", "write", "extend", "insert", "appendleft", "put"})


class GraphTooLargeError(Exception):
    """An iteration has more operations than can be recorded."""


class Tracer:
    """Records the operations of one iteration at a time; without a recording it only performs."""

    slice = staticmethod(slice)

    def __init__(self) -> None:
        self.graph: Graph | None = None
        self._is_user: Callable[[Any], bool] = lambda _: False
        self._paused = 0
        self.watcher: Callable[[types.FrameType, Any], None] | None = None

    def begin(self, is_user: Callable[[Any], bool]) -> Graph:
        """Starts a recording.

        Args:
            is_user: Tells functions and classes of the program from those of libraries.
        """
        self.graph = Graph()
        self._is_user = is_user
        self._paused = 0
        self._viewers: dict[int, list[Node]] = {}
        self.memory = Memory(self._from_memory, self._freeze)
        return self.graph

    def end(self) -> None:
        """Ends the recording."""
        self.graph = None

    def scene(self, value: Any) -> Any:
        """A value that is watched: tells where it is being computed."""
        if self.watcher is not None:
            self.watcher(sys._getframe(1), value)
        return value

    @property
    def _silent(self) -> bool:
        return self.graph is None or self._paused > 0

    # What the graph is made of.

    def leaf(self, item: Any, label: str = "") -> int:
        """Adds a value that nothing in the iteration made."""
        node = self._add("leaf", None, (), {}, item, -1)
        self._nodes[node].label = label
        self.memory.hold(item, node)
        return node

    def restore(self, item: np.ndarray, value: np.ndarray, node: int) -> None:
        """Gives an array the value of a node again, in place.

        Args:
            item: The array.
            value: What it held when the node was made.
            node: The node.
        """
        owner = owner_of(item)
        before = self._reference(owner).node
        self._freeze(owner)
        item[...] = value
        self.memory.written(item, before, node)

    @property
    def _nodes(self) -> list[Node]:
        assert self.graph is not None
        return self.graph.nodes

    def _add(
        self,
        operation: str,
        function: Callable[..., Any] | None,
        arguments: tuple[Any, ...],
        keywords: dict[str, Any],
        value: Any,
        node_id: int,
        part: int | None = None,
        inputs: tuple[int, ...] | None = None,
    ) -> int:
        nodes = self._nodes
        if len(nodes) >= _MOST_NODES:
            raise GraphTooLargeError
        made_from = inputs_of(arguments, keywords) if inputs is None else inputs
        what = operation, function, arguments, keywords, made_from, value, node_id
        node = Node(len(nodes), *what, part=part)
        nodes.append(node)
        if isinstance(value, np.ndarray):
            self._viewers.setdefault(id(owner_of(value)), []).append(node)
        return node.index

    def _from_memory(
        self, operation: str, function: Callable[..., Any], arguments: tuple[Any, ...], value: Any
    ) -> int:
        places = {0, 2} if operation == "scatter" else {0}
        given = tuple(
            Ref(item) if place in places else item for place, item in enumerate(arguments)
        )
        return self._add(operation, function, given, {}, value, -1)

    def _freeze(self, owner: np.ndarray) -> None:
        """Copies what nodes hold of a buffer that is about to be written to."""
        for node in self._viewers.pop(id(owner), ()):
            node.value = np.array(node.value, subok=True)

    def _reference(self, item: Any, depth: int = 0) -> Any:
        """An argument with a `Ref` for each value that is a node, or becomes one."""
        if isinstance(item, (float, np.floating)):
            node = self.memory.known(item)
            return item if node is None else Ref(node)
        if is_array(item):
            node = self.memory.known(item)
            return Ref(self.leaf(item) if node is None else node)
        if type(item) in (list, tuple) and len(item) <= _MOST_ITEMS and depth < 4:
            return type(item)([self._reference(part, depth + 1) for part in item])
        return item

    def _made(
        self,
        node_id: int,
        function: Callable[..., Any],
        arguments: tuple[Any, ...],
        keywords: dict[str, Any],
        value: Any,
    ) -> Any:
        """Records the result of an operation; gives it back."""
        if type(value) in (tuple, list) and 0 < len(value) <= 64 and any(map(is_value, value)):
            given = self._given(arguments, keywords)
            for part, item in enumerate(value):
                self._keep(node_id, function, given, item, part)
        elif is_value(value):
            self._keep(node_id, function, self._given(arguments, keywords), value, None)
        return value

    def _given(
        self, arguments: tuple[Any, ...], keywords: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        return (
            tuple(self._reference(item) for item in arguments),
            {key: self._reference(item) for key, item in keywords.items()},
        )

    def _keep(
        self,
        node_id: int,
        function: Callable[..., Any],
        given: tuple[tuple[Any, ...], dict[str, Any]],
        value: Any,
        part: int | None,
    ) -> None:
        if not is_value(value) or self._is_same(given[0], value):
            return
        inputs = inputs_of(*given)
        if not inputs:
            if isinstance(value, np.ndarray) and self.memory.known(value) is None:
                self.leaf(value)
            return
        name = getattr(function, "__name__", type(function).__name__)
        node = self._add(name, function, *given, value, node_id, part, inputs)
        self.memory.hold(value, node)

    def _is_same(self, arguments: tuple[Any, ...], value: Any) -> bool:
        """Whether some argument is the very object that came out."""
        nodes = self._nodes
        return any(type(item) is Ref and nodes[item.node].value is value for item in arguments)

    # What the transformed program calls.

    def binary(self, node_id: int, name: str, left: Any, right: Any) -> Any:
        """`left + right`, and the comparisons."""
        function = getattr(operator, name)
        if self._silent:
            return function(left, right)
        if isinstance(left, str):
            self._show(right)
        value = function(left, right)
        if isinstance(value, (bool, np.bool_)):
            self._compared(left, right)
        if not (is_value(value) and (is_value(left) or is_value(right))):
            return value
        return self._made(node_id, function, (left, right), {}, value)

    def _compared(self, *items: Any) -> None:
        assert self.graph is not None
        known = [self.memory.known(item) for item in items if is_value(item)]
        self.graph.compared.update(node for node in known if node is not None)

    def unary(self, node_id: int, name: str, item: Any) -> Any:
        """`-item`."""
        function = getattr(operator, name)
        value = function(item)
        if self._silent or not (is_value(value) and is_value(item)):
            return value
        return self._made(node_id, function, (item,), {}, value)

    def attribute(self, node_id: int, item: Any, name: str) -> Any:
        """`item.name`."""
        value = getattr(item, name)
        if self._silent or not (is_array(item) and is_array(value)):
            return value
        return self._made(node_id, Attribute(name), (item,), {}, value)

    def item(self, node_id: int, item: Any, index: Any) -> Any:
        """`item[index]`."""
        value = item[index]
        if self._silent or not is_array(item):
            return value
        return self._made(node_id, operator.getitem, (item, index), {}, value)

    def shown(self, _node_id: int, item: Any) -> Any:
        """A value that is written down for a person."""
        if not self._silent:
            self._show(item)
        return item

    def iterated(self, node_id: int, item: Any) -> Any:
        """What a loop goes through: the rows of an array are values of their own."""
        if self._silent or not is_array(item) or item.ndim == 0:
            return item
        return self._rows(node_id, item)

    def taken_apart(self, node_id: int, item: Any) -> Any:
        """What is assigned to several names."""
        if self._silent or not is_array(item) or item.ndim == 0:
            return item
        return list(self._rows(node_id, item))

    def _rows(self, node_id: int, item: np.ndarray) -> Iterator[Any]:
        for index in range(len(item)):
            yield self.item(node_id, item, index)

    def set_item(self, node_id: int, value: Any, item: Any, index: Any) -> None:
        """`item[index] = value`."""
        if self._silent or not is_array(item):
            if not self._silent and is_value(value) and np.size(value) == 1:
                self._show(value, kept=True)
            item[index] = value
            return

        def change() -> None:
            item[index] = value

        self._change(node_id, item, with_item, (index, value), change)

    def changed(self, node_id: int, name: str, item: Any, value: Any) -> Any:
        """`item += value`; gives what the target holds then."""
        function = getattr(operator, name)
        in_place = getattr(operator, f"i{name.rstrip('_')}")
        if self._silent or not (is_value(item) or is_value(value)):
            return in_place(item, value)
        if not is_array(item):
            return self._made(node_id, function, (item, value), {}, in_place(item, value))
        results: list[Any] = []
        self._change(
            node_id, item, function, (value,), lambda: results.append(in_place(item, value))
        )
        return results[0]

    def changed_item(self, node_id: int, name: str, item: Any, index: Any, value: Any) -> None:
        """`item[index] += value`."""
        if self._silent or not is_array(item):
            item[index] = self.changed(node_id, name, item[index], value)
            return
        before = self.item(node_id, item, index)
        self.set_item(node_id, self.binary(node_id, name, before, value), item, index)

    def changed_attribute(
        self, node_id: int, name: str, item: Any, attribute: str, value: Any
    ) -> None:
        """`item.attribute += value`."""
        setattr(item, attribute, self.changed(node_id, name, getattr(item, attribute), value))

    def _change(
        self,
        node_id: int,
        item: np.ndarray,
        function: Callable[..., Any],
        arguments: tuple[Any, ...],
        change: Callable[[], Any],
    ) -> None:
        """Performs and records what changes an array in place."""
        owner = owner_of(item)
        given = (self._reference(item), *(self._reference(part) for part in arguments))
        before = self._reference(owner).node
        self._freeze(owner)
        self._paused += 1
        try:
            change()
        finally:
            self._paused -= 1
        name = getattr(function, "__name__", type(function).__name__)
        node = self._add(name, function, given, {}, item, node_id)
        self.memory.written(item, before, node)

    # Calls.

    def call(self, node_id: int, function: Any, /, *arguments: Any, **keywords: Any) -> Any:  # noqa: PLR0911 - one kind after the other
        """`function(*arguments, **keywords)`."""
        owner = getattr(function, "__self__", None)
        if self._silent or self._is_own(function, owner):
            return function(*arguments, **keywords)
        if function is reversed:
            return reversed(self.taken_apart(node_id, *arguments))
        if function in _GOES_THROUGH if isinstance(function, type) else function in (iter, sorted):
            return function(*self._all_iterated(node_id, arguments), **keywords)
        if function is map:
            rows = self._all_iterated(node_id, arguments[1:])
            return map(lambda *items: self.call(node_id, arguments[0], *items), *rows)
        if function is sum:
            return self._sum(node_id, arguments, keywords)
        if function in (max, min) and any(is_value(item) for item in arguments[1:]):
            value = own_number(function(*arguments, **keywords))
            return self._made(node_id, function, arguments, keywords, value)
        if function is getattr and len(arguments) == 2:
            return self.attribute(node_id, *arguments)
        if isinstance(owner, np.ndarray) and is_array(owner):
            return self._method(node_id, function.__name__, owner, arguments, keywords)
        if isinstance(owner, (list, dict, str, set)) or type(owner).__name__ == "deque":
            if function.__name__ in _SHOWS:
                self._show(arguments, kept=function.__name__ not in ("format", "write"))
            return function(*arguments, **keywords)
        return self._library(node_id, function, arguments, keywords)

    def _is_own(self, function: Any, owner: Any) -> bool:
        """Whether a callable runs the program's own code, which is gone through."""
        if isinstance(function, types.MethodType):
            function = function.__func__
        if isinstance(function, (types.FunctionType, type)):
            return self._is_user(function)
        if isinstance(function, types.BuiltinFunctionType):
            return False
        inner = getattr(function, "func", None)
        if isinstance(inner, (types.FunctionType, types.MethodType)):
            return self._is_own(inner, None)
        return self._is_user(type(function))

    def _all_iterated(self, node_id: int, items: Iterable[Any]) -> list[Any]:
        return [self.iterated(node_id, item) for item in items]

    def _sum(self, node_id: int, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        items = arguments[0]
        along = is_array(items) and items.ndim > 0 and len(arguments) == 1 and not keywords
        if not along and not isinstance(items, (list, tuple)):
            items = list(self.iterated(node_id, items))
        rest = arguments[1:]
        return self._made(
            node_id, builtins.sum, (items, *rest), keywords, sum(items, *rest, **keywords)
        )

    def _method(
        self,
        node_id: int,
        name: str,
        item: np.ndarray,
        arguments: tuple[Any, ...],
        keywords: dict[str, Any],
    ) -> Any:
        if name in _CHANGES_ITS_ARRAY:
            function = InPlace(Method(name), name)
            self._change(
                node_id,
                item,
                function,
                arguments,
                lambda: getattr(item, name)(*arguments, **keywords),
            )
            return None
        if keywords.get("out") is not None:
            return self._into(node_id, Method(name), (item, *arguments), keywords)
        value = getattr(item, name)(*arguments, **keywords)
        if name == "tolist":
            return self._listed(node_id, item, value)
        return self._made(node_id, Method(name), (item, *arguments), keywords, value)

    def _listed(self, node_id: int, item: np.ndarray, value: Any) -> Any:
        """The numbers of a list that an array became, each a value of its own."""
        if not isinstance(value, list):
            return self._made(node_id, float, (item,), {}, value)
        if item.ndim > 1:
            return [
                self._listed(node_id, self.item(node_id, item, place), part)
                for place, part in enumerate(value)
            ]
        return [
            self._made(node_id, operator.getitem, (item, place), {}, number)
            for place, number in enumerate(value)
        ]

    def _library(
        self, node_id: int, function: Any, arguments: tuple[Any, ...], keywords: dict[str, Any]
    ) -> Any:
        name = getattr(function, "__name__", "")
        owner = getattr(function, "__self__", None)
        if keywords.get("out") is not None:
            return self._into(node_id, function, arguments, keywords)
        if isinstance(function, np.ufunc) and len(arguments) > function.nin:
            keywords = {**keywords, "out": arguments[function.nin]}
            return self._into(node_id, function, arguments[: function.nin], keywords)
        at = name == "at" and isinstance(owner, np.ufunc)
        if (at or changes_its_first(function)) and arguments and is_array(arguments[0]):
            what: Callable[..., Any] = InPlace(function, name)
            if owner is np.add and at:
                what = added_at
            self._change(
                node_id, arguments[0], what, arguments[1:], lambda: function(*arguments, **keywords)
            )
            return None
        given = [list(x) if isinstance(x, types.GeneratorType) else x for x in arguments]
        self._paused += 1
        try:
            value = function(*given, **keywords)
        finally:
            self._paused -= 1
        if value is None:
            self._show(arguments)
            return None
        if self.graph is not None and self._paused == 0:
            self._made(node_id, function, tuple(given), keywords, value)
        return value

    def _into(
        self, node_id: int, function: Any, arguments: tuple[Any, ...], keywords: dict[str, Any]
    ) -> Any:
        """A call that writes its result into an array that is there already."""
        out = keywords["out"]
        target = out[0] if isinstance(out, tuple) else out
        rest = {key: item for key, item in keywords.items() if key != "out"}
        given, given_keywords = self._given(arguments, rest)
        owner = owner_of(target)
        before = self._reference(owner).node
        self._freeze(owner)
        value = function(*arguments, **keywords)
        name = getattr(function, "__name__", type(function).__name__)
        node = self._add(name, function, given, given_keywords, target, node_id)
        self.memory.written(target, before, node)
        return value

    def _show(self, items: Any, *, kept: bool = False) -> None:
        """Marks the values that a person gets to see, or that are kept for later."""
        assert self.graph is not None
        if isinstance(items, (tuple, list)):
            for item in items[:100]:
                self._show(item, kept=kept)
        elif is_value(items):
            node = self.memory.known(items)
            if node is not None:
                (self.graph.kept if kept else self.graph.shown).add(node)
