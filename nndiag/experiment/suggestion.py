"""What a word that a config does not know was probably meant to be, or where it belongs."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from nndiag.experiment.components import ComponentOf, Shape, fields, shape_below
from nndiag.experiment.node import Node, Path, dotted, name_in
from nndiag.registry import suggestion

_OTHER_NAMES = {
    "lr": "learning_rate",
    "eta": "learning_rate",
    "alpha": "learning_rate",
    "l2": "weight_decay",
    "clip": "clip_norm",
    "iterations": "steps",
    "batch": "batch_size",
    "data": "dataset",
    "model": "network",
    "n": "samples",
    "size": "units",
    "neurons": "units",
    "nodes": "units",
    "init": "initializer",
    "deviation": "std",
    "sigma": "std",
    "file": "path",
    "identity": "linear",
    "none": "linear",
    "logistic": "sigmoid",
    "mse": "mean_squared_error",
    "batchnorm": "batch_norm",
    "batch_normalization": "batch_norm",
    "drop": "dropout",
    "dropout_rate": "dropout",
    "drop_rate": "dropout",
    "msle": "mean_squared_logarithmic_error",
    "class_weight": "class_weights",
    "kernel_regularizer": "weight_decay",
    "lr_schedule": "schedule",
    "scheduler": "schedule",
    "warmup": "warmup_steps",
    "l1": "mean_absolute_error",
    "mae": "mean_absolute_error",
    "bce": "binary_cross_entropy",
    "cross_entropy": "softmax_cross_entropy",
    "categorical_cross_entropy": "softmax_cross_entropy",
    "gradient_descent": "sgd",
    "batch_gradient_descent": "sgd",
    "xor": "logic_gate",
    "line": "linear_doubling",
    "quadratic": "quadratic_cosine",
    "xavier": "glorot_uniform",
    "xavier_uniform": "glorot_uniform",
    "xavier_normal": "glorot_normal",
    "he": "he_normal",
    "kaiming": "he_normal",
    "kaiming_uniform": "he_uniform",
    "kaiming_normal": "he_normal",
    "gaussian": "normal",
    "random": "uniform",
    "average": "mean",
    "avg": "mean",
}
_NO_HOMES = ("name", "seed", "extends", "expect", "diagnosis", "code")
LIST_OF_SECTIONS = "layers"
"""The one key that holds a list of sections."""


def meant(word: str, known: Sequence[str]) -> str | None:
    """A hint at the known word: by its usual other name, or by its spelling."""
    other = _OTHER_NAMES.get(word.lower().replace("-", "_"))
    return f"did you mean {other!r}?" if other in known else suggestion(word, known)


def meant_key(key: str, known: Sequence[str], homes: Mapping[str, str]) -> str | None:
    """A hint at the known key of a section, or at the section where the key belongs.

    Args:
        key: What is not known.
        known: The keys of the section.
        homes: Where in a config other keys belong: key → the section's path.
    """
    other = _OTHER_NAMES.get(key.lower(), "")
    return _misplaced(key, homes) or meant(key, known) or _misplaced(other, homes)


def homes_of(node: Node | None, shape: Shape, path: Path) -> Iterator[tuple[str, str]]:
    """The keys of the sections of a config with the sections' paths; the topmost come last.

    Args:
        node: The config's tree; the options of a component are those of the one that it names.
        shape: Its model.
        path: Where the tree stands; empty for the whole config.
    """
    name = name_in(node)
    keys = [key for key in fields(shape, name) if key not in _NO_HOMES]
    for key in keys:
        listed = key == LIST_OF_SECTIONS
        inner = (*path, key, 0) if listed else (*path, key)
        below = node.entry(key) if node is not None else None
        below = below.entry(0) if listed and below is not None else below
        yield from homes_of(below, shape_below(shape, key, name), inner)
    if path:
        yield from ((key, dotted(path)) for key in keys)


def respelt(node: Node, shape: Shape) -> Node:
    """The tree with the sections and the components that were probably meant.

    Then it is known what may be in them.
    """
    if isinstance(node.value, list):
        return replace(node, value=[respelt(below, shape) for below in node.value])
    if not isinstance(node.value, dict):
        return node
    written = _renamed(node.value, shape)
    node = replace(node, value=written)
    name, entries = name_in(node), {}
    known = [key for key in fields(shape, name) if key not in written]
    for key, below in written.items():
        close = [other for other in known if meant(key, [other])]
        section = isinstance(below.value, dict | list) and key not in fields(shape, name)
        right = close[0] if section and len(close) == 1 else key
        entries[right] = respelt(below, shape_below(shape, right, name))
    return replace(node, value=entries)


def _renamed(entries: dict[str, Node], shape: Shape) -> dict[str, Node]:
    """The entries of a component, under the name that was probably meant."""
    entry = entries.get("name")
    names = shape.registry.names() if isinstance(shape, ComponentOf) else []
    if entry is None or not isinstance(entry.value, str) or entry.value in names:
        return entries
    hint = meant(entry.value, names)
    right = next((other for other in names if hint == f"did you mean {other!r}?"), entry.value)
    if any(one.is_required() and key not in entries for key, one in fields(shape, right).items()):
        return entries  # what is missing may be a consequence of the guess
    return {**entries, "name": replace(entry, value=right)}


def _misplaced(key: str, homes: Mapping[str, str]) -> str | None:
    """A hint at the section where a key belongs."""
    return f"it belongs in {homes[key]}: {homes[key]}.{key}" if key in homes else None
