"""A program as lines, each with the ways in which it is got wrong."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

Alternative = str | tuple[str, ...] | None
"""What stands instead of a line: another one, several, or nothing."""

PROBE = "__probe__"
CELL = "#%%"


@dataclass
class Line:
    text: str
    indent: int
    tag: str

    def written(self) -> str:
        return "    " * self.indent + self.text if self.text else ""


@dataclass(frozen=True)
class Fault:
    """A bug at its place.

    Attributes:
        bug: Its name in the catalogue.
        edits: What stands instead of the lines with these tags.
        also: Tags of lines that are as good an answer to "where?".
        needs_loss: Whether it is a bug only because the program computes its loss.
    """

    bug: str
    edits: Mapping[str, Alternative]
    also: tuple[str, ...] = ()
    needs_loss: bool = False


@dataclass(frozen=True)
class Written:
    """The text of a program, and where its probes and its wrong lines are (1-based)."""

    lines: tuple[str, ...]
    probes: tuple[tuple[int, str], ...]
    wrong: tuple[int, ...] = ()
    accepted: tuple[int, ...] = ()
    due: tuple[str, ...] = ()

    def text(self) -> str:
        return "\n".join(self.lines) + "\n"

    def probed(self) -> str:
        """The program with its probes; a probe stands behind the line of its number."""
        out: list[str] = []
        probes = dict(self.probes)
        for number, line in enumerate(self.lines, 1):
            out.append(line)
            if number in probes:
                out.append(probes[number])
        return "\n".join(out) + "\n"


@dataclass
class Writer:
    """Takes a program down, line by line."""

    lines: list[Line] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    level: int = 0

    def __call__(
        self,
        text: str = "",
        faults: Mapping[str, Alternative | list[Alternative]] | None = None,
        *,
        tag: str = "",
        also: tuple[str, ...] = (),
    ) -> str:
        tag = tag or f"line {len(self.lines)}"
        assert all(line.tag != tag for line in self.lines), tag
        self.lines.append(Line(text, self.level, tag))
        for bug, alternatives in (faults or {}).items():
            several = alternatives if isinstance(alternatives, list) else [alternatives]
            for alternative in several:
                if alternative != text:
                    self.fault(bug, {tag: alternative}, also=also)
        return tag

    def fault(self, bug: str, edits: Mapping[str, Alternative], also: Iterable[str] = ()) -> None:
        """Note a bug; a "?" behind its name: one only where the loss is computed."""
        self.faults.append(Fault(bug.rstrip("?"), dict(edits), tuple(also), bug.endswith("?")))

    def text_of(self, tag: str) -> str:
        return next(line.text for line in self.lines if line.tag == tag)

    def move(self, bug: str, tag: str, *, before: str, also: Iterable[str] = ()) -> None:
        """Note that the line of a tag may wrongly stand before another."""
        edits = {tag: None, before: (self.text_of(tag), self.text_of(before))}
        self.fault(bug, edits, also)

    def probe(self, parameters: str, x: str, y: str, data: str, extra: str = "None") -> None:
        self(f"{PROBE}({parameters}, {x}, {y}, {data}, {extra})", tag="probe")

    @contextmanager
    def block(
        self,
        head: str = "",
        faults: Mapping[str, Alternative | list[Alternative]] | None = None,
        *,
        tag: str = "",
    ) -> Iterator[None]:
        if head:
            self(head, faults, tag=tag)
        self.level += 1
        yield
        self.level -= 1

    def take(self, other: Writer) -> None:
        """The lines of another, one level in."""
        for line in other.lines:
            self.lines.append(Line(line.text, line.indent + self.level, line.tag))
        self.faults.extend(other.faults)

    def written(self, faults: Iterable[Fault] = ()) -> Written:
        """The program with these faults."""
        faults = list(faults)
        edits: dict[str, Alternative] = {}
        for fault in faults:
            assert not edits.keys() & fault.edits.keys(), "two bugs on one line"
            edits.update(fault.edits)
        return self._with(edits, {tag for fault in faults for tag in fault.also})

    def accepted(self, fault: Fault, faults: Iterable[Fault]) -> tuple[int, ...]:
        """The accepted lines of one bug among several."""
        written = self.written(faults)
        alone = self.written((fault,))
        own = {alone.lines[number - 1] for number in alone.accepted if number <= len(alone.lines)}
        return tuple(
            n for n in written.accepted if n <= len(written.lines) and written.lines[n - 1] in own
        )

    def _with(self, edits: Mapping[str, Alternative], also: set[str]) -> Written:
        lines: list[str] = []
        probes: list[tuple[int, str]] = []
        wrong: set[int] = set()
        accepted: set[int] = set()
        due: list[str] = []
        for line in self.lines:
            if line.text.startswith(PROBE):
                probes.append((len(lines), line.written()))
                continue
            if line.tag not in edits:
                if line.tag in also and line.text:
                    accepted.add(len(lines) + 1)
                lines.append(line.written())
                continue
            instead = edits[line.tag]
            due.append(line.text)
            texts = (instead,) if isinstance(instead, str) else (instead or ())
            if not texts:  # what is missing may be told at the line before or behind
                accepted |= {len(lines), len(lines) + 1}
            for text in texts:
                if text != line.text:
                    wrong.add(len(lines) + 1)
                lines.append(Line(text, line.indent, "").written())
        return Written(
            tuple(lines),
            tuple(probes),
            tuple(sorted(wrong)),
            tuple(sorted(wrong | accepted)),
            tuple(due),
        )


def as_notebook(text: str) -> str:
    """The same program as a notebook: a cell at each mark."""
    cells = [part.strip("\n") for part in text.split(f"{CELL}\n")]
    return json.dumps(
        {
            "cells": [
                {
                    "cell_type": "code",
                    "execution_count": None,
                    "metadata": {},
                    "outputs": [],
                    "source": cell.splitlines(keepends=True),
                }
                for cell in cells
                if cell
            ],
            "metadata": {"language_info": {"name": "python"}},
            "nbformat": 4,
            "nbformat_minor": 5,
        },
        indent=1,
    )


def place_in_cells(text: str, number: int) -> tuple[int, int]:
    """The cell and its line that a line of the marked text becomes, both 1-based."""
    lines = text.split("\n")
    marks = [index for index in range(number) if lines[index] == CELL]
    start = marks[-1] + 1 if marks else 0
    while not lines[start]:
        start += 1
    return len(marks) + 1, number - start
