"""Everything that has a name, by kind, with its page."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Any

from nndiag.errors import Problem, UnknownNameError
from nndiag.kept import kept
from nndiag.registry import suggestion
from nndiag.report.components import REQUIRED, Component, components_in
from nndiag.report.glossary import fixes, terms


@dataclass(frozen=True)
class Entry:
    """One thing that has a name.

    Attributes:
        name: Its name.
        summary: What it is, in a line.
        page: What `explain` tells of it.
        options: Option → default, or `REQUIRED`, where it has some.
        kind: What it is one of: a key of `KINDS`.
        also: Other words for it.
    """

    name: str
    summary: str
    page: str
    options: Mapping[str, Any] = field(default_factory=dict)
    kind: str = ""
    also: tuple[str, ...] = ()


def _parts(registry: str) -> list[Entry]:
    """The parts of a config that are registered under a name, explained by their docstrings."""
    found = components_in("nn", f"{registry}.register")
    return [Entry(one.name, _first_line(one), one.doc, one.options) for one in found]


def _rules(folder: str, decorator: str) -> list[Entry]:
    """The entries of a catalogue with one file each: the file's docstring is the page."""
    found = components_in(folder, decorator)
    return [Entry(one.name, _first_line(one), one.module_doc, one.options) for one in found]


def _fixes() -> list[Entry]:
    return [_fix(one) for one in components_in("remedies", "remedy", keywords=("cures",))]


def _fix(one: Component) -> Entry:
    title, _, source = one.doc.rpartition("Source: ")
    title = title.partition("\n")[0].rstrip(".")
    page = f"{title}.\n\nTried first against {', '.join(sorted(one.keywords['cures']))}."
    words = " ".join(source.split()).rstrip(".")
    return Entry(one.name, title, f"{page}\n\nSource: {words}.")


def _first_line(one: Component) -> str:
    return one.doc.partition("\n")[0].rstrip(".")


def _terms() -> list[Entry]:
    return [Entry(x.name, _first_sentence(x.text), x.text, also=x.listed) for x in terms()]


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
    "fixes": _fixes,
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
                tuple(also),
            )
            for name, summary, page, options, also in entries
        ]
        for kind, entries in stored.items()
    }


def _plain_entry(entry: Entry) -> tuple[str, str, str, list[Any], tuple[str, ...]]:
    """An entry without its kind as JSON holds it; an option without a default stands alone."""
    options = [
        [name] if value is REQUIRED else [name, value] for name, value in entry.options.items()
    ]
    return entry.name, entry.summary, entry.page, options, entry.also


def _singular(kind: str) -> str:
    return kind.removesuffix("es" if kind in ("losses", "fixes") else "s")


def entry_of(name: str) -> Entry:
    """What has a name, problems and terms before components; what has it as another word, last.

    Raises:
        UnknownNameError: Nothing has this name.
    """
    every = [entry for kind in reversed(KINDS) for entry in entries_of(kind)]
    names: dict[str, Entry] = {}
    for entry in every:
        names.setdefault(_plain(entry.name), entry)
    for entry in every:
        for word in entry.also:
            names.setdefault(_plain(word), entry)
    if _plain(name) in names:
        return names[_plain(name)]
    raise UnknownNameError(
        Problem(
            f"nothing is called {name!r}",
            allowed=f"a name that `nndiag list` shows: {', '.join(KINDS)}",
            hint=suggestion(_plain(name), names),
        )
    )


def code_of(problem: str) -> str:
    """The first fix of a problem as code, in Markdown; empty where there is none."""
    return next((one.text for one in fixes() if problem in one.listed), "")


def _plain(name: str) -> str:
    """A name as one may write it: "Dead units", "dead_units"."""
    return name.lower().replace(" ", "-").replace("_", "-")
