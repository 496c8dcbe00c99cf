"""A name for each component, and its options as its function's signature gives them.

A component is a function whose keyword-only parameters are its options:

    @ACTIVATIONS.register("leaky_relu")
    def leaky_relu(*, slope: Fraction = 0.01) -> Activation: ...

The annotation of an option is all that the config, its error messages and its JSON Schema know of
it. The aliases in `bounds` state bounds; `typing.Literal` states choices.
"""

from __future__ import annotations

import difflib
import functools
import importlib
import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar, cast, get_type_hints

if TYPE_CHECKING:
    from typing import Self

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


@dataclass(frozen=True)
class _Origin:
    """How a component was made.

    Attributes:
        function: The registered function.
        options: What it was called with.
        part: Which attribute of its result the component is; empty for the result itself.
        changes: Attributes that were changed afterwards.
    """

    function: Callable[..., Any]
    options: Mapping[str, Any]
    part: str = ""
    changes: Mapping[str, Any] | None = None


class Registered:
    """A dataclass that registered functions make: pickled as its function's name and options."""

    _origin: ClassVar[_Origin | None] = None  # an instance's own hides it

    def changed(self, **changes: Any) -> Self:
        """A copy with some attributes changed, which can be pickled as well."""
        copy = cast("Self", replace(cast(Any, self), **changes))
        return (
            copy if self._origin is None else _marked(copy, replace(self._origin, changes=changes))
        )

    def __reduce__(self) -> str | tuple[Any, ...]:
        return super().__reduce__() if self._origin is None else (_remade, (self._origin,))


def _marked(component: Registered, origin: _Origin) -> Any:
    object.__setattr__(component, "_origin", origin)
    return component


def _remade(origin: _Origin) -> Any:
    component = origin.function(**origin.options)
    component = getattr(component, origin.part) if origin.part else component
    return component.changed(**origin.changes) if origin.changes else component


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
            self._functions[name] = remembering = cast(F, _remembering(function))
            return remembering

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


def _remembering(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, whose results and their parts know how they were made."""

    @functools.wraps(function)
    def made(*args: Any, **options: Any) -> Any:
        component = function(*args, **options)
        if isinstance(component, Registered):
            for part, value in vars(component).items():
                if isinstance(value, Registered) and value._origin is None:
                    _marked(value, _Origin(made, options, part))
            _marked(component, _Origin(made, options))
        return component

    return made
