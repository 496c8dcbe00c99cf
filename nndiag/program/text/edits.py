"""Small edits of a program: made in its syntax tree, tried there, and written into its text."""

from __future__ import annotations

import ast
import difflib
import keyword
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from nndiag.program.text.instrument import node_id_of, parents_of
from nndiag.program.text.source import Source

_NEW = 10_000_000  # node ids of what an edit puts in start here
_SIMPLE = (ast.Name, ast.Attribute, ast.Subscript, ast.Call)


@dataclass(frozen=True)
class Change:
    """One place to change.

    Attributes:
        node_id: The expression or statement, by its node id.
        text: What stands there instead; for `after` and `before` what is put beside it.
        where: `instead`, `after`, `before`.
    """

    node_id: int
    text: str
    where: str = "instead"


@dataclass(frozen=True)
class Edit:
    """A small edit, and the bug that it would mend.

    Attributes:
        bug: Name of the bug.
        changes: What is changed.
        cost: How unlikely it is; the cheapest of equally good edits is taken.
        says: What it does, a short phrase.
        changes_loss: Whether the forward pass may change with it.
    """

    bug: str
    changes: tuple[Change, ...]
    cost: float = 1.0
    says: str = ""
    changes_loss: bool = False


class Editor:
    """Makes edits in the syntax tree of a program and takes them back."""

    def __init__(self, tree: ast.Module, nodes: Mapping[int, ast.AST]) -> None:
        self.tree = tree
        self.nodes = nodes
        self.parents = parents_of(tree)
        self._tops = {
            node_id_of(node): top
            for top, statement in enumerate(tree.body)
            for node in ast.walk(statement)
        }

    def top(self, node_id: int) -> int:
        """Index of the top-level statement that holds a node."""
        return self._tops[node_id]

    @contextmanager
    def made(self, edit: Edit) -> Iterator[frozenset[int]]:
        """The tree with an edit made; gives the indices of the top-level statements it is in.

        Raises:
            SyntaxError: The edit does not give a valid program.
        """
        undo: list[tuple[Any, Any, Any]] = []
        try:
            for change in edit.changes:
                self._make(change, undo)
            yield frozenset(self.top(change.node_id) for change in edit.changes)
        finally:
            for owner, key, old in reversed(undo):
                if isinstance(owner, list):
                    owner[:] = old
                else:
                    setattr(owner, key, old)

    def _make(self, change: Change, undo: list[tuple[Any, Any, Any]]) -> None:
        node = self.nodes[change.node_id]
        parent = self.parents[change.node_id]
        for name, value in ast.iter_fields(parent):
            if value is node:
                undo.append((parent, name, node))
                setattr(parent, name, self._parsed_expression(change.text, node))
                return
            if isinstance(value, list) and any(item is node for item in value):
                undo.append((value, None, list(value)))
                index = next(i for i, item in enumerate(value) if item is node)
                value[index : index + 1] = self._replacement(change, node)
                return
        raise SyntaxError("the node is no longer there")

    def _replacement(self, change: Change, node: ast.AST) -> list[ast.AST]:
        if isinstance(node, ast.expr):
            return [self._parsed_expression(change.text, node)]
        new: list[ast.AST] = list(ast.parse(change.text or "pass").body)
        for statement in new:
            _place_at(statement, node, same=change.where == "instead")
        if change.where == "after":
            return [node, *new]
        return [*new, node] if change.where == "before" else new

    @staticmethod
    def _parsed_expression(text: str, node: ast.AST) -> ast.expr:
        expression = ast.parse(text, mode="eval").body
        _place_at(expression, node)
        return expression


def _place_at(tree: ast.AST, node: ast.AST, *, same: bool = True) -> None:
    """Gives all of a new tree the place of the node that it stands for, and its root the number."""
    for count, item in enumerate(ast.walk(tree)):
        if isinstance(item, (ast.expr, ast.stmt, ast.keyword)):
            ast.copy_location(item, node)
        item.node_id = node_id_of(node) if same and count == 0 else _NEW + count  # type: ignore[attr-defined]


