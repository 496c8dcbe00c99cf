"""The bridge from a registry to the config: one model per component, built when it is needed.

A component in a config is a mapping with `name` and, beside it, the options that its function's
signature has.
"""

import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler, GetJsonSchemaHandler, Strict
from pydantic import create_model as new_model
from pydantic.fields import FieldInfo
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from nndiag.errors import UnknownNameError
from nndiag.registry import Registry

FilePath = Annotated[Path, Strict(False)]


class Section(BaseModel):
    """One mapping of a config. Unknown keys, infinities and silent conversions are refused."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, allow_inf_nan=False, defer_build=True
    )

    alternatives: ClassVar[tuple[frozenset[str], ...]] = ()
    """Groups of keys of which at most one is given; a later config's choice replaces it."""


class Component(Section):
    """A component by its name, with its options as attributes."""

    name: str

    registered: ClassVar[tuple[str, ...]] = ()
    """The options that the component's function takes."""

    @property
    def options(self) -> dict[str, Any]:
        """What to call the component's function with."""
        return {option: getattr(self, option) for option in self.registered}


@dataclass(frozen=True)
class ComponentOf:
    """Marks a field of a config as a component of one registry.

    Attributes:
        registry: Where its names and options come from.
        base: The fields that every component of the kind has.
        default: The name to take where only options are given.
    """

    registry: Registry[Any]
    base: type[Component] = Component
    default: str | None = None

    def model(self, name: str) -> type[Component]:
        """The model of one component.

        Raises:
            UnknownNameError: No component has the name.
        """
        return _model(self.registry, self.base, name)

    def keys(self, name: str | None) -> frozenset[str]:
        """The keys that the component has in a config; the base's for an unknown name."""
        known = name is not None and name in self.registry.names()
        return frozenset((self.model(name) if known and name else self.base).model_fields)

    def parse(self, value: Any) -> Component:
        """The component of a bare name, or of a mapping with a name.

        Raises:
            PydanticCustomError: No name, or an unknown one.
            pydantic.ValidationError: Options that do not fit.
        """
        if isinstance(value, Component):
            return value
        settings = {"name": value} if isinstance(value, str) else value
        names = ", ".join(self.registry.names())
        context = {"kind": self.registry.kind, "allowed": names}
        if not isinstance(settings, Mapping):
            raise PydanticCustomError("component", "must be the name of a {kind}", context)
        name = settings.get("name", self.default)
        if name is None:
            raise PydanticCustomError("component", "has no name of a {kind}", context)
        try:
            model = self.model(name) if isinstance(name, str) else None
        except UnknownNameError:
            model = None
        if model is None:
            context["got"] = repr(name)
            raise PydanticCustomError("component_name", "unknown {kind} {got}", context)
        return model.model_validate({**settings, "name": name})

    def __get_pydantic_core_schema__(self, _: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Validates with the model of the component that is named."""
        return core_schema.no_info_plain_validator_function(self.parse)

    def __get_pydantic_json_schema__(
        self, _: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """Every component of the kind, as a bare name and as a mapping.

        No key is required: a config that extends another one may have it there.
        """
        models = {name: self.model(name) for name in self.registry.names()}
        bare = [name for name, model in models.items() if not _required(model)]
        mappings = []
        for name, model in models.items():
            schema = model.model_json_schema()
            schema = _inlined(schema, schema.pop("$defs", {}))
            schema.pop("required", None)
            summary = self.registry.summary(name)
            mappings.append({**schema, "title": name, "description": summary})
        return {"anyOf": [{"enum": bare}, *mappings]}


Shape = ComponentOf | type[Section] | None


def shape_below(shape: Shape, key: str, name: str | None) -> Shape:
    """What stands under `key`: a component, a section, a list of either, or None.

    Args:
        shape: What the key stands in.
        key: The key.
        name: For a component: its name.
    """
    section = _section(shape, name)
    return None if section is None else _shapes_in(section).get(key)


def fields(shape: Shape, name: str | None = None) -> Mapping[str, FieldInfo]:
    """The fields of a section or of a component, by the key that a config uses."""
    section = _section(shape, name)
    return {} if section is None else _fields_of(section)


def _section(shape: Shape, name: str | None) -> type[Section] | None:
    """The section that a shape is; a component's by its name."""
    if not isinstance(shape, ComponentOf):
        return shape
    name = name or shape.default
    known = name is not None and name in shape.registry.names()
    return shape.model(name) if known and name else shape.base


@cache
def _fields_of(section: type[Section]) -> Mapping[str, FieldInfo]:
    return {field.alias or key: field for key, field in section.model_fields.items()}


@cache
def _shapes_in(section: type[Section]) -> Mapping[str, Shape]:
    known = _fields_of(section).items()
    return {key: _innermost([field.annotation, *field.metadata]) for key, field in known}


def is_marked(field: FieldInfo, mark: object) -> bool:
    """Whether a type or a mark occurs in a field's annotation."""
    return any(part is mark for part in _parts([field.annotation, *field.metadata]))


def _innermost(annotations: list[Any]) -> Shape:
    for part in _parts(annotations):
        if isinstance(part, ComponentOf) or (isinstance(part, type) and issubclass(part, Section)):
            if isinstance(part, type) and issubclass(part, Component):
                continue  # the type beside a ComponentOf, which knows more
            return part
    return None


def _parts(annotations: list[Any]) -> Iterator[Any]:
    """All that an annotation is made of: Annotated, unions and lists are opened."""
    for annotation in annotations:
        yield annotation
        yield from _parts(list(typing.get_args(annotation)))


def _inlined(schema: Any, definitions: Mapping[str, Any]) -> Any:
    """A schema with its definitions where it refers to them: it becomes a part of another one."""
    if isinstance(schema, dict):
        name = str(schema.get("$ref", "")).rpartition("/")[2]
        if name in definitions:
            return _inlined(definitions[name], definitions)
        return {key: _inlined(value, definitions) for key, value in schema.items()}
    return [_inlined(x, definitions) for x in schema] if isinstance(schema, list) else schema


def _required(model: type[Component]) -> bool:
    return any(field.is_required() for field in model.model_fields.values())


@cache
def _model(registry: Registry[Any], base: type[Component], name: str) -> type[Component]:
    """The model of one component: the base's fields and its function's options."""
    options = registry.options(name)
    given: dict[str, Any] = {
        key: (_lenient(option.annotation), ... if option.required else option.default)
        for key, option in options.items()
    }
    if option := options.get("name"):
        raise TypeError(f"{registry.kind} {name!r} has an option 'name': {option}")
    given["name"] = (Literal[name], name)
    model = new_model(f"{registry.kind}_{name}", __base__=base, **given)
    model.registered = tuple(options)
    return model


def _lenient(annotation: Any) -> Any:
    """A path may be given as text; nothing else is converted."""
    return FilePath if annotation is Path else annotation
