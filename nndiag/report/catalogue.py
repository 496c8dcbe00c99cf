"""Everything that has a name, by kind, with its page."""

import importlib
import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from nndiag.detectors import DETECTORS
from nndiag.errors import Problem, UnknownNameError
from nndiag.registry import Option, Registry, suggestion
from nndiag.remedies import remedies
from nndiag.report.glossary import TERMS
from nndiag.report.settings import setting


@dataclass(frozen=True)
class Entry:
    """One thing that has a name.

    Attributes:
        name: Its name.
        summary: What it is, in a line.
        page: What `explain` tells of it.
        options: Its options, where it has some.
        kind: What it is one of: a key of `KINDS`.
    """

    name: str
    summary: str
    page: str
    options: Mapping[str, Option] = field(default_factory=dict)
    kind: str = ""


def _components(place: str) -> list[Entry]:
    """The components of the registry at `module:ATTRIBUTE`, explained by their docstrings."""
    module, _, attribute = place.partition(":")
    registry: Registry[Any] = getattr(importlib.import_module(module), attribute)
    entries = []
    for name in registry.names():
        page = inspect.getdoc(registry.get(name)) or ""
        summary = registry.summary(name).rstrip(".")
        entries.append(Entry(name, summary, page, registry.options(name)))
    return entries


def _problems() -> list[Entry]:
    return [_with_module_page(entry) for entry in _components("nndiag.detectors:DETECTORS")]


def _bugs() -> list[Entry]:
    return [_with_module_page(entry) for entry in _components("nndiag.program.repair.bug:BUGS")]


def _with_module_page(entry: Entry) -> Entry:
    """An entry of a catalogue with one file each: the file's docstring is its page."""
    folder = "detectors" if entry.name in DETECTORS.names() else "bugs"
    module = importlib.import_module(f"nndiag.{folder}.{entry.name.replace('-', '_')}")
    return replace(entry, page=inspect.getdoc(module) or entry.page)


def _remedies() -> list[Entry]:
    return [
        Entry(
            one.name,
            one.title,
            f"{one.title}.\n\nTried first against {', '.join(sorted(one.cures))}.\n\n"
            f"Source: {one.source}.",
        )
        for one in remedies().values()
    ]


def _terms() -> list[Entry]:
    return [Entry(name, _first_sentence(text), text) for name, text in TERMS.items()]


def _first_sentence(text: str) -> str:
    words = " ".join(text.partition("\n\n")[0].split())
    return words.partition(". ")[0].rstrip(".")


KINDS: dict[str, Callable[[], list[Entry]]] = {
    "datasets": partial(_components, "nndiag.nn.datasets:DATASETS"),
    "activations": partial(_components, "nndiag.nn.activations:ACTIVATIONS"),
    "initializers": partial(_components, "nndiag.nn.initializers:INITIALIZERS"),
    "losses": partial(_components, "nndiag.nn.losses:LOSSES"),
    "optimizers": partial(_components, "nndiag.nn.optimizers:OPTIMIZERS"),
    "problems": _problems,
    "bugs": _bugs,
    "remedies": _remedies,
    "terms": _terms,
}
"""Kind → everything of that kind."""


def entries_of(kind: str) -> list[Entry]:
    """Everything of a kind, which may be written in the singular.

    Raises:
        UnknownNameError: There is no such kind.
    """
    kind = next((many for many in KINDS if kind in (many, _singular(many))), kind)
    if kind not in KINDS:
        raise UnknownNameError(
            Problem(
                f"unknown kind {kind!r}",
                allowed=", ".join(KINDS),
                hint=suggestion(kind, KINDS),
            )
        )
    return [replace(entry, kind=kind) for entry in KINDS[kind]()]


def _singular(kind: str) -> str:
    return "remedy" if kind == "remedies" else kind.removesuffix("es" if kind == "losses" else "s")


def entry_of(name: str) -> Entry:
    """What has a name, problems and terms before components.

    Raises:
        UnknownNameError: Nothing has this name.
    """
    entries = [entry for kind in reversed(KINDS) for entry in entries_of(kind)]
    for entry in entries:
        if _plain(entry.name) == _plain(name):
            return entry
    names = [entry.name for entry in entries]
    raise UnknownNameError(
        Problem(
            f"nothing is called {name!r}",
            allowed=f"a name that `nndiag list` shows: {', '.join(KINDS)}",
            hint=suggestion(name, names),
        )
    )


def _plain(name: str) -> str:
    """A name as one may write it: "Dead units", "dead_units"."""
    return name.lower().replace(" ", "-").replace("_", "-")


def catalogue_view(kinds: Iterable[str]) -> RenderableType:
    """The components of some kinds as tables."""
    parts: list[RenderableType] = []
    for kind in kinds:
        table = Table.grid(padding=(0, 2, 0, 0))
        table.add_column(no_wrap=True, style="cyan")
        table.add_column(overflow="fold")
        entries = entries_of(kind)
        for entry in entries:
            about = Text(entry.summary)
            if entry.options:
                about.append(f"\n{_options(entry.options)}", style="dim")
            table.add_row(entry.name, about)
        parts += [Text(entries[0].kind, style="bold"), table, Text()]
    return Group(*parts[:-1])


def catalogue_document(kinds: Iterable[str]) -> dict[str, Any]:
    """The components of some kinds as plain data; an option has a default, or is required."""
    found = [entries_of(kind) for kind in kinds]
    return {entries[0].kind: [_document(entry) for entry in entries] for entries in found}


def _document(entry: Entry) -> dict[str, Any]:
    options = {
        name: {"required": True} if option.required else {"default": option.default}
        for name, option in entry.options.items()
    }
    return {"name": entry.name, "summary": entry.summary, "options": options}


def _options(options: Mapping[str, Option]) -> str:
    return "  ".join(
        f"{name}={'(required)' if option.required else setting(option.default)}"
        for name, option in options.items()
    )
