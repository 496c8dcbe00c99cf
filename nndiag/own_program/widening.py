"""More units in the hidden layers of a program, wherever their number is written.

A number of units is a variable that the starts of two neighbouring layers are made with, an item of
a list of all widths, or stands in the shapes of the starts themselves.
"""

import ast
import itertools
from collections.abc import Iterator

from nndiag.own_program.absorbing import shapes
from nndiag.own_program.mirror import Told
from nndiag.own_program.places import Places, Splice, last_name, value_of


def widened(places: Places, told: Told, factor: int) -> tuple[tuple[Splice, ...], int] | None:
    """The changes with which each hidden layer has so many times its units, and their first line.

    Args:
        places: Finds places in the program.
        told: What was watched of it.
        factor: By what the units are multiplied.
    """
    links = told["links"]
    found: dict[int, tuple[ast.expr, int]] = {}
    for before, after in itertools.pairwise(links):
        nodes = _named(places, before, after) or _listed(places, links, before)
        nodes = nodes or list(_typed(places, told, before, after))
        if not nodes:
            return None
        found |= {places.offset(node): (node, before["units"] * factor) for node in nodes}
    if not found:
        return None
    splices = tuple(places.replaced(node, str(units)) for node, units in found.values())
    return splices, min(node.lineno for node, _ in found.values())


def _named(places: Places, before: Told, after: Told) -> list[ast.expr]:
    """Where a variable is given the number that both starts are made with."""
    starts = [places.assigned(link["weights"]) for link in (before, after)]
    names = [
        {last_name(x) for x in ast.walk(start) if isinstance(x, ast.expr)}
        for start in starts
        if start is not None
    ]
    shared = names[0] & names[1] if len(names) > 1 else set()
    for name in sorted(shared - {None}, key=str):
        nodes = [node for node, value in places.constants_of({name}) if value == before["units"]]
        if nodes:
            return nodes
    return []


def _listed(places: Places, links: list[Told], before: Told) -> list[ast.expr]:
    """Where it stands in a list of all widths."""
    widths = [links[0]["columns"], *(link["units"] for link in links)]
    place = links.index(before) + 1
    for node in ast.walk(places.tree):
        if isinstance(node, ast.List | ast.Tuple) and _values(node.elts) == widths:
            return [node.elts[place]]
    return []


def _typed(places: Places, told: Told, before: Told, after: Told) -> Iterator[ast.expr]:
    """Where it stands in the shapes of the starts of a layer and the next one."""
    units = -1 if before["turned"] else 0
    axes = {before["weights"]: units, after["weights"]: 0 if after["turned"] else -1}
    if before["biases"] is not None:
        axes[before["biases"]] = units
    for name, axis in axes.items():
        start, shape = places.assigned(name), list(shapes(told)[name])
        for node in () if start is None else ast.walk(start):
            items = node.args if isinstance(node, ast.Call) else getattr(node, "elts", [])
            if shape and _values(items) == shape:
                yield items[axis]


def _values(nodes: list[ast.expr]) -> list[float | None]:
    return [value_of(node) for node in nodes]
