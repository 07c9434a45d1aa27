"""Input types made from the bodies of REST, so that the rules of the wire are written once.

A GraphQL input becomes the body of the same name again and is refused by the same rules; an absent field stays absent.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum
from functools import cache
from inspect import getdoc, isclass
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints
from uuid import UUID

import strawberry
from pydantic import AwareDatetime, BaseModel
from pydantic.fields import FieldInfo
from strawberry.types.unset import UNSET

from app.api.graphql.ids import split_id
from app.api.graphql.types.enums import BY_VALUES
from app.api.graphql.words import WORDS
from app.api.schemas import Ref
from app.domain.errors import Invalid

_SAME = {**{type_: type_ for type_ in (str, int, float, bool, date)}, AwareDatetime: datetime}


@dataclass(frozen=True, slots=True)
class Input:
    """How a value comes in: its GraphQL type, and how it becomes what the body takes."""

    type: Any
    wire: Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Given:
    """A field of an input type."""

    input: Input
    description: str
    default: object = None


def input_for(annotation: Any) -> Input:
    """The input for an annotation of a body or a path."""
    if annotation == Ref:
        return Input(str, _reference)
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return input_for(arguments[0])
    if origin in (Union, UnionType):
        inner = input_for(next(one for one in arguments if one is not NoneType))
        return Input(inner.type | None, lambda value: None if value is None else inner.wire(value))
    if origin is Literal:
        return Input(BY_VALUES[frozenset(arguments)], _value)
    if origin is list:
        one = input_for(arguments[0])
        return Input(list[one.type], lambda values: [one.wire(value) for value in values])  # type: ignore[name-defined]
    return _mapping(*arguments) if origin is dict else _plain(annotation)


def _plain(annotation: Any) -> Input:
    if isclass(annotation) and issubclass(annotation, Enum):
        return Input(annotation, _value)
    if isclass(annotation) and issubclass(annotation, BaseModel):
        return Input(input_type(annotation), lambda value: body_fields(annotation, value))
    if annotation is UUID:
        return Input(strawberry.ID, _reference)
    return Input(_SAME[annotation], lambda value: value)


def _mapping(key: Any, value: Any) -> Input:
    """A mapping comes in as a list of names with values."""
    name, held = input_for(key), input_for(value)
    entry = _entry(name, held)
    return Input(
        list[entry],  # type: ignore[valid-type]
        lambda entries: {name.wire(one.name): None if one.value is None else held.wire(one.value) for one in entries},
    )


def _entry(name: Input, value: Input) -> type[Any]:
    optional = type(None) in get_args(value.type)
    said = Given(value, "What is said of it; null removes it." if optional else "What is said of it.", UNSET)
    title = f"{name.type.__name__.removesuffix('Name')}EntryInput"
    return _made(title, "A name and what is said of it.", {"name": Given(name, "What is named.", UNSET), "value": said})


@cache
def input_type(body: type[BaseModel]) -> type[Any]:
    """`ActionItemCreate` comes in as `ActionItemCreateInput`, with the same fields."""
    fields = {name: _given(name, made, body.model_fields[name]) for name, made in _inputs(body).items()}
    return _made(body.__name__.removesuffix("Body") + "Input", getdoc(body) or "", fields)


@cache
def _inputs(body: type[BaseModel]) -> Mapping[str, Input]:
    hints = get_type_hints(body, include_extras=True)
    return {name: input_for(hints[name]) for name in body.model_fields}


def _given(name: str, made: Input, info: FieldInfo) -> Given:
    words = info.description or WORDS[name]
    if info.is_required():
        return Given(made, words, UNSET)
    if isinstance(info.default, str | int | bool):
        return Given(made, words, info.default)
    return Given(Input(made.type | None, made.wire), words)


def _made(name: str, description: str, fields: Mapping[str, Given]) -> type[Any]:
    """Absent and null differ: an optional field that is absent is UNSET."""
    namespace: dict[str, Any] = {"__annotations__": {field: given.input.type for field, given in fields.items()}}
    for field, given in fields.items():
        default: Any = {} if given.default is UNSET else {"default": UNSET if given.default is None else given.default}
        namespace[field] = strawberry.field(description=given.description, **default)
    return strawberry.input(type(name, (), namespace), description=description)


def body_fields(body: type[BaseModel], given: Any) -> Mapping[str, Any]:
    """What the body is made of again."""
    sent = {name: getattr(given, name) for name in body.model_fields}
    inputs = _inputs(body)
    return {
        name: None if value is None else inputs[name].wire(value) for name, value in sent.items() if value is not UNSET
    }


def _value(given: Any) -> Any:
    return given.value if isinstance(given, Enum) else given


def _reference(given: str) -> str:
    """A global id becomes the bare one; everything else (a slug, an address) stays."""
    try:
        return str(split_id(given)[1])
    except Invalid:
        return given
