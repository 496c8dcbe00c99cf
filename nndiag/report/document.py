"""What the objects of `--json` are made of: frozen dataclasses, from which their schema is derived.

A key that is described stays, with its type; `VERSION` counts changes of that. More keys may come
to stand beside. Numbers that are not finite are the strings "nan", "inf" and "-inf".

To add a key: a field with a docstring, where the object is written. To add an object: a class over
`Document` beside the function that makes it, and its name in `schema.DOCUMENTS`.
"""

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

VERSION: Literal[2] = 2


class Part:
    """A part of an object; `__pydantic_config__` tells how its schema is derived."""

    __pydantic_config__: ClassVar[dict[str, Any]] = {
        "use_attribute_docstrings": True,
        "json_schema_serialization_defaults_required": True,
    }


@dataclass(frozen=True, kw_only=True)
class Document(Part):
    """A whole object."""

    version: Literal[2] = VERSION
    command: str
    """The command whose object it is."""
