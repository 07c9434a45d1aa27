"""Compiled reads: what a selection becomes, and what no selection can get around."""

import inspect
import pkgutil
from importlib import import_module

import pytest

from app.adapters.db.reads.catalog import KINDS
from app.adapters.db.reads.compile import compile_count, compile_read
from app.adapters.db.reads.writing import Unknown
from app.api import rest
from app.api.reading import Listing, fields_of
from app.domain.selection import Edge, Filter, Leaf, Op, Page, Records, Selection, Slice, Sort


def listings() -> list[tuple[str, Listing]]:
    modules = [import_module(f"app.api.rest.{m.name}") for m in pkgutil.iter_modules(rest.__path__)]
    return [
        (f"{module.__name__}.{name}", value)
        for module in modules
        for name, value in inspect.getmembers(module, lambda member: isinstance(member, Listing))
    ]


@pytest.mark.parametrize(("name", "listing"), listings())
def test_every_field_filter_and_sort_of_a_list_has_a_column(name: str, listing: Listing) -> None:
    filters = tuple(Filter(field, op, key) for key, (field, op) in listing.filters.items())
    for sort in listing.sorts:
        shown = (Records("items", fields_of(listing.model)),)
        compile_read(Page(listing.kind, shown, filters, Sort(sort), Slice(1)))


@pytest.mark.parametrize("kind", [name for name, kind in KINDS.items() if kind.incident])
def test_no_read_of_a_derived_record_goes_without_the_callers_predicate(kind: str) -> None:
    field = next(iter(KINDS[kind].columns))
    selection = Selection(kind, (Leaf(field, field),))
    page = Page(kind, (Records("items", selection.fields),), (), Sort(field), Slice(1))
    for compiled in (compile_read(selection), compile_read(page), compile_count(kind, ())):
        assert "incident_viewers" in compiled.sql


def test_the_predicate_is_behind_every_edge_too() -> None:
    leaf = (Leaf("title", "title"),)
    nested = Selection("service", (Leaf("id", "id"), Edge("team", "team", (Leaf("name", "name"),))))
    assert "incident_viewers" not in compile_read(nested).sql
    one = Selection("action_item", (Edge("incident", "incident", leaf),))
    many = Selection("incident", (Edge("action_items", "action_items", leaf),))
    for selection in (one, many):
        assert compile_read(selection).sql.count("incident_viewers") == 2


@pytest.mark.parametrize(
    "selection",
    [
        Selection("dragon", (Leaf("id", "id"),)),
        Selection("service", (Leaf("wings", "wings"),)),
        Selection("service", (Edge("dragons", "dragons", (Leaf("id", "id"),)),)),
        Selection("service", (Leaf("id", "id"),), (Filter("wings", Op.EQ, "x"),)),
    ],
)
def test_what_has_no_column_is_refused(selection: Selection) -> None:
    with pytest.raises(Unknown):
        compile_read(selection)


def test_values_are_parameters_and_never_text() -> None:
    selection = Selection("service", (Leaf("id", "id"),), (Filter("slug", Op.EQ, "'; drop table services"),))
    compiled = compile_read(selection)
    assert "drop table" not in compiled.sql
    assert compiled.parameters[0].variable == "'; drop table services"
