"""What is wrong with a config, from pydantic's words to a person's, each at its line and column."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pydantic import ValidationError

from nndiag.errors import Location, Problem
from nndiag.experiment.components import Section, Shape, fields, shape_below
from nndiag.experiment.node import Node, Path, dotted, name_in
from nndiag.experiment.scalars import resolved_scalar
from nndiag.experiment.suggestion import (
    LIST_OF_SECTIONS,
    homes_of,
    meant,
    meant_key,
)
from nndiag.formatting import chosen

_KINDS = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "string_type": "text",
    "path_type": "the path of a file",
    "list_type": "a list",
    "dict_type": "a mapping of keys to values",
    "model_type": "a mapping of keys to values",
    "finite_number": "a finite number",
}
_BOUNDS = {
    "greater_than": ("gt", "greater than"),
    "greater_than_equal": ("ge", "at least"),
    "less_than": ("lt", "less than"),
    "less_than_equal": ("le", "at most"),
}
_LENGTHS = {
    "too_short": ("min_length", "items, at least"),
    "too_long": ("max_length", "items, at most"),
    "string_too_long": ("max_length", "letters, at most"),
}
_BOOLEAN_WORDS = {"yes": "true", "on": "true", "no": "false", "off": "false"}


@dataclass(frozen=True)
class _Complaint:
    """One error of pydantic's, beside the place that it is about.

    Attributes:
        detail: Pydantic's words.
        node: The deepest node on the error's path that exists.
        path: The node's path.
        rest: What the path has beyond it: a missing key, or the member of a union.
        fields: Keys that are known where the error is.
        homes: Where in a config other keys belong: key → the section's path.
    """

    detail: Mapping[str, Any]
    node: Node
    path: Path
    rest: Path
    fields: Sequence[str]
    homes: Mapping[str, str]

    @property
    def subject(self) -> str:
        """What a message begins with."""
        return repr(dotted(self.path)) if self.path else "the config"

    @property
    def context(self) -> Mapping[str, Any]:
        """The numbers and names in pydantic's message."""
        context: Mapping[str, Any] = self.detail.get("ctx", {})
        return context


def problems_of(error: ValidationError, root: Node, shape: type[Section]) -> list[Problem]:
    """The problems of a config.

    Args:
        error: What pydantic found.
        root: The config's tree.
        shape: Its model.
    """
    found: dict[tuple[Path, str], Problem] = {}
    homes = dict(homes_of(root, shape, ()))
    for detail in error.errors(include_url=False):
        kind, location = detail["type"], detail["loc"]
        node, rest = root.follow(location)
        path = location[: len(location) - len(rest)]
        holder = path[:-1] if kind == "extra_forbidden" else path
        keys = list(fields(*_shape_at(holder, root, shape)))
        complaint = _Complaint(detail, node, path, rest, keys, homes)
        problem = _WORDS.get(kind, _other)(complaint)
        group = (path, str(rest) if kind == "missing" else "member" if rest else kind)
        if problem is not None:
            found[group] = _either(found[group], problem) if group in found else problem
    return [_terse(problem) for problem in found.values()]


def ordered(problems: Iterable[Problem]) -> list[Problem]:
    """By file and line, one for each place: what was found first tells most."""
    kept: dict[Any, Problem] = {}
    for problem in problems:
        place = problem.location
        numbered = place is not None and place.line is not None
        kept.setdefault(str(place) if numbered else str(problem), problem)
    return sorted(kept.values(), key=_position)


def _position(problem: Problem) -> tuple[str, int, int]:
    place = problem.location or Location("")
    return place.file, place.line or 0, place.column or 0


def _missing(complaint: _Complaint) -> Problem | None:
    """A missing key; nothing where it stands there misspelt, which is told as an unknown key."""
    key, node = str(complaint.rest[-1]), complaint.node
    written = node.value if isinstance(node.value, dict) else {}
    if any(meant(other, [key]) for other in written if other not in complaint.fields):
        return None
    return Problem(f"{key!r} is missing in {dotted(complaint.path) or 'the config'}", node.head)


def _unknown_key(complaint: _Complaint) -> Problem:
    key, section = str(complaint.path[-1]), dotted(complaint.path[:-1]) or "the config"
    return Problem(
        f"unknown key {key!r} in {section}",
        complaint.node.head,
        allowed=", ".join(complaint.fields),
        hint=meant_key(key, complaint.fields, complaint.homes),
    )


def _unknown_component(complaint: _Complaint) -> Problem:
    context, node = complaint.context, complaint.node
    chosen = node.entry("name") or node
    message = f"unknown {context['kind']} {context['got']}"
    names = context["allowed"].split(", ")
    hint = meant(str(chosen.value), names)
    return Problem(message, chosen.place, allowed=context["allowed"], hint=hint)


def _conflict(complaint: _Complaint) -> Problem:
    message = f"{complaint.subject} {complaint.detail['msg']}"
    return Problem(message, complaint.node.head, allowed=complaint.context.get("allowed"))


