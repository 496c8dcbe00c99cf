"""Configs on top of configs: `extends` and `key=value` overrides.

Mappings are merged key by key, lists and values are replaced. Where another component is chosen,
only those options of the old one stay that the new one has too.
"""

import re
from dataclasses import replace
from pathlib import Path as File
from typing import Any

from nndiag.errors import ConfigError, Location, Problem
from nndiag.experiment.components import (
    ComponentOf,
    Section,
    Shape,
    fields,
    is_marked,
    shape_below,
)
from nndiag.experiment.config import PROGRAM
from nndiag.experiment.document import parsed
from nndiag.experiment.node import Node, name_in

_OWN = ("name", "expect", "extends")  # what a config does not inherit
_INDEX = re.compile(r"\[(-?\d+)\]")  # layers[0], which is layers.0


def normalised(node: Node, shape: Shape) -> Node:
    """The tree with each bare name of a component written as a mapping."""
    if isinstance(shape, ComponentOf) and isinstance(node.value, str):
        return replace(node, value={"name": Node(node.value, node.place, node.place)})
    if isinstance(node.value, dict):
        name = name_in(node)
        entries = {
            key: normalised(below, shape_below(shape, key, name))
            for key, below in node.value.items()
        }
        return replace(node, value=entries)
    if isinstance(node.value, list) and shape is not None:
        return replace(node, value=[normalised(below, shape) for below in node.value])
    return node


def extended(parent: Node, child: Node, shape: type[Section]) -> Node:
    """The child's tree on top of its parent's; both normalised."""
    inherited = without(parent, *_OWN)
    return merged(inherited, without(child, "extends"), shape)


def without(node: Node, *keys: str) -> Node:
    """The mapping without some of its keys."""
    assert isinstance(node.value, dict)
    kept = {key: below for key, below in node.value.items() if key not in keys}
    return replace(node, value=kept)


def merged(parent: Node | None, child: Node, shape: Shape) -> Node:
    """The child's value on top of the parent's."""
    if parent is None or not isinstance(parent.value, dict) or not isinstance(child.value, dict):
        return child
    kept = dict(parent.value)
    if isinstance(shape, ComponentOf):
        old, new = name_in(parent) or shape.default, name_in(child)
        if new is not None and new != old:
            keys = shape.keys(new)
            kept = {key: below for key, below in kept.items() if key in keys}
    elif shape is not None:
        for group in shape.alternatives:
            if group & child.value.keys():
                kept = {key: below for key, below in kept.items() if key not in group}
    name = name_in(child) or name_in(parent)
    for key, below in child.value.items():
        kept[key] = merged(kept.get(key), below, shape_below(shape, key, name))
    return replace(child, value=kept)


def overridden(root: Node, override: str, shape: type[Section]) -> Node:
    """The tree with one `dotted.path=value` from the command line.

    Raises:
        ConfigError: The override is not of this form, its value is not YAML, or its path leads
            outside a list.
    """
    path, equals, text = override.partition("=")
    place = Location(f"command line: {override}")
    parts = _INDEX.sub(r".\1", path.strip()).split(".")
    if not equals or not all(parts):
        hint = "write key=value, such as optimizer.learning_rate=0.01"
        raise ConfigError(Problem(f"not an override: {override!r}", hint=hint))
    if parts[0] == "extends":
        raise ConfigError(Problem("'extends' cannot be overridden", place, hint="name the config"))
    value, problems = parsed(text.strip(), place.file, numbered=False)
    if problems:
        raise ConfigError(problems)
    if value is None:
        raise ConfigError(Problem(f"{path!r} has no value", place, hint="write one after the ="))
    return _set(root, parts, _placed(value, place), shape=shape)


def _placed(node: Node, place: Location) -> Node:
    """The tree with every key and value at one place."""
    value: Any = node.value
    if isinstance(value, dict):
        value = {key: _placed(below, place) for key, below in value.items()}
    elif isinstance(value, list):
        value = [_placed(below, place) for below in value]
    return Node(value, place, place)


def _set(node: Node | None, parts: list[str], value: Node, *, shape: Shape) -> Node:
    """The tree with `value` on top of what stands under `parts`."""
    if not parts:
        return merged(node, normalised(value, shape), shape)
    key, place = parts[0], value.place
    if node is not None and isinstance(node.value, list):
        items = list(node.value)
        index = _index(key, len(items), place)
        items[index] = _set(items[index], parts[1:], value, shape=shape)
        return replace(node, value=items)
    name = name_in(node)
    below = _set(
        node.entry(key) if node is not None else None,
        parts[1:],
        value,
        shape=shape_below(shape, key, name),
    )
    change = Node({key: replace(below, key=below.key or place)}, place, place)
    if node is None or not isinstance(node.value, dict):
        return change
    return replace(merged(node, change, shape), place=node.place, key=node.key)


def _index(key: str, length: int, place: Location) -> int:
    """The index that an override names.

    Raises:
        ConfigError: There is no such item.
    """
    if key.isascii() and key.isdigit() and len(key) < 10 and int(key) < length:
        return int(key)
    if key == "-1" and length > 0:
        return length - 1
    allowed = f"0 to {length - 1}, or -1 for the last"
    raise ConfigError(Problem(f"no item {key!r} in the list", place, allowed=allowed))


def anchored(node: Node, shape: Shape) -> Node:
    """The tree with the paths of files made absolute.

    A path is relative to the config in which it is written; from the command line, to the folder
    in which the command runs.
    """
    if isinstance(node.value, list):
        return replace(node, value=[anchored(below, shape) for below in node.value])
    if not isinstance(node.value, dict):
        return node
    name = name_in(node)
    known = fields(shape, name)
    entries = {}
    for key, below in node.value.items():
        entries[key] = anchored(below, shape_below(shape, key, name))
        if key in known and is_marked(known[key], File):
            entries[key] = _absolute(below, program=False)
        elif key in known and is_marked(known[key], PROGRAM):
            entries[key] = _absolute(below, program=True)
    return replace(node, value=entries)


def _absolute(node: Node, *, program: bool) -> Node:
    """A path, or each path of a list, made absolute."""
    if isinstance(node.value, list):
        return replace(node, value=[_absolute(below, program=program) for below in node.value])
    if not isinstance(node.value, str) or "\0" in node.value:
        return node
    text, colon, member = node.value.rpartition(":") if program else ("", "", "")
    if not (colon and member.isidentifier()):
        text, colon, member = node.value, "", ""
    # only a place in a file has a line: everything else comes from the command line
    folder = File(node.place.file).parent if node.place.line is not None else File()
    try:
        absolute = (folder / File(text).expanduser()).absolute()
    except (RuntimeError, OSError, ValueError):
        return node
    return replace(node, value=f"{absolute}{colon}{member}")
