"""A change of one setting in a program's text, and the text with several of them."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from nndiag.own_program.places import Splice


@dataclass(frozen=True)
class SettingEdit:
    """A change of one setting.

    Attributes:
        name: What is changed: "learning rate", "inputs", "steps".
        says: What it does, a short phrase.
        line: The first line that is changed.
        splices: The places.
    """

    name: str
    says: str
    line: int
    splices: tuple[Splice, ...]

    def first_line(self, text: str) -> str | None:
        """The first line that it changes, as it is then; None where it cannot be made.

        Statements that are put before it are one line together: each alone is no change.
        """
        changed, first = edited(text, [self]), self.splices[0]
        if changed is None:
            return None
        added = first.text.count("\n") - text[first.start : first.end].count("\n")
        lines = changed.split("\n")[self.line - 1 :][: max(added, 1)]
        plain = not any(line.rstrip().endswith(":") for line in lines)
        return "; ".join(line.strip() for line in (lines if plain else lines[:1]))


Edits = tuple[SettingEdit, ...]


def edited(text: str, edits: Sequence[SettingEdit]) -> str | None:
    """The text with some changes; None where two of them touch the same place."""
    splices = sorted((x for edit in edits for x in edit.splices), key=lambda x: (x.start, x.end))
    for one, other in itertools.pairwise(splices):
        if other.start < one.end or (one.start == other.start and one.end > one.start):
            return None
    for splice in reversed(splices):
        text = text[: splice.start] + splice.text + text[splice.end :]
    return text