def _wrong_choice(complaint: _Complaint) -> Problem:
    value, allowed = complaint.detail["input"], complaint.context["expected"]
    choices = [choice.strip(" '") for choice in allowed.replace(" or ", ",").split(",")]
    hint = meant(value, choices) if isinstance(value, str) else None
    message = f"{complaint.subject} cannot be {_shown(value)}"
    return Problem(message, complaint.node.place, allowed=allowed, hint=hint)


def _wrong_kind(complaint: _Complaint) -> Problem:
    kind, value = complaint.detail["type"], complaint.detail["input"]
    words = _KINDS[kind]
    is_layer = kind == "model_type" and complaint.path[-2:-1] == (LIST_OF_SECTIONS,)
    return Problem(
        f"{complaint.subject} must be {words}",
        complaint.node.place,
        got=_shown(value),
        allowed=words,
        hint=f"write {{units: {value}}}" if is_layer and value else _kind_hint(kind, value),
    )


def _out_of_bounds(complaint: _Complaint) -> Problem:
    key, words = _BOUNDS[complaint.detail["type"]]
    bound = complaint.context[key]
    allowed = f"{words} {chosen(bound)}" if isinstance(bound, float) else f"{words} {bound:,}"
    message = f"{complaint.subject} must be {allowed}"
    return Problem(message, complaint.node.place, _shown(complaint.detail["input"]), allowed)


def _other(complaint: _Complaint) -> Problem:
    message = complaint.detail["msg"]
    message = f"{complaint.subject}: {message[:1].lower()}{message[1:]}"
    return Problem(message, complaint.node.place, _shown(complaint.detail["input"]))


def _wrong_length(complaint: _Complaint) -> Problem:
    bound, words = _LENGTHS[complaint.detail["type"]]
    message = f"{complaint.subject} must have {words} {complaint.context[bound]}"
    return Problem(message, complaint.node.place)


def _wrong_name(complaint: _Complaint) -> Problem:
    """A name that no folder of a run can have: the one pattern of a config."""
    allowed = "letters, digits, spaces and . + = - _, beginning with a letter or digit"
    message = f"{complaint.subject} cannot be {_shown(complaint.detail['input'])}"
    return Problem(message, complaint.node.place, allowed=allowed)


_WORDS: dict[str, Callable[[_Complaint], Problem | None]] = {
    "missing": _missing,
    "extra_forbidden": _unknown_key,
    "component_name": _unknown_component,
    "component": _conflict,
    "conflict": _conflict,
    "literal_error": _wrong_choice,
    "enum": _wrong_choice,
    "string_pattern_mismatch": _wrong_name,
    **dict.fromkeys(_KINDS, _wrong_kind),
    **dict.fromkeys(_BOUNDS, _out_of_bounds),
    **dict.fromkeys(_LENGTHS, _wrong_length),
}


def _shape_at(path: Path, root: Node, shape: Shape) -> tuple[Shape, str | None]:
    """What stands at a path, and for a component its name."""
    node: Node | None = root
    for part in path:
        if isinstance(part, str):
            shape = shape_below(shape, part, name_in(node))
        node = node.entry(part) if node is not None else None
    return shape, name_in(node)


def _either(first: Problem, second: Problem) -> Problem:
    """One problem for a value that fits none of several types."""
    allowed = " or ".join(dict.fromkeys(part for part in (first.allowed, second.allowed) if part))
    message = first.message.partition(" must be ")[0].partition(" cannot be ")[0]
    return Problem(
        f"{message} cannot be {first.got or second.got}",
        first.location,
        allowed=allowed or None,
        hint=first.hint or second.hint,
    )


def _terse(problem: Problem) -> Problem:
    """Without saying twice what is allowed."""
    repeated = problem.allowed is not None and problem.message.endswith(problem.allowed)
    return replace(problem, allowed=None) if repeated else problem


def _shown(value: Any) -> str:
    """A value in a message: as YAML writes it, and not too long."""
    if value is None or isinstance(value, bool):
        return "null" if value is None else str(value).lower()
    if isinstance(value, dict | list):
        return "a mapping" if isinstance(value, dict) else "a list"
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}…"


def _kind_hint(kind: str, value: Any) -> str | None:
    """What to write instead, where that is clear."""
    if kind == "bool_type" and str(value).lower() in _BOOLEAN_WORDS:
        return f"write {_BOOLEAN_WORDS[str(value).lower()]}"
    if kind == "string_type" and isinstance(value, int | float):
        return f"put it in quotes: '{value}'"
    if kind in ("int_type", "float_type") and isinstance(value, str):
        plain = value.replace("_", "").replace(",", ".").strip()
        number = resolved_scalar(plain)
        if isinstance(number, int | float) and not isinstance(number, bool):
            return "leave the quotes out" if plain == value else f"write {plain}"
    if kind in ("int_type", "int_from_float") and isinstance(value, float) and value.is_integer():
        return f"write {int(value)}"
    return None
