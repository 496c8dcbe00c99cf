"""Bugs put into right programs, one at a time, as `mutations.yaml` lists them."""

from dataclasses import dataclass
from pathlib import Path

import yaml


@dataclass(frozen=True)
class Mutation:
    """One bug in one program.

    Attributes:
        program: The program's file, without its ending.
        bug: The name that must be found.
        tensors: The parameters that must be named, by the end of their names; empty for any.
        old: Text of the right program; stands there once.
        new: The text with the bug.
        also: Further replacements that belong to it.
    """

    program: str
    bug: str
    tensors: tuple[str, ...]
    old: str
    new: str
    also: tuple[tuple[str, str], ...] = ()

    @property
    def label(self) -> str:
        """A name for reports."""
        first = [*self.new.strip().splitlines(), "left out"][0]
        return f"{self.program}: {self.bug}: {first[:60]}"


def _mutation(program: str, row: dict) -> Mutation:
    tensors = tuple(row.get("tensors", "").split())
    also = tuple((old, new) for old, new in row.get("also", ()))
    return Mutation(program, row["bug"], tensors, row["old"], row["new"], also)


MUTATIONS = [
    _mutation(program, row)
    for program, rows in yaml.safe_load(
        Path(__file__).with_suffix(".yaml").read_text(encoding="utf-8")
    ).items()
    for row in rows
]
