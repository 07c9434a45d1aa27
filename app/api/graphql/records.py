"""Which GraphQL type shows which kind of record, and which columns that type reads."""

from collections.abc import Callable
from functools import cache
from inspect import getdoc
from typing import Any, TypeVar, dataclass_transform

import strawberry
from strawberry.types import get_object_definition
from strawberry.types.base import StrawberryObjectDefinition

from app.domain.selection import Edge, Leaf

T = TypeVar("T", bound=type[Any])
RECORDS: dict[str, type[Any]] = {}
"""kind → type."""


@dataclass_transform(kw_only_default=True)
def described(cls: T) -> T:
    """`XType` becomes `X` in the schema, described by its docstring."""
    return strawberry.type(cls, name=cls.__name__.removesuffix("Type"), description=getdoc(cls))


def record(kind: str) -> Callable[[T], T]:
    """A type whose fields are columns and edges of this kind."""

    @dataclass_transform(kw_only_default=True)
    def declare(cls: T) -> T:
        RECORDS[kind] = described(cls)
        return cls

    return declare


def definition_of(cls: type[Any]) -> StrawberryObjectDefinition:
    return get_object_definition(cls, strict=True)


def type_name(kind: str) -> str:
    """The name a kind has in the schema."""
    return definition_of(RECORDS[kind]).name


@cache
def kind_named(name: str) -> str | None:
    """The kind behind a type's name in the schema."""
    return next((kind for kind in RECORDS if type_name(kind) == name), None)


def kind_of(cls: type[Any]) -> str:
    """The kind that a type shows."""
    return next(kind for kind, shown in RECORDS.items() if shown is cls)


@cache
def is_node(kind: str) -> bool:
    """Whether the records of this kind have a global id."""
    return any(interface.name == "Node" for interface in definition_of(RECORDS[kind]).interfaces)


@cache
def leaves(kind: str) -> tuple[Leaf | Edge, ...]:
    """Every column that the type of this kind shows, once each, and the records that it embeds."""
    fields = definition_of(RECORDS[kind]).fields
    columns = dict.fromkeys(filter(None, (getattr(field, "reads", None) for field in fields)))
    embedded = {field.python_name: target for field in fields if (target := getattr(field, "embeds", None))}
    return (
        *(Leaf(name, name) for name in columns),
        *(Edge(name, name, leaves(target)) for name, target in embedded.items()),
    )
