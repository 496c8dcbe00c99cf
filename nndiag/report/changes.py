"""Changed keys of a config as words: "learning_rate 0.2 → 0.0065", or as a command takes them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from nndiag.finding import Suggestion
from nndiag.formatting import number

_SHOWN_AS = {"name": "", "bias": "biases"}
_DEFAULT = "default"  # a layer without a setting of its own


def change_words(settings: Mapping[str, Any], changes: Mapping[str, Any]) -> list[str]:
    """One phrase for each key that changes.

    Args:
        settings: The whole config before.
        changes: The keys that change, nested as in a config.
    """
    words = []
    for key, value in changes.items():
        before = settings.get(key)
        if key == "layers" and isinstance(before, Sequence):
            words += _layer_words(before, value)
        elif isinstance(value, Mapping):
            inner = before if isinstance(before, Mapping) else {}
            words += [_named(key, phrase) for phrase in change_words(inner, value)]
        else:
            words.append(_phrase(key, before, value))
    return words


def suggestion_words(suggestion: Suggestion, settings: Mapping[str, Any]) -> str:
    """What to try: as a command line takes it, in words where that has no room for it.

    Args:
        suggestion: What to try.
        settings: The whole config before.
    """
    changes = suggestion.changes
    if changes is None:
        return suggestion.title[:1].lower() + suggestion.title[1:]
    if "layers" in changes.get("network", {}):
        return ", ".join(change_words(settings, changes))
    return " ".join(_overrides(changes))


def _overrides(changes: Mapping[str, Any], path: str = "") -> Iterator[str]:
    """Each key that changes as `section.key=value`."""
    for key, value in changes.items():
        if isinstance(value, Mapping) and list(value) != ["name"]:
            yield from _overrides(value, f"{path}{key}.")
        else:
            plain = value["name"] if isinstance(value, Mapping) else value
            yield f"{path}{key}={_scalar(plain)}"


def _scalar(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return "null" if value is None else str(value).lower()
    return number(value, digits=6) if isinstance(value, float) else str(value)


def _layer_words(before: Sequence[Any], after: Sequence[Any]) -> list[str]:
    """What becomes of the layers: how many there are, or what changes in which."""
    if len(before) != len(after):
        return [_phrase("layers", len(before), len(after))]
    changed: dict[str, list[int]] = {}
    for place, (old, new) in enumerate(zip(before, after, strict=True), 1):
        for key in dict.fromkeys([*old, *new]):
            if old.get(key) != new.get(key):
                phrase = _phrase(key, old.get(key, _DEFAULT), new.get(key, _DEFAULT))
                changed.setdefault(phrase, []).append(place)
    return [f"{_layers(numbers)} {phrase}" for phrase, numbers in changed.items()]


def _layers(numbers: Sequence[int]) -> str:
    """Numbers of layers: "layer1", or "layers 1, 2"."""
    if len(numbers) == 1:
        return f"layer{numbers[0]}"
    return f"layers {', '.join(map(str, numbers))}"


def _named(key: str, phrase: str) -> str:
    """A phrase inside a section: only a component's own name needs to be told with it."""
    return f"{key} {phrase.strip()}" if phrase.startswith(" ") else phrase


def _phrase(key: str, before: Any, after: Any) -> str:
    if key == "seed" and before is None:
        return f"weights from seed {after}"
    shown = _SHOWN_AS.get(key, key)
    return f"{shown} {_value(before)} → {_value(after)}"


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        return str(value.get("name", "…"))
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return number(value, digits=6)
    if isinstance(value, list):
        return "given"
    return "none" if value is None else str(value)