@dataclass
class TextEditor:
    """Writes edits into the program's text, leaving all else as it was typed."""

    source: Source
    nodes: Mapping[int, ast.AST]
    _splices: list[tuple[int, int, str]] = field(default_factory=list)

    def add(self, edit: Edit) -> None:
        """Takes an edit in."""
        for change in edit.changes:
            node: Any = self.nodes[change.node_id]
            start = self._offset(node.lineno, node.col_offset)
            end = self._offset(node.end_lineno, node.end_col_offset)
            if change.where == "instead":
                self._splices.append(self._instead(node, start, end, change.text))
                continue
            indent = " " * node.col_offset
            if change.where == "after":
                self._splices.append((end, end, f"\n{indent}{change.text}"))
            else:
                self._splices.append((start, start, f"{change.text}\n{indent}"))

    def _instead(self, node: Any, start: int, end: int, text: str) -> tuple[int, int, str]:
        around = self.source.text[:start].rstrip()[-1:] + self.source.text[end:].lstrip()[:1]
        if text.startswith("(") and around == "()" and isinstance(node, (ast.BinOp, ast.UnaryOp)):
            text = ast.unparse(ast.parse(text, mode="eval").body)
        if isinstance(node, ast.expr):
            return (*self._with_brackets(start, end, text), text)
        if text:
            return start, end, text
        first = self.source.text.rfind("\n", 0, start) + 1
        alone = not self.source.text[first:start].strip()
        rest = self.source.text.find("\n", end)
        behind = self.source.text[end : rest if rest >= 0 else None].strip()
        left = alone and rest >= 0 and (not behind or behind.startswith("#"))
        if left and not self._only_one(node):
            return first, rest + 1, ""  # the whole line goes
        return start, end, "pass"

    def _with_brackets(self, start: int, end: int, text: str) -> tuple[int, int]:
        """The place of an expression, with its brackets where the new text needs none."""
        whole = self.source.text
        before, behind = whole[:start].rstrip(), whole[end:]
        closing = end + len(behind) - len(behind.lstrip())
        own = before.endswith("(") and whole[closing : closing + 1] == ")"
        word = re.search(r"[\w)\]]*$", before[:-1].rstrip())
        called = word is not None and word[0] and not keyword.iskeyword(word[0])
        attached = before[-2:-1].isidentifier() or before[-2:-1] in {")", "]"}
        try:
            simple = isinstance(ast.parse(text, mode="eval").body, _SIMPLE)
        except SyntaxError:
            simple = False
        if not own or called or attached or not simple:
            return start, end
        return len(before) - 1, closing + 1

    def _only_one(self, node: ast.AST) -> bool:
        """Whether a statement is the only one of its block, which must not be left empty."""
        blocks = (
            block
            for above in self.nodes.values()
            for name in ("body", "orelse")
            if isinstance(block := getattr(above, name, None), list)
        )
        return any(len(block) == 1 and block[0] is node for block in blocks)

    def _offset(self, line: int, column: int) -> int:
        """Character offset of a line and a column counted in UTF-8 bytes, as `ast` does."""
        before = sum(len(text) + 1 for text in self.source.lines[: line - 1])
        return before + len(self.source.line(line).encode()[:column].decode(errors="ignore"))

    def text(self) -> str:
        """The edited program."""
        text = self.source.text
        for start, end, new in sorted(self._splices, reverse=True):
            text = text[:start] + new + text[end:]
        return text


def unified_diff(source: Source, fixed: str) -> str:
    """The difference between a program and its edited text, file by file."""
    lines: list[str] = []
    for old, new in zip(source.parts, source.with_text(fixed).parts):
        lines += difflib.unified_diff(
            old.text.splitlines(keepends=True),
            new.text.splitlines(keepends=True),
            fromfile=str(old.path),
            tofile=f"{old.path.stem}.fixed{old.path.suffix}",
            n=2,
        )
    return "".join(line if line.endswith("\n") else line + "\n" for line in lines)
