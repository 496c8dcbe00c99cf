"""Plain data for JSON: no NumPy, no tuples, and never a bare NaN or Infinity."""

import json
import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from pathlib import PurePath
from typing import Any


def to_plain(value: object) -> Any:
    """The value, dataclasses too, as dictionaries, lists, strings, numbers, booleans and None.

    Numbers that are not finite become "nan", "inf" and "-inf", which `float` reads back.
    """
    if hasattr(value, "tolist"):  # an array, or a number of NumPy's, which is not imported here
        value = value.tolist()
    if is_dataclass(value):
        value = {field.name: getattr(value, field.name) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): to_plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [to_plain(item) for item in value]
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else str(float(value))
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, str | PurePath):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no plain form")


def json_text(value: object) -> str:
    """The value as indented JSON, ending with a line end."""
    return json.dumps(to_plain(value), indent=1, ensure_ascii=False, allow_nan=False) + "\n"
