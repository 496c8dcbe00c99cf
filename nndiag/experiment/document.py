"""From YAML text to a tree in which every key and value knows its line and column.

The reading is stricter than YAML: no tags, no duplicate keys, no keys without a value, and one
document.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import yaml

from nndiag.errors import ConfigError, Location, Problem
from nndiag.experiment.node import Node
from nndiag.experiment.scalars import resolved_scalar

_DEEPEST = 40  # nested levels
_MOST_VALUES = 200_000  # after aliases are followed
_LONGEST_LINE = 160  # characters of an offending line that are shown

_LINE_END = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
_UNPRINTABLE = yaml.reader.Reader.NON_PRINTABLE


def parsed(text: str, file: str, *, numbered: bool = True) -> tuple[Node | None, list[Problem]]:
    """The tree of a YAML text, and what is wrong with it although a tree could be built.

    Args:
        text: YAML, without a byte order mark.
        file: What to call it in messages.
        numbered: Whether messages give line and column.

    Returns:
        The root, None for a text without content; the problems.

    Raises:
        ConfigError: The text is no YAML, or is too deep or too large.
    """
    reader = _Reader(text, file, numbered)
    unprintable = _UNPRINTABLE.search(text)
    if unprintable is not None:
        start = unprintable.start()
        before = _LINE_END.split(text[:start])
        place = reader.location(len(before) - 1, len(before[-1]))
        raise ConfigError(Problem("character that cannot be printed", place, repr(text[start])))
    try:
        for event in _events(text):
            reader.take(event)
    except yaml.MarkedYAMLError as error:
        raise ConfigError([*reader.problems, reader.syntax_problem(error)]) from error
    except yaml.YAMLError as error:
        problem = Problem(f"not YAML: {error}", Location(file))
        raise ConfigError([*reader.problems, problem]) from error
    return reader.root, reader.problems


def _events(text: str) -> Iterator[yaml.Event]:
    """The parser's events; from the C parser where PyYAML was built with it."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    events: Iterator[yaml.Event] = yaml.parse(text, Loader=loader)
    return events


@dataclass
class _Open:
    """A mapping or list that is being read.

    Attributes:
        value: What was read of it.
        place: Where it begins.
        anchor: Its anchor.
        size: Number of values in it, itself included.
        depth: Levels in it, itself included.
        key: The key whose value comes next.
        skip: Whether the next value belongs to a refused key.
    """

    value: dict[str, Node] | list[Node]
    place: Location
    anchor: str | None
    size: int = 1
    depth: int = 1
    key: tuple[str, Location] | None = None
    skip: bool = False


