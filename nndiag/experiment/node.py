"""A config as a tree in which every key and value knows its place."""

from dataclasses import dataclass
from typing import Any

from nndiag.errors import Location
from nndiag.experiment.scalars import Scalar

Path = tuple[str | int, ...]


@dataclass(frozen=True, eq=False)
class Node:
    """One value of a config and where it stands.

    Attributes:
        value: A scalar, a mapping, or a list.
        place: Where the value stands.
        key: Where its key stands, for a value in a mapping.
    """

    value: "Scalar | dict[str, Node] | list[Node]"
    place: Location
    key: Location | None = None

    @property
    def head(self) -> Location:
        """Where a person looks for it: at its key, or at the value in a list."""
        return self.key or self.place

    def plain(self) -> Any:
        """The value without its places."""
        if isinstance(self.value, dict):
            return {key: node.plain() for key, node in self.value.items()}
        if isinstance(self.value, list):
            return [node.plain() for node in self.value]
        return self.value

    def entry(self, part: str | int) -> "Node | None":
        """The node under a key or at an index; None where there is none."""
        if isinstance(self.value, dict):
            return self.value.get(str(part))
        if isinstance(self.value, list) and isinstance(part, int) and part < len(self.value):
            return self.value[part]
        return None

    def follow(self, path: Path) -> tuple["Node", Path]:
        """The deepest node on `path` that exists, and the rest of the path."""
        node = self
        for depth, part in enumerate(path):
            below = node.entry(part)
            if below is None:
                return node, path[depth:]
            node = below
        return node, ()


def planted(value: Any, place: Location) -> Node:
    """Plain data as a tree, all of it standing at one place."""
    if isinstance(value, dict):
        entries = {str(key): planted(below, place) for key, below in value.items()}
        return Node(entries, place, place)
    if isinstance(value, list | tuple):
        return Node([planted(below, place) for below in value], place, place)
    return Node(value, place, place)


def dotted(path: Path) -> str:
    """A path as overrides spell it: `network.layers.0.units`."""
    return ".".join(str(part) for part in path)


def name_in(node: Node | None) -> str | None:
    """The text under `name` of a mapping."""
    entry = node.entry("name") if node is not None else None
    return entry.value if entry is not None and isinstance(entry.value, str) else None
