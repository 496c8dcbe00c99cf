"""What the schemas of reports are built of: kinds of values, and what all reports share."""

from collections.abc import Mapping
from enum import Enum
from typing import Any

from nndiag.finding import Confidence, Severity

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
FLAG: Schema = {"type": "boolean"}
WHOLE: Schema = {"type": "integer"}
COUNT: Schema = {"type": "integer", "minimum": 0}
ANY: Schema = {}
NUMBER: Schema = {"$ref": "#/$defs/number"}


def record(required: Mapping[str, Schema], optional: Mapping[str, Schema] | None = None) -> Schema:
    """An object with these keys; more may stand beside them."""
    return {
        "type": "object",
        "required": list(required),
        "properties": {**required, **(optional or {})},
    }


def list_of(item: Schema) -> Schema:
    """A list of such items."""
    return {"type": "array", "items": item}


def by_name(item: Schema) -> Schema:
    """An object with such values under names of any kind."""
    return {"type": "object", "additionalProperties": item}


def or_null(schema: Schema) -> Schema:
    """The same, or null."""
    return {"anyOf": [schema, {"type": "null"}]}


def one_of(values: type[Enum]) -> Schema:
    """One of some words."""
    return {"enum": [str(value) for value in values]}


def pair(item: Schema) -> Schema:
    """Two of them."""
    return {"type": "array", "items": item, "minItems": 2, "maxItems": 2}


def told(schema: Schema, description: str) -> Schema:
    """The same with a description."""
    return {**schema, "description": description}


def evidence_schema() -> Schema:
    """One number beside the limit that it was held against."""
    return record(
        {
            "measure": told(or_null(TEXT), "What of the series it is; null for its value."),
            "observed": NUMBER,
            "limit": or_null(NUMBER),
            "layer": or_null(TEXT),
            "steps": told(or_null(pair(WHOLE)), "First and last step."),
        }
    )


def finding_schema() -> Schema:
    """One problem that was seen."""
    return record(
        {
            "problem": told(TEXT, "A name that `nndiag explain` knows."),
            "severity": one_of(Severity),
            "message": told(TEXT, "One sentence with numbers."),
            "layer": or_null(TEXT),
            "tensor": or_null(TEXT),
            "evidence": told(by_name({"$ref": "#/$defs/evidence"}), "By series."),
            "remedies": told(list_of(TEXT), "What to try, most promising first."),
        },
        {
            "file": told(TEXT, "In a program: the file to change."),
            "line": told(COUNT, "In a program: the line to change, in a notebook of the cell."),
            "cell": told(COUNT, "In a notebook: the cell to change."),
            "replacement": told(TEXT, "In a program: what to write there."),
        },
    )


def cause_schema() -> Schema:
    """What explains a failing run."""
    cause = record({"problem": TEXT, "confidence": one_of(Confidence), "explains": list_of(TEXT)})
    return told(or_null(cause), "Null where nothing is wrong or nothing explains it.")
