"""Facts and ending as a JSON document with the arrays beside it, and back."""

import types
import typing
from collections.abc import Mapping
from dataclasses import asdict, fields
from itertools import zip_longest
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from nndiag.plain import to_plain
from nndiag.trace.stability import SharpnessChange, Stability
from nndiag.trace.trace import Ending, Facts, LayerFacts

Document = dict[str, Any]
Arrays = dict[str, NDArray[Any]]
T = TypeVar("T", LayerFacts, Facts, Ending, Stability, SharpnessChange)

_STRUCTURED = (
    *("layers", "initial_weights", "initial_biases", "settings", "stability"),
    *("batch_limits", "changes"),
)


def facts_document(facts: Facts) -> tuple[Document, Arrays]:
    """What is stored of the facts: plain data, and arrays by name."""
    document, arrays = _split(facts)
    document["layers"] = [_split(layer)[0] for layer in facts.layers]
    document["settings"] = to_plain(facts.settings)
    if facts.stability is not None:
        document["stability"] = to_plain(asdict(facts.stability))
    for name in ("initial_weights", "initial_biases"):
        for index, array in enumerate(getattr(facts, name)):
            if array is not None:
                arrays[f"{name}_{index}"] = array
        document[name] = len(getattr(facts, name))
    return document, arrays


def facts_of(document: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Facts:
    """The facts that were stored.

    Raises:
        KeyError, TypeError, ValueError: The document is not one of facts.
    """
    values = _simple_values(Facts, document, arrays)
    values["layers"] = tuple(
        LayerFacts(**_simple_values(LayerFacts, layer, {})) for layer in document.get("layers", ())
    )
    settings = document.get("settings", {})
    if not isinstance(settings, dict):
        raise TypeError("settings is not a mapping")
    weights, biases = (
        range(min(int(document.get(name, 0)), len(arrays) + len(values["layers"])))
        for name in ("initial_weights", "initial_biases")
    )
    facts = Facts(
        **values,
        settings=settings,
        stability=_stability_of(document.get("stability")),
        initial_weights=tuple(_numbers(arrays[f"initial_weights_{index}"]) for index in weights),
        initial_biases=tuple(_optional(arrays, f"initial_biases_{index}") for index in biases),
    )
    _check_shapes(facts)
    return facts


def ending_document(ending: Ending) -> tuple[Document, Arrays]:
    """What is stored of the ending: plain data, and arrays by name."""
    return _split(ending)


def ending_of(document: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Ending:
    """The ending that was stored.

    Raises:
        KeyError, TypeError, ValueError: The document is not one of an ending.
    """
    ending = Ending(**_simple_values(Ending, document, arrays))
    _check_dimensions("predictions", ending.predictions, 2)
    _check_dimensions("validation_predictions", ending.validation_predictions, 2)
    return ending


def _stability_of(document: Mapping[str, Any] | None) -> Stability | None:
    """What theory said, from its part of the document."""
    if document is None:
        return None
    values = _simple_values(Stability, document, {})
    batches = document.get("batch_limits")
    if batches is not None:
        low, high = map(float, batches)
        values["batch_limits"] = (low, high)
    changes = tuple(
        SharpnessChange(**_simple_values(SharpnessChange, change, {}))
        for change in document.get("changes", ())
    )
    return Stability(**values, changes=changes)


def _check_shapes(facts: Facts) -> None:
    """Refuse arrays and counts that no run can have.

    Raises:
        ValueError: With what is wrong.
    """
    data = {name: getattr(facts, name) for name in ("inputs", "targets", "raw_inputs")}
    for name, array in data.items():
        _check_dimensions(name, array, 2)
    held_out = {name: getattr(facts, name) for name in ("validation_inputs", "validation_targets")}
    for name, array in held_out.items():
        _check_dimensions(name, array, 2)
    for together in (data, held_out):
        if len({len(array) for array in together.values() if array is not None}) > 1:
            raise ValueError("inputs and targets are not equally many")
    for weights, biases in zip_longest(facts.initial_weights, facts.initial_biases):
        _check_dimensions("initial_weights", weights, 2)
        _check_dimensions("initial_biases", biases, 1)
    units = [layer.units for layer in facts.layers]
    if min((*units, 1 if facts.batch_size is None else facts.batch_size)) < 1:
        raise ValueError("a count is not positive")


def _check_dimensions(name: str, array: NDArray[np.float64] | None, dimensions: int) -> None:
    if array is not None and (array.ndim != dimensions or array.size == 0):
        raise ValueError(f"{name} has shape {array.shape}, not {dimensions} dimensions")


def _split(record: Facts | Ending | LayerFacts) -> tuple[Document, Arrays]:
    document: Document = {}
    arrays: Arrays = {}
    for field in fields(record):
        value = getattr(record, field.name)
        if field.name in _STRUCTURED or value is None:
            continue
        if isinstance(value, np.ndarray):
            arrays[field.name] = value
        else:
            document[field.name] = to_plain(value)
    return document, arrays


def _simple_values(
    record: type[T], document: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]
) -> dict[str, Any]:
    """The record's numbers, names and arrays, each in the type that its field declares."""
    hints = typing.get_type_hints(record)
    values: dict[str, Any] = {}
    for field in fields(record):
        if field.name in _STRUCTURED:
            continue
        if field.name in arrays:
            values[field.name] = _numbers(arrays[field.name])
        elif document.get(field.name) is not None:
            values[field.name] = _typed(document[field.name], hints[field.name])
    return values


def _typed(value: Any, hint: Any) -> Any:
    """The value as the first type of the hint: `float`, `int`, `str`, `bool`, or one or None."""
    kind = hint.__args__[0] if isinstance(hint, types.UnionType) else hint
    if kind is float and not isinstance(value, bool):
        return float(value)
    if isinstance(value, kind) and not (kind is int and isinstance(value, bool)):
        return value
    raise TypeError(f"{value!r} is no {kind.__name__}")


def _numbers(array: NDArray[Any]) -> NDArray[np.float64]:
    if array.dtype.kind not in "fiub":
        raise TypeError(f"an array of {array.dtype} holds no numbers")
    return array.astype(np.float64, copy=False)


def _optional(arrays: Mapping[str, NDArray[Any]], name: str) -> NDArray[np.float64] | None:
    return _numbers(arrays[name]) if name in arrays else None
