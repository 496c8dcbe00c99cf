"""A name for each component, and its options as its function's signature gives them.

A component is a function whose keyword-only parameters are its options:

    @ACTIVATIONS.register("leaky_relu")
    def leaky_relu(*, slope: Fraction = 0.01) -> Activation: ...

The annotation of an option is all that the config, its error messages and its JSON Schema know of
it. The aliases in `bounds` state bounds; `typing.Literal` states choices.
"""

import difflib
import importlib
import inspect
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, get_type_hints

from nndiag.errors import Problem, UnknownNameError

_MOST_LISTED = 20
_LISTED = "the names that `nndiag list` shows"

F = TypeVar("F", bound=Callable[..., Any])


def suggestion(name: str, names: Iterable[str]) -> str | None:
    """The known name that was probably meant, as a hint; None where none is near.

    That is the same word written otherwise, else one that it begins, else one that is spelt alike,
    else one that it is a part of.
    """
    known = {_plain(other): other for other in reversed(list(names))}
    word = _plain(name)
    begun = [other for other in reversed(known) if len(word) > 3 and other.startswith(word)]
    alike = difflib.get_close_matches(word, list(reversed(known)), n=1, cutoff=0.6)
    parts = [other for other in reversed(known) if len(word) > 2 and word in other.split("_")]
    near = [word] if word in known else begun or alike or parts
    return f"did you mean {known[near[0]]!r}?" if near else None


def _plain(name: str) -> str:
    return re.sub(r"[ -]", "_", name.lower())


@dataclass(frozen=True)
class Option:
    """One option of a component: its type with bounds, and its default.

    Attributes:
        annotation: The type, as pydantic reads it.
        default: The default, or `inspect.Parameter.empty` where the option is required.
    """

    annotation: Any
    default: Any

    @property
    def required(self) -> bool:
        """Whether the option must be given."""
        return self.default is inspect.Parameter.empty


class Registry(Generic[F]):
    """The components of one kind, by name, in the order in which they were registered.

    Args:
        kind: What a component is called, singular: "activation".
        package: Module whose import registers the components; imported at the first look-up.
    """

    def __init__(self, kind: str, *, package: str | None = None) -> None:
        self.kind = kind
        self._package = package
        self._functions: dict[str, F] = {}

    def register(self, name: str) -> Callable[[F], F]:
        """Decorator that makes a function the component `name`."""

        def add(function: F) -> F:
            if name in self._functions:
                raise ValueError(f"{self.kind} {name!r} is registered twice")
            self._functions[name] = function
            return function

        return add

    def names(self) -> list[str]:
        """All names of this kind."""
        if self._package is not None:
            importlib.import_module(self._package)
        return list(self._functions)

    def get(self, name: str) -> F:
        """The function of `name`.

        Raises:
            UnknownNameError: No component has this name; the message suggests one.
        """
        names = self.names()
        if name not in self._functions:
            raise UnknownNameError(
                Problem(
                    f"unknown {self.kind} {name!r}",
                    allowed=", ".join(names) if len(names) <= _MOST_LISTED else _LISTED,
                    hint=suggestion(name, names),
                )
            )
        return self._functions[name]

    def options(self, name: str) -> dict[str, Option]:
        """The options of `name`: its function's keyword-only parameters."""
        function = self.get(name)
        hints = get_type_hints(function, include_extras=True)
        return {
            parameter.name: Option(hints[parameter.name], parameter.default)
            for parameter in inspect.signature(function).parameters.values()
            if parameter.kind is inspect.Parameter.KEYWORD_ONLY
        }

    def summary(self, name: str) -> str:
        """The first line of the component's docstring."""
        return (inspect.getdoc(self.get(name)) or "").partition("\n")[0]
