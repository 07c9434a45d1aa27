"""Random valid queries over the schema: fields, aliases, fragments, directives, arguments, variables, nulls."""

import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    get_named_type,
    is_leaf_type,
    is_required_argument,
)
from hypothesis.strategies import DrawFn, composite, integers

from app.adapters.db.reads.catalog import KINDS
from app.api.graphql.ids import global_id
from app.api.graphql.records import RECORDS, type_name
from app.api.graphql.schema import SCHEMA
from tests.api.random_world import ROWS, World

DEPTH = 6
FREE = ("edges", "node", "pageInfo")
"""Not counted as depth, as in the cost rule."""
IDS = {"incidentId": "Incident", "postmortemId": "Postmortem", "subjectId": "Finding"}
"""Whose ids filters take."""
SHARE = {"first": 0.85, "last": 0.85, "after": 0.03, "before": 0.03}
"""How often an argument is given; a cursor is nearly always that of another list, so an error."""
NOT_PLANNED = {"me", "metrics", "readiness"}


@dataclass
class Written:
    """A query as it is being written."""

    world: World
    pick: random.Random
    variables: dict[str, Any] = field(default_factory=dict)
    declared: list[str] = field(default_factory=list)
    fragments: list[str] = field(default_factory=list)
    unplanned: bool = False
    asked: str = ""

    def chance(self, share: float) -> bool:
        return self.pick.random() < share

    def selection(self, type: Any, depth: int) -> str:
        names = [n for n, f in type.fields.items() if depth > 0 or n in FREE or is_leaf_type(get_named_type(f.type))]
        chosen = self.pick.sample(names, min(len(names), self.pick.randint(1, 5)))
        parts = [part for name in chosen if (part := self.used(name, type.fields[name], depth))]
        if self.chance(0.2) or not parts:
            parts.append("__typename" if self.chance(0.5) or not parts else "typed: __typename")
        return "{ " + " ".join(self.wrapped(type.name, part) for part in parts) + " }"

    def wrapped(self, type: str, part: str) -> str:
        if self.chance(0.08):
            return f"... on {type} {{ {part} }}"
        if self.chance(0.08):
            self.fragments.append(f"fragment F{len(self.fragments)} on {type} {{ {part} }}")
            return f"...F{len(self.fragments) - 1}"
        if self.chance(0.05):
            return f"... {self.directive()} {{ {part} }}"
        return part

    def directive(self) -> str:
        name, value = self.pick.choice(["skip", "include"]), self.chance(0.5)
        if self.chance(0.5):
            return f"@{name}(if: {str(value).lower()})"
        return f"@{name}(if: {self.variable('Boolean!', value)})"

    def used(self, name: str, definition: GraphQLField, depth: int) -> str:
        inner = get_named_type(definition.type)
        if name in ("me", "metrics", "readiness") and self.chance(0.9):
            return ""
        self.unplanned = self.unplanned or self.is_unplanned(definition)
        alias = f"{name}{self.pick.randint(0, 999)}: " if self.chance(0.15) else ""
        text = alias + name + self.arguments(definition)
        if self.chance(0.06):
            text += " " + self.directive()
        if isinstance(inner, GraphQLObjectType):
            text += " " + self.selection(inner, depth - (name not in FREE))
        elif not is_leaf_type(inner):
            text += " " + self.node_selection(inner, depth - 1)
        return text

    def node_selection(self, interface: Any, depth: int) -> str:
        type = self.pick.choice(SCHEMA._schema.get_possible_types(interface))
        return f"{{ __typename id ... on {type.name} {self.selection(type, min(depth, 3))} }}"

    @staticmethod
    def is_unplanned(definition: GraphQLField) -> bool:
        declared = definition.extensions["strawberry-definition"]
        name = declared.python_name
        return bool(getattr(declared, "shape", None)) or (
            declared.base_resolver is not None
            and name not in ("edges", "page_info", "total_count", "days", "older_open_count")
        )

    def arguments(self, definition: GraphQLField) -> str:
        names, self.asked = set(definition.args), get_named_type(definition.type).name
        if {"first", "last"} <= names and self.chance(0.95):
            names -= {"last", "before"} if self.chance(0.7) else {"first", "after"}
        else:
            self.unplanned = self.unplanned or "last" in names
        given = []
        for name in sorted(names):
            argument = definition.args[name]
            if is_required_argument(argument) or self.chance(SHARE.get(name, 0.35)):
                given.append(f"{name}: {self.value(name, argument.type)}")
                self.unplanned = self.unplanned or name in ("after", "before")
        return f"({', '.join(given)})" if given else ""

    def variable(self, type: str, value: Any) -> str:
        name = f"v{len(self.declared)}"
        self.declared.append(f"${name}: {type}")
        if type.endswith("!") or self.chance(0.9):
            self.variables[name] = value
        return f"${name}"

    def value(self, name: str, type: Any) -> str:
        value = self.json(name, type)
        if self.chance(0.4):
            return self.variable(str(type), value)
        return literal(value, type)

    def json(self, name: str, type: Any) -> Any:
        """A value for an argument or a field of an input, as JSON."""
        if isinstance(type, GraphQLNonNull):
            type = type.of_type
        elif self.chance(0.05):
            return None
        if isinstance(type, GraphQLList):
            return [self.json(name, type.of_type) for _ in range(self.pick.randint(0, 2))]
        if isinstance(type, GraphQLEnumType):
            return self.pick.choice(list(type.values))
        if isinstance(type, GraphQLInputObjectType):
            fields = self.pick.sample(list(type.fields), self.pick.randint(0, min(2, len(type.fields))))
            needed = [n for n, f in type.fields.items() if isinstance(f.type, GraphQLNonNull)]
            return {n: self.json(n, type.fields[n].type) for n in dict.fromkeys([*fields, *needed])}
        return self.scalar(name, type.name)

    def scalar(self, name: str, type: str) -> Any:
        n = self.pick.randint(0, ROWS)
        if name in ("first", "last"):
            return self.pick.choice([1, 1, 2, 2, 2, 3])
        if type == "ID":
            return self.id(IDS.get(name) or self.asked)
        return {
            "Int": lambda: self.pick.randint(1, 90),
            "Boolean": lambda: self.chance(0.5),
            "Float": lambda: 0.5,
            "DateTime": lambda: self.pick.choice(["2026-05-01T00:00:00Z", "2020-01-01T00:00:00+02:00"]),
            "Date": lambda: "2026-05-01",
            "String": lambda: self.pick.choice(self.texts(name, n)),
        }.get(type, lambda: "x")()

    def texts(self, name: str, n: int) -> list[str]:
        plural = {
            "service": "services",
            "team": "teams",
            "slug": {"RootCause": "root_causes"}.get(self.asked, self.asked.lower() + "s"),
            "root_cause": "root_causes",
        }
        if name in ("owner", "author", "email"):
            return [f"people-{n}@example.org"]
        return [f"{plural.get(name, name + 's')}-{n}", f"teams-{n}", f"root_causes-{n}", "plain", "é"]

    def id(self, type: str) -> str:
        kind = next((kind for kind in RECORDS if type_name(kind) == type), "service")
        id = self.pick.choice(self.world.ids[KINDS[kind].table])
        return str(id) if self.chance(0.3) and self.asked != "Node" else global_id(type_name(kind), id)