@dataclass
class _Reader:
    """Builds the tree from events, without recursion."""

    text: str
    file: str
    numbered: bool
    root: Node | None = None
    problems: list[Problem] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._lines = _LINE_END.split(self.text)
        self._open: list[_Open] = []
        self._anchors: dict[str, tuple[Node, int, int]] = {}  # with size and depth
        self._last_shown = (-1, "")
        self._documents = 0
        self._values = 0

    def location(self, line: int, column: int) -> Location:
        """The place of a mark, which counts from 0."""
        if not self.numbered:
            return Location(self.file)
        text = self._shown(line) if column <= _LONGEST_LINE else None
        return Location(self.file, line + 1, column + 1, text)

    def take(self, event: yaml.Event) -> None:
        """Adds one event to the tree."""
        if isinstance(event, yaml.DocumentStartEvent):
            self._documents += 1
            if self._documents > 1:
                raise self._stopped("a second document begins here", event)
        elif isinstance(event, yaml.ScalarEvent):
            self._scalar(event)
        elif isinstance(event, yaml.AliasEvent):
            self._alias(event)
        elif isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
            self._begin(event)
        elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            done = self._open.pop()
            node = Node(done.value, done.place)
            self._add(node, size=done.size, depth=done.depth, anchor=done.anchor)

    def syntax_problem(self, error: yaml.MarkedYAMLError) -> Problem:
        """The parser's complaint, in a person's words where that is known."""
        mark = error.problem_mark or error.context_mark
        place = self.location(mark.line, mark.column) if mark else Location(self.file)
        message = " ".join(part for part in (error.problem, error.context) if part)
        line = self._lines[mark.line] if mark and mark.line < len(self._lines) else ""
        if mark and line[mark.column : mark.column + 1] == "\t":
            return Problem("not YAML: a tab", place, hint="indent with spaces")
        hint = next((text for part, text in _SYNTAX_HINTS if part in message), None)
        return Problem(f"not YAML: {message}", place, hint=hint)

    def _shown(self, line: int) -> str:
        """The beginning of a line, without what would put the caret elsewhere or act on a terminal.

        The last line is kept, for the values of one line come one after another.
        """
        if self._last_shown[0] != line:
            text = self._lines[line][:_LONGEST_LINE] if line < len(self._lines) else ""
            if not text.isprintable():
                text = "".join(letter if letter.isprintable() else " " for letter in text)
            self._last_shown = (line, text)
        return self._last_shown[1]

    def _begin(self, event: Any) -> None:
        self._refuse_tag(event)
        if len(self._open) >= _DEEPEST:
            raise self._stopped(f"nested deeper than {_DEEPEST} levels", event)
        value: Any = {} if isinstance(event, yaml.MappingStartEvent) else []
        self._anchors.pop(event.anchor, None)
        self._open.append(_Open(value, self._place(event), event.anchor))

    def _scalar(self, event: Any) -> None:
        self._refuse_tag(event)
        place = self._place(event)
        quoted = not event.implicit[0]
        value = event.value if quoted or self._expects_key() else resolved_scalar(event.value)
        if event.value == "" and not quoted and self._open and not self._expects_key():
            key = self._open[-1].key
            name, place = (repr(key[0]), key[1]) if key else ("list item", place)
            hint = "write a value, or leave the key out" if key else "write a value"
            if not self._open[-1].skip:
                self.problems.append(Problem(f"{name} has no value", place, hint=hint))
        self._add(Node(value, place), size=1, depth=0, anchor=event.anchor)

    def _alias(self, event: Any) -> None:
        if event.anchor not in self._anchors:
            inside = any(level.anchor == event.anchor for level in self._open)
            reason = "contains itself" if inside else "has no anchor before it"
            raise self._stopped(f"alias *{event.anchor} {reason}", event)
        node, size, depth = self._anchors[event.anchor]
        if len(self._open) + depth > _DEEPEST:
            raise self._stopped(f"nested deeper than {_DEEPEST} levels", event)
        self._add(replace(node, key=None), size=size, depth=depth, alias=event)

    def _expects_key(self) -> bool:
        """Whether the next node is a key."""
        level = self._open[-1] if self._open else None
        return (
            level is not None
            and isinstance(level.value, dict)
            and level.key is None
            and not level.skip
        )

    def _add(
        self,
        node: Node,
        *,
        size: int,
        depth: int,
        anchor: str | None = None,
        alias: yaml.Event | None = None,
    ) -> None:
        """Hangs a finished node into the mapping or list that is open."""
        if anchor is not None:
            self._anchors[anchor] = (node, size, depth)
        self._values += 1 if alias is None else size
        if self._values > _MOST_VALUES:
            message = f"more than {_MOST_VALUES:,} values, counting what aliases repeat"
            raise ConfigError([*self.problems, Problem(message, node.place)])
        if not self._open:
            self.root = node
            return
        level = self._open[-1]
        level.size += size
        level.depth = max(level.depth, depth + 1)
        if isinstance(level.value, list):
            level.value.append(node)
        elif self._expects_key():
            self._take_key(level, node, alias=alias)
        elif level.skip:
            level.skip = False
        elif level.key is not None:
            name, place = level.key
            level.value[name] = replace(node, key=place)
            level.key = None

    def _take_key(self, level: _Open, node: Node, *, alias: yaml.Event | None) -> None:
        """Remembers a key, or refuses it and skips its value."""
        assert isinstance(level.value, dict)
        if not isinstance(node.value, str) or alias is not None:
            place = node.place if alias is None else self._place(alias)
            self.problems.append(Problem("a key must be plain text", place))
            level.skip = True
        elif node.value in level.value:
            first = level.value[node.value].head
            message = f"{node.value!r} is given twice"
            hint = f"it is given in line {first.line} already; keep one" if first.line else None
            self.problems.append(Problem(message, node.place, hint=hint))
            level.skip = True
        else:
            level.key = (node.value, node.place)

    def _refuse_tag(self, event: Any) -> None:
        if event.tag is not None:
            tag = event.tag.replace("tag:yaml.org,2002:", "!!")
            self.problems.append(
                Problem("tags are not allowed", self._place(event), got=tag, hint="leave it out")
            )

    def _place(self, event: yaml.Event) -> Location:
        mark: Any = event.start_mark
        return self.location(mark.line, mark.column)

    def _stopped(self, message: str, event: yaml.Event) -> ConfigError:
        return ConfigError([*self.problems, Problem(message, self._place(event))])


_SYNTAX_HINTS = (
    ("mapping values are not allowed", "is a line before it indented wrongly, or a quote missing?"),
    ("could not find expected ':'", "write `key: value`, with a space after the colon"),
    ("did not find expected key", "indent the keys of one section alike"),
    ("did not find expected ',' or", "close the bracket, or put a comma between the items"),
    (
        "did not find expected '-' indicator",
        "begin each item with `- `, indented alike",
    ),
    ("cannot start any token", "put the text in quotes"),
)
