"""The schema says what everything is, names nothing that cannot be read, and writes all that REST writes."""

import re
from collections.abc import Iterator
from enum import Enum

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    is_specified_scalar_type,
)
from strawberry.types import get_object_definition

from app.adapters.db.reads.catalog import KINDS
from app.adapters.db.reads.compile import compile_read
from app.api.graphql.fields import EdgeField, PageField, RecordField
from app.api.graphql.lists import LISTS
from app.api.graphql.mutations import MUTATIONS
from app.api.graphql.records import RECORDS, definition_of, kind_of, leaves, type_name
from app.api.graphql.schema import SCHEMA, schema_sdl
from app.api.graphql.types.enums import DOMAIN, HandleProvider, MomentName, PhaseName, PriorityName, SeverityName
from app.api.rest import incident_schemas, people
from app.domain.actions.model import Priority
from app.domain.incidents.model import MOMENTS, Severity
from app.domain.postmortems.content import PHASES
from app.domain.selection import Edge, Filter, Leaf, Page, Records, Selection, Slice, Sort
from app.main import create_app
from app.settings import Settings

TYPES = {
    name: type_
    for name, type_ in SCHEMA._schema.type_map.items()
    if not name.startswith("__") and not is_specified_scalar_type(type_)
}


def undescribed() -> Iterator[str]:
    for name, type_ in TYPES.items():
        if not type_.description:
            yield name
        if not isinstance(type_, GraphQLObjectType | GraphQLInterfaceType | GraphQLInputObjectType):
            continue
        for field_name, field in type_.fields.items():
            if not field.description:
                yield f"{name}.{field_name}"
            for argument_name, argument in getattr(field, "args", {}).items():
                if not argument.description:
                    yield f"{name}.{field_name}({argument_name})"


def test_every_type_field_and_argument_is_described() -> None:
    assert list(undescribed()) == []


def test_no_description_speaks_of_http() -> None:
    shown = SCHEMA._schema.mutation_type
    assert shown is not None
    words = re.compile(r"ETag|If-Match|\b[45]\d\d\b|`(GET|POST|PUT|PATCH|DELETE) ")
    assert [name for name, field in shown.fields.items() if words.search(field.description or "")] == []


@pytest.mark.parametrize("kind", RECORDS)
def test_every_field_has_a_column(kind: str) -> None:
    assert {leaf.name for leaf in leaves(kind) if isinstance(leaf, Leaf)} <= KINDS[kind].columns.keys()
    compile_read(Selection(kind, leaves(kind)))


@pytest.mark.parametrize("kind", RECORDS)
def test_every_edge_leads_where_the_catalogue_says(kind: str) -> None:
    for field in definition_of(RECORDS[kind]).fields:
        if not isinstance(field, EdgeField):
            continue
        known = KINDS[kind].one if field.most is None else KINDS[kind].many
        assert known[field.python_name].kind == field.target
        shown = SCHEMA._schema.type_map[type_name(kind)].fields[_camel(field.python_name)].type  # type: ignore[attr-defined]
        assert type_name(field.target) in str(shown)
        assert str(shown).startswith("[") is (field.most is not None)
        compile_read(Selection(kind, (Edge(field.python_name, "x", leaves(field.target), 1),)))


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.title() for part in rest)


@pytest.mark.parametrize("kind", LISTS)
def test_every_list_has_the_filters_and_orders_of_rest(kind: str) -> None:
    listed = LISTS[kind]
    assert listed.listing.kind == kind
    names = (
        {f.python_name for f in get_object_definition(listed.filter, strict=True).fields} if listed.filter else set()
    )
    assert listed.filter is None or names == listed.listing.filters.keys()
    filters = tuple(Filter(field, op, name) for name, (field, op) in listed.listing.filters.items())
    for field in listed.listing.sorts:
        compile_read(Page(kind, (Records("nodes", leaves(kind)),), filters, Sort(field), Slice(1, "cursor")))


def test_every_nested_list_is_kept_to_its_parent() -> None:
    for kind, shown in RECORDS.items():
        for field in definition_of(shown).fields:
            if isinstance(field, PageField):
                assert field.within is not None
                target = KINDS[field.kind]
                assert field.within.field in target.conditions.keys() | target.columns.keys()
                assert field.within.parent in KINDS[kind].columns


def test_every_record_is_found_by_a_column() -> None:
    found = [f for f in definition_of(SCHEMA.query).fields if isinstance(f, RecordField)]
    assert {(f.kind, f.by) for f in found} >= {("service", "slug"), ("person", "email"), ("action_item", "id")}
    assert all(f.by in {leaf.name for leaf in leaves(f.kind)} for f in found)


def test_what_rest_can_write_graphql_can_write() -> None:
    paths = create_app(Settings(_env_file=None)).openapi()["paths"]
    operations = [
        (method, operation["operationId"])
        for path, methods in paths.items()
        for method, operation in methods.items()
        if path.startswith("/v1/") and not path.startswith("/v1/inbound/")
    ]
    questions = {"preview_verification_plan", "suggest_factors", "suggest_root_causes"}
    written = {name for method, name in operations if method != "get"} - questions
    assert written == {route.__name__ for route in MUTATIONS}
    shown = SCHEMA._schema.mutation_type
    assert shown is not None
    assert set(shown.fields) == {_camel(route.__name__) for route in MUTATIONS}
    assert all(kind_of(shown.type) in RECORDS for shown in MUTATIONS.values() if shown)


@pytest.mark.parametrize("enum", DOMAIN)
def test_an_enum_has_the_name_and_the_values_it_has_in_the_domain(enum: type[Enum]) -> None:
    shown = SCHEMA._schema.type_map.get(enum.__name__)
    assert isinstance(shown, GraphQLEnumType), enum
    assert [(name, value.value) for name, value in shown.values.items()] == [(m.name, m.value) for m in enum]


def test_names_of_the_wire_mirror_the_domain() -> None:
    assert list(PriorityName) == [priority.name.lower() for priority in Priority]
    assert list(SeverityName) == [severity.name for severity in Severity]
    assert list(PhaseName) == list(PHASES)
    assert list(MomentName) == list(MOMENTS)
    assert tuple(HandleProvider) == people.HandleProvider.__args__  # type: ignore[attr-defined]
    assert tuple(SeverityName) == incident_schemas.SeverityName.__args__  # type: ignore[attr-defined]


def test_the_text_of_the_schema_is_always_the_same() -> None:
    assert schema_sdl() == schema_sdl()
    assert "type ActionItem implements Node {" in schema_sdl()
    assert "interface Node {" in schema_sdl()