def literal(value: Any, type: Any) -> str:
    """A JSON value as a document writes it."""
    inner = type.of_type if isinstance(type, GraphQLNonNull) else type
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(inner, GraphQLEnumType):
        return str(value)
    if isinstance(inner, GraphQLList):
        return "[" + ", ".join(literal(one, inner.of_type) for one in value) + "]"
    if isinstance(inner, GraphQLInputObjectType):
        return "{" + ", ".join(f"{n}: {literal(v, inner.fields[n].type)}" for n, v in value.items()) + "}"
    return f'"{value}"' if isinstance(value, str) else str(value)


@dataclass(frozen=True)
class Query:
    """A query with its variables, and whether it asks for something that has no plan, or cannot keep to one."""

    text: str
    variables: dict[str, Any]
    unplanned: bool


@composite
def queries(draw: DrawFn, world: World, roots: Iterable[str] = ()) -> Query:
    pick = random.Random(draw(integers(0, 2**32)))
    written = Written(world, pick)
    query = SCHEMA._schema.query_type
    assert query is not None
    names = list(roots) or [name for name in query.fields if name not in NOT_PLANNED or pick.random() < 0.05]
    chosen = pick.sample(names, min(len(names), pick.randint(1, 2)))
    parts = [written.used(name, query.fields[name], DEPTH) for name in chosen]
    body = " ".join(part for part in parts if part) or "__typename"
    head = f"query ({', '.join(written.declared)})" if written.declared else "query"
    return Query(" ".join([f"{head} {{ {body} }}", *written.fragments]), written.variables, written.unplanned)
