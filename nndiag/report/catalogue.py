"""What nndiag knows, by kind: the components of a config, and the problems it looks for."""

import importlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from nndiag.errors import Problem, UnknownNameError
from nndiag.registry import Option, Registry, suggestion

KINDS: dict[str, str] = {
    "datasets": "nndiag.nn.datasets:DATASETS",
    "activations": "nndiag.nn.activations:ACTIVATIONS",
    "initializers": "nndiag.nn.initializers:INITIALIZERS",
    "losses": "nndiag.nn.losses:LOSSES",
    "optimizers": "nndiag.nn.optimizers:OPTIMIZERS",
    "problems": "nndiag.detectors:DETECTORS",
}
"""Kind → where its registry is."""


@dataclass(frozen=True)
class Entry:
    """One component.

    Attributes:
        name: Its name.
        summary: What it is, in a line.
        options: Its options.
    """

    name: str
    summary: str
    options: dict[str, Option]


def registry_of(kind: str) -> Registry[Any]:
    """The registry of a kind.

    Raises:
        UnknownNameError: There is no such kind.
    """
    if kind not in KINDS:
        raise UnknownNameError(
            Problem(
                f"unknown kind {kind!r}",
                allowed=", ".join(KINDS),
                hint=suggestion(kind, KINDS),
            )
        )
    module, _, attribute = KINDS[kind].partition(":")
    registry: Registry[Any] = getattr(importlib.import_module(module), attribute)
    return registry


def entries_of(kind: str) -> list[Entry]:
    """All components of a kind.

    Raises:
        UnknownNameError: There is no such kind.
    """
    registry = registry_of(kind)
    return [
        Entry(name, registry.summary(name).rstrip("."), registry.options(name))
        for name in registry.names()
    ]


def catalogue_view(kinds: Iterable[str]) -> RenderableType:
    """The components of some kinds as tables."""
    parts: list[RenderableType] = []
    for kind in kinds:
        table = Table.grid(padding=(0, 2, 0, 0))
        table.add_column(no_wrap=True, style="cyan")
        table.add_column(overflow="fold")
        for entry in entries_of(kind):
            about = Text(entry.summary)
            if entry.options:
                about.append(f"\n{_options(entry.options)}", style="dim")
            table.add_row(entry.name, about)
        parts += [Text(kind, style="bold"), table, Text()]
    return Group(*parts[:-1])


def catalogue_document(kinds: Iterable[str]) -> dict[str, Any]:
    """The components of some kinds as plain data; an option has a default, or is required."""
    return {kind: [_document(entry) for entry in entries_of(kind)] for kind in kinds}


def _document(entry: Entry) -> dict[str, Any]:
    options = {
        name: {"required": True} if option.required else {"default": option.default}
        for name, option in entry.options.items()
    }
    return {"name": entry.name, "summary": entry.summary, "options": options}


def _options(options: dict[str, Option]) -> str:
    return "  ".join(
        f"{name}={'(required)' if option.required else option.default}"
        for name, option in options.items()
    )
