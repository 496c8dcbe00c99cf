"""The JSON Schema of what `--json` prints, derived from the dataclasses that are printed."""

import importlib
import pkgutil
from collections.abc import Iterator
from typing import Any, Literal, get_origin

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

import nndiag.report
from nndiag.report.document import Document, DocumentPart

_MODULES = ("_document", "_program")  # endings of the modules in which objects are written
_NOT_FINITE = ["nan", "inf", "-inf"]


class _Generator(GenerateJsonSchema):
    """Numbers as they are written, and no titles that only repeat a name."""

    def float_schema(self, schema: core_schema.FloatSchema) -> JsonSchemaValue:
        return {"anyOf": [{"type": "number"}, {"enum": _NOT_FINITE}]}

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def report_schema() -> dict[str, Any]:
    """The schema of the object that each command prints, told apart by its `command`."""
    for module in pkgutil.iter_modules(nndiag.report.__path__, "nndiag.report."):
        if module.name.endswith(_MODULES):
            importlib.import_module(module.name)
    kinds = list(_kinds(DocumentPart))
    every: Any = TypeAdapter(tuple[*kinds])  # type: ignore[valid-type]
    found = every.json_schema(mode="serialization", schema_generator=_Generator)
    definitions = found["$defs"]
    for kind in kinds:  # pydantic takes the docstrings of a class's own fields only
        for base in kind.__mro__:
            known = definitions.get(base.__name__, {}).get("properties", {})
            for name, schema in definitions[kind.__name__]["properties"].items():
                if "description" in known.get(name, {}):
                    schema.setdefault("description", known[name]["description"])
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "nndiag report",
        "description": "What nndiag prints with --json.",
        "oneOf": [{"$ref": f"#/$defs/{document.__name__}"} for document in documents()],
        "$defs": definitions,
    }


def documents() -> list[type[Document]]:
    """The whole objects, those that say which command prints them."""
    return [
        kind
        for kind in _kinds(DocumentPart)
        if issubclass(kind, Document) and get_origin(kind.__annotations__.get("command")) is Literal
    ]


def _kinds(kind: type[DocumentPart]) -> Iterator[type[DocumentPart]]:
    """The kinds of parts below one, with those that others only build on."""
    for below in kind.__subclasses__():
        yield below
        yield from _kinds(below)
