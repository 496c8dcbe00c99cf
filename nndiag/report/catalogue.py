"""Everything that has a name, by kind, with its page."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Any

from nndiag.errors import Problem, UnknownNameError
from nndiag.kept import kept
from nndiag.registry import suggestion
from nndiag.report.components import REQUIRED, Component, components_in
from nndiag.report.glossary import TERMS


@dataclass(frozen=True)
class Entry:
    """One thing that has a name.

    Attributes:
        name: Its name.
        summary: What it is, in a line.
        page: What `explain` tells of it.
        options: Option → default, or `REQUIRED`, where it has some.
        kind: What it is one of: a key of `KINDS`.
    """

    name: str
    summary: str
    page: str
    options: Mapping[str, Any] = field(default_factory=dict)
    kind: str = ""


def _parts(registry: str) -> list[Entry]:
    """The parts of a config that are registered under a name, explained by their docstrings."""
    found = components_in("nn", f"{registry}.register")
    return [Entry(one.name, _first_line(one), one.doc, one.options) for one in found]


def _rules(folder: str, decorator: str) -> list[Entry]:
    """The entries of a catalogue with one file each: the file's docstring is the page."""
    found = components_in(folder, decorator)
    return [Entry(one.name, _first_line(one), one.module_doc, one.options) for one in found]


def _remedies() -> list[Entry]:
    return [_remedy(one) for one in components_in("remedies", "remedy", keywords=("cures",))]


def _remedy(one: Component) -> Entry:
    title, _, source = one.doc.rpartition("Source: ")
    title = title.partition("\n")[0].rstrip(".")
    page = f"{title}.\n\nTried first against {', '.join(sorted(one.keywords['cures']))}."
    words = " ".join(source.split()).rstrip(".")
    return Entry(one.name, title, f"{page}\n\nSource: {words}.")


def _first_line(one: Component) -> str:
    return one.doc.partition("\n")[0].rstrip(".")


def _terms() -> list[Entry]:
    return [Entry(name, _first_sentence(text), text) for name, text in TERMS.items()]


def _first_sentence(text: str) -> str:
    words = " ".join(text.partition("\n\n")[0].split())
    return words.partition(". ")[0].rstrip(".")


KINDS: dict[str, Callable[[], list[Entry]]] = {
    "datasets": partial(_parts, "DATASETS"),
    "activations": partial(_parts, "ACTIVATIONS"),
    "initializers": partial(_parts, "INITIALIZERS"),
    "losses": partial(_parts, "LOSSES"),
    "optimizers": partial(_parts, "OPTIMIZERS"),
    "problems": partial(_rules, "detectors", "detector"),
    "bugs": partial(_rules, "bugs", "BUGS.register"),
    "faults": partial(_rules, "pytorch/faults", "FAULTS.register"),
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
    return _all_entries()[kind]


@cache
def _all_entries() -> dict[str, list[Entry]]:
    """Everything, by kind; the sources are read once and not by every command."""
    stored = kept(
        "catalogue", lambda: {kind: [_plain_entry(x) for x in KINDS[kind]()] for kind in KINDS}
    )
    return {
        kind: [
            Entry(
                name,
                summary,
                page,
                {option: rest[0] if rest else REQUIRED for option, *rest in options},
                kind,
            )
            for name, summary, page, options in entries
        ]
        for kind, entries in stored.items()
    }


def _plain_entry(entry: Entry) -> tuple[str, str, str, list[Any]]:
    """An entry without its kind as JSON holds it; an option without a default stands alone."""
    options = [
        [name] if value is REQUIRED else [name, value] for name, value in entry.options.items()
    ]
    return entry.name, entry.summary, entry.page, options


def _singular(kind: str) -> str:
    return "remedy" if kind == "remedies" else kind.removesuffix("es" if kind == "losses" else "s")


def entry_of(name: str) -> Entry:
    """What has a name, problems and terms before components.

    Raises:
        UnknownNameError: Nothing has this name.
    """
    names = []
    for kind in reversed(KINDS):
        for entry in entries_of(kind):
            if _plain(entry.name) == _plain(name):
                return entry
            names.append(entry.name)
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
