"""A document → the fields that it uses of each object: fragments gone, directives decided, equal keys merged."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
from graphql import (
    BooleanValueNode,
    DirectiveNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    SelectionSetNode,
    VariableNode,
    get_named_type,
    is_abstract_type,
)
from strawberry.types.field import StrawberryField

from app.domain.selection import Constant


class Uncovered(Exception):
    """The document asks for something that only the ordinary executor can give."""


@dataclass(frozen=True, slots=True, eq=False)
class Use:
    """A field as it is used: under which key, with which arguments, and what is used of its value."""

    key: str
    parent: GraphQLObjectType
    definition: GraphQLField
    nodes: tuple[FieldNode, ...]
    inner: tuple["Use | Constant", ...] = field(default=())

    @property
    def shown(self) -> StrawberryField:
        """The field as the schema declares it."""
        declared: StrawberryField = self.definition.extensions["strawberry-definition"]
        return declared

    def all(self) -> Iterator["Use"]:
        """This one and all further down."""
        yield self
        for use in self.inner:
            if isinstance(use, Use):
                yield from use.all()


@dataclass(frozen=True, slots=True)
class Collector:
    """Collects the uses of one operation under one set of booleans."""

    schema: GraphQLSchema
    fragments: Mapping[str, FragmentDefinitionNode]
    booleans: Mapping[str, bool]

    def of(self, type: GraphQLObjectType, selected: Iterable[SelectionSetNode | None]) -> tuple[Use | Constant, ...]:
        """What these selections use of an object of this type. Raises Uncovered."""
        found: dict[str, list[FieldNode]] = {}
        for one in selected:
            self._gather(type, one, found)
        return tuple(self._use(type, key, nodes) for key, nodes in found.items())

    def _gather(self, type: GraphQLObjectType, selected: SelectionSetNode | None, found: dict[str, Any]) -> None:
        for part in selected.selections if selected else ():
            if not self._included(part.directives or ()):
                continue
            if isinstance(part, FieldNode):
                found.setdefault((part.alias or part.name).value, []).append(part)
            elif isinstance(part, InlineFragmentNode):
                if part.type_condition is None or self._fits(type, part.type_condition.name.value):
                    self._gather(type, part.selection_set, found)
            elif isinstance(part, FragmentSpreadNode):
                fragment = self.fragments[part.name.value]
                if self._fits(type, fragment.type_condition.name.value):
                    self._gather(type, fragment.selection_set, found)

    def _included(self, directives: Iterable[DirectiveNode]) -> bool:
        for directive in directives:
            if directive.name.value not in ("skip", "include"):
                raise Uncovered
            (condition,) = directive.arguments or ()
            if self._decided(condition.value) is not (directive.name.value == "include"):
                return False
        return True

    def _decided(self, value: object) -> bool:
        if isinstance(value, VariableNode):
            return self.booleans[value.name.value]
        assert isinstance(value, BooleanValueNode)
        return value.value

    def _fits(self, type: GraphQLObjectType, condition: str) -> bool:
        named = self.schema.type_map[condition]
        return named is type or (is_abstract_type(named) and self.schema.is_sub_type(named, type))

    def _use(self, type: GraphQLObjectType, key: str, nodes: list[FieldNode]) -> Use | Constant:
        name = nodes[0].name.value
        if name == "__typename":
            return Constant(key, orjson.dumps(type.name).decode())
        definition = type.fields.get(name)
        if definition is None or "strawberry-definition" not in definition.extensions:
            raise Uncovered
        inner = get_named_type(definition.type)
        used = self.of(inner, (n.selection_set for n in nodes)) if isinstance(inner, GraphQLObjectType) else ()
        return Use(key, type, definition, tuple(nodes), used)


def deciding_variables(nodes: Iterable[Any]) -> frozenset[str]:
    """The variables that decide `@skip` and `@include` anywhere below these nodes."""
    found = set[str]()
    for node in nodes:
        for directive in node.directives or ():
            found |= {a.value.name.value for a in directive.arguments or () if isinstance(a.value, VariableNode)}
        if (below := getattr(node, "selection_set", None)) is not None:
            found |= deciding_variables(below.selections)
    return frozenset(found)
