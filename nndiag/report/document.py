"""What the objects of `--json` are made of: frozen dataclasses, from which their schema is derived.

A key that is described stays, with its type; `VERSION` counts changes of that. More keys may come
to stand beside. Numbers that are not finite are the strings "nan", "inf" and "-inf".

To add a key: a field with a docstring, where the object is written. To add an object: a class over
`Document`, with its command as a `Literal`, in a module `…_document` with the function that makes
it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache
from types import NoneType
from typing import Any, ClassVar, Literal, TypeVar, get_args, get_origin, get_type_hints

VERSION: Literal[2] = 2


class DocumentPart:
    """A part of an object; `__pydantic_config__` tells how its schema is derived."""

    __pydantic_config__: ClassVar[dict[str, Any]] = {
        "use_attribute_docstrings": True,
        "json_schema_serialization_defaults_required": True,
    }


@dataclass(frozen=True, kw_only=True)
class Document(DocumentPart):
    """A whole object."""

    version: Literal[2] = VERSION
    command: str
    """The command whose object it is."""


P = TypeVar("P", bound=DocumentPart)


def derived(kind: type[P], source: object, **given: Any) -> P:
    """A part of an object, field by field from what is called the same in a result.

    Args:
        kind: The part.
        source: The result; what it holds becomes the parts that the fields are annotated with.
        given: Fields that the result has not, or not in this form.
    """
    hashable: Any = kind  # which mypy does not know of a class
    hints = _hints(hashable)
    values = {name: getattr(source, name) for name in hints if hasattr(source, name)} | given
    return kind(**{name: _converted(hints[name], value) for name, value in values.items()})


@cache
def _hints(kind: type[Any]) -> dict[str, Any]:
    hints = get_type_hints(kind)
    return {field.name: hints[field.name] for field in fields(kind)}


def _converted(hint: Any, value: Any) -> Any:
    """A value as the annotation of its field has it."""
    kinds = [kind for kind in get_args(hint) if kind is not NoneType]
    origin = get_origin(hint)
    if value is None or isinstance(value, DocumentPart):
        return value
    if isinstance(hint, type) and issubclass(hint, DocumentPart):
        return derived(hint, value)
    if origin is list:
        return [_converted(kinds[0], one) for one in value]
    if origin is Mapping:
        return {key: _converted(kinds[1], one) for key, one in value.items()}
    return _converted(kinds[0], value) if len(kinds) == 1 and origin is not tuple else value
