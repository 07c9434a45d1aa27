"""What a field's arguments ask for: a shape, which the statement depends on, and the values of its parameters."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any

from graphql import FieldNode, ListValueNode, ObjectValueNode, VariableNode, get_argument_values
from graphql.execution.values import VariableValues
from strawberry.types.arguments import convert_arguments

from app.api.graphql.fields import EdgeField, PageField, RecordField
from app.api.graphql.loaders import Wanted, filters_and_values
from app.api.graphql.plan.collecting import Use
from app.api.graphql.schema import SCHEMA
from app.domain.selection import Filter, Slice, Sort

CONVERTING: dict[str, Any] = {
    "scalar_registry": SCHEMA.schema_converter.scalar_registry,
    "config": SCHEMA.config,
}


@dataclass(frozen=True, slots=True)
class Shape:
    """What a statement depends on: how many, or which filters, in which order, which part, and what is counted."""

    limit: int | None = None
    filters: tuple[Filter, ...] = ()
    sort: Sort | None = None
    slice: Slice | None = None
    further: tuple[tuple[str, int | tuple[Filter, ...]], ...] = ()


@dataclass(frozen=True, slots=True)
class Bound:
    """A field's arguments in one request."""

    shape: Shape
    values: Mapping[str, object] = field(default_factory=dict)


class Arguments:
    """The arguments of one use; those without variables are read once."""

    def __init__(self, use: Use, prefix: str) -> None:
        self.use = use
        self.prefix = prefix
        (self._node, *_) = use.nodes
        self._constant = None if _has_variables(self._node) else self._bound(None)

    def bound(self, variables: VariableValues) -> Bound:
        """Raises what the ordinary executor would raise for them."""
        return self._constant or self._bound(variables)

    def _bound(self, variables: VariableValues | None) -> Bound:
        shown, kwargs = self.use.shown, keyword_arguments(self.use, variables)
        if isinstance(shown, PageField):
            return _page(shown.wanted(kwargs), self.prefix)
        if isinstance(shown, EdgeField):
            return Bound(Shape(limit=shown.limit(kwargs)))
        assert isinstance(shown, RecordField)
        return Bound(Shape(), {self.prefix: shown.value(kwargs)})


def takes_arguments(use: Use) -> bool:
    """Whether what is read depends on the field's arguments."""
    shown = use.shown
    return isinstance(shown, PageField | RecordField) or (isinstance(shown, EdgeField) and shown.most is not None)


def keyword_arguments(use: Use, variables: VariableValues | None) -> dict[str, Any]:
    """The arguments as the field's own code takes them."""
    given = get_argument_values(use.definition, use.nodes[0], variables)
    return convert_arguments(given, use.shown.arguments, **CONVERTING)


def _page(wanted: Wanted, prefix: str) -> Bound:
    filters, values = filters_and_values(wanted.where, f"{prefix}_")
    further = list[tuple[str, Any]]()
    for name, what in wanted.further.items():
        if isinstance(what, int):
            further.append((name, what))
        else:
            counted, more = filters_and_values(what, f"{prefix}_{name}_")
            further.append((name, counted))
            values |= more
    cursor = None if wanted.cursor is None else f"{prefix}_cursor"
    if cursor:
        values[cursor] = wanted.cursor
    part = Slice(wanted.size, cursor, wanted.backward)
    return Bound(Shape(None, filters, wanted.sort, part, tuple(further)), values)


def _has_variables(node: FieldNode) -> bool:
    return any(_is_variable(argument.value) for argument in node.arguments or ())


def _is_variable(value: Any) -> bool:
    if isinstance(value, ListValueNode):
        return any(map(_is_variable, value.values))
    if isinstance(value, ObjectValueNode):
        return any(_is_variable(one.value) for one in value.fields)
    return isinstance(value, VariableNode)


def key_of(bounds: list[Bound]) -> Hashable:
    """What statements are remembered by."""
    return tuple(bound.shape for bound in bounds)
