"""How one person writes an expression: products, transposes, squares, factors."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

ATOM = re.compile(r"[A-Za-z_][\w.]*(\[[^\[\]]*\]|\([^()]*\))*(\.[A-Za-z_]\w*(\([^()]*\))?)*")


def is_atom(text: str) -> bool:
    return bool(ATOM.fullmatch(text)) or text.replace(".", "", 1).isdigit()


def grouped(text: str) -> str:
    """The expression as an operand."""
    if is_atom(text) or (text.startswith("(") and _closes_at_end(text)):
        return text
    return f"({text})"


def _closes_at_end(text: str) -> bool:
    depth = 0
    for position, character in enumerate(text):
        depth += (character == "(") - (character == ")")
        if depth == 0:
            return position == len(text) - 1
    return False


@dataclass(frozen=True)
class Spelling:
    """The habits of one author."""

    product: str
    transpose: str
    square: str
    matrix: bool = False

    @classmethod
    def drawn(cls, rng: np.random.Generator, *, matrix: bool = False) -> Spelling:
        return cls(
            product=str(rng.choice(["@", "@", "np.dot", ".dot", "np.matmul"])),
            transpose=str(rng.choice([".T", ".T", ".T", "np.transpose"])),
            square=str(rng.choice(["**", "**", "np.square", "np.power"])),
            matrix=matrix,
        )

    def mm(self, left: str, right: str) -> str:
        if self.matrix:
            return f"{grouped(left)} * {grouped(right)}"
        if self.product == "@":
            return f"{grouped(left)} @ {grouped(right)}"
        if self.product == ".dot":
            return f"{grouped(left)}.dot({right})"
        return f"{self.product}({left}, {right})"

    def T(self, text: str) -> str:  # noqa: N802
        return f"{grouped(text)}.T" if self.transpose == ".T" else f"np.transpose({text})"

    def sq(self, text: str) -> str:
        if self.square == "np.square":
            return f"np.square({text})"
        if self.square == "np.power" or self.matrix:
            return f"np.power({text}, 2)"
        return f"{grouped(text)} ** 2"

    def mul(self, left: str, right: str) -> str:
        """The product entry by entry."""
        if self.matrix:
            return f"np.multiply({left}, {right})"
        return f"{grouped(left)} * {grouped(right)}"
