"""What a query may ask for: how deep, with how many aliases, and how many objects at most.

Fragments are measured once each, so a fragment bomb costs us no more than its text.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLNamedType,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    VariableNode,
    get_named_type,
)

from app.domain.errors import Invalid
from app.domain.page import DEFAULT_LIMIT, MAX_LIMIT

MAX_TOKENS = 2_000
MAX_DEPTH = 10
MAX_ALIASES = 30
MAX_OBJECTS = 5_000
MAX_FRAGMENTS = 60
MAX_REPEATS = 20
"""Repeated fields and many fragments are compared pair by pair when a document is validated."""
_TYPICAL = 10
"""How long a record's own list (its evidence, its timeline) is taken to be where the query does not say."""
_NOT_COUNTED = frozenset({"edges", "node"})
_SIZES = ("first", "last")


class TooExpensive(Invalid):
    """The query asks for too much at once; ask for less, or in several queries."""

    code = "query_too_expensive"


def fragments_of(document: DocumentNode) -> Mapping[str, FragmentDefinitionNode]:
    return {d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)}


@dataclass
class _Shape:
    """Depth and aliases of a selection, from its text alone; it may still be invalid, even cyclic."""

    fragments: Mapping[str, FragmentDefinitionNode]
    known: dict[str, tuple[int, int]] = field(default_factory=dict)

    def of(self, selected: SelectionSetNode | None) -> tuple[int, int]:
        parts = [self._part(part) for part in selected.selections] if selected else []
        return max((depth for depth, _ in parts), default=0), sum(aliases for _, aliases in parts)

    def _part(self, part: Any) -> tuple[int, int]:
        if isinstance(part, FragmentSpreadNode):
            return self._fragment(part.name.value)
        if isinstance(part, FieldNode) and part.name.value.startswith("__"):
            return 1, int(part.alias is not None)
        depth, aliases = self.of(part.selection_set)
        if isinstance(part, FieldNode):
            return depth + (part.name.value not in _NOT_COUNTED), aliases + (part.alias is not None)
        return depth, aliases

    def _fragment(self, name: str) -> tuple[int, int]:
        if name not in self.known:
            self.known[name] = (0, 0)  # a cycle ends here; validation refuses it
            self.known[name] = self.of(self.fragments[name].selection_set) if name in self.fragments else (0, 0)
        return self.known[name]


def require_shape(document: DocumentNode) -> None:
    """Raises TooExpensive for a document that is too deep, or would take long to validate."""
    fragments = fragments_of(document)
    _limit("fragments", len(fragments), MAX_FRAGMENTS)
    _limit("repeated fields", sum(map(_repeats, _selections(document))), MAX_REPEATS)
    shape = _Shape(fragments)
    for operation in operations_of(document):
        depth, aliases = shape.of(operation.selection_set)
        _limit("levels", depth, MAX_DEPTH)
        _limit("aliases", aliases, MAX_ALIASES)


def _limit(what: str, count: int, most: int) -> None:
    if count > most:
        raise TooExpensive(f"The query has {count} {what}; {most} are allowed.")


def _selections(document: DocumentNode) -> Iterator[SelectionSetNode]:
    return (
        d.selection_set for d in document.definitions if isinstance(d, OperationDefinitionNode | FragmentDefinitionNode)
    )


def _repeats(selected: SelectionSetNode | None) -> int:
    """How often a field stands beside itself, here and further down."""
    fields = list(_fields(selected))
    names = {(node.alias or node.name).value for node in fields}
    return len(fields) - len(names) + sum(_repeats(node.selection_set) for node in fields)


def _fields(selected: SelectionSetNode | None) -> Iterator[FieldNode]:
    for part in selected.selections if selected else ():
        if isinstance(part, FieldNode):
            yield part
        elif isinstance(part, InlineFragmentNode):
            yield from _fields(part.selection_set)


def operations_of(document: DocumentNode) -> Iterator[OperationDefinitionNode]:
    return (d for d in document.definitions if isinstance(d, OperationDefinitionNode))


@dataclass
class _Cost:
    """Objects that a valid operation can lead to."""

    schema: GraphQLSchema
    fragments: Mapping[str, FragmentDefinitionNode]
    variables: Mapping[str, Any]
    known: dict[str, int] = field(default_factory=dict)

    def of(self, parent: GraphQLNamedType, selected: SelectionSetNode | None) -> int:
        return sum(self._part(parent, part) for part in selected.selections) if selected else 0

    def _part(self, parent: GraphQLNamedType, part: Any) -> int:
        if isinstance(part, FragmentSpreadNode):
            return self._fragment(part.name.value)
        if isinstance(part, InlineFragmentNode):
            on = part.type_condition
            return self.of(self.schema.type_map[on.name.value] if on else parent, part.selection_set)
        return self._field(getattr(parent, "fields", {}).get(part.name.value), part)

    def _fragment(self, name: str) -> int:
        if name not in self.known:
            fragment = self.fragments[name]
            on = self.schema.type_map[fragment.type_condition.name.value]
            self.known[name] = self.of(on, fragment.selection_set)
        return self.known[name]

    def _field(self, definition: GraphQLField | None, node: FieldNode) -> int:
        if definition is None or node.selection_set is None:
            return 0  # a leaf, or introspection
        inner = get_named_type(definition.type)
        children = self.of(inner, node.selection_set)
        if "first" not in definition.args:
            return children + (node.name.value != "edges")
        is_connection = "edges" in getattr(inner, "fields", {})
        size = self._size(node, DEFAULT_LIMIT if is_connection else _TYPICAL)
        return 1 + size * children if is_connection else size * (1 + children)

    def _size(self, node: FieldNode, usual: int) -> int:
        asked = [self._value(a.value) for a in node.arguments or () if a.name.value in _SIZES]
        given = [size for size in asked if size is not None] or [usual]
        return max(max(size, 1) if isinstance(size, int) else MAX_LIMIT for size in given)

    def _value(self, value: Any) -> Any:
        if isinstance(value, VariableNode):
            return self.variables.get(value.name.value)
        return int(value.value) if isinstance(value, IntValueNode) else None


def cost_of(
    schema: GraphQLSchema, document: DocumentNode, operation: OperationDefinitionNode, variables: Mapping[str, Any]
) -> int:
    """How many objects a valid operation can lead to."""
    root = schema.get_root_type(operation.operation)
    assert root is not None
    defaults = {
        v.variable.name.value: int(v.default_value.value)
        for v in operation.variable_definitions or ()
        if isinstance(v.default_value, IntValueNode)
    }
    return _Cost(schema, fragments_of(document), {**defaults, **variables}).of(root, operation.selection_set)


def require_cost(
    schema: GraphQLSchema, document: DocumentNode, operation: OperationDefinitionNode, variables: Mapping[str, Any]
) -> None:
    """Raises TooExpensive for a valid operation that could lead to too many objects."""
    cost = cost_of(schema, document, operation, variables)
    if cost > MAX_OBJECTS:
        raise TooExpensive(f"The query could lead to {cost} objects; {MAX_OBJECTS} are allowed. Ask for shorter lists.")
