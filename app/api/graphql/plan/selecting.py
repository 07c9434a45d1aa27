"""Uses of fields → what is read, in the terms of the domain."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from graphql import GraphQLObjectType

from app.api.graphql import records
from app.api.graphql.fields import AllField, ColumnField, EdgeField, EmbeddedField, IdField, PageField, RecordField
from app.api.graphql.loaders import COUNTED
from app.api.graphql.plan.arguments import Shape
from app.api.graphql.plan.collecting import Uncovered, Use
from app.api.graphql.plan.forms import form_of, is_required
from app.domain.selection import (
    Constant,
    Edge,
    Fact,
    Field,
    Filter,
    GlobalId,
    Group,
    Leaf,
    Op,
    Page,
    Place,
    Records,
    Selection,
    Total,
)

_PLACES = {
    "has_next_page": Fact.HAS_NEXT,
    "has_previous_page": Fact.HAS_PREVIOUS,
    "start_cursor": Fact.START,
    "end_cursor": Fact.END,
}


@dataclass(frozen=True, slots=True)
class Selecting:
    """One root field under one shape of its arguments. `kinds` are those that the caller must be allowed to read."""

    shapes: Mapping[Use, Shape]
    kinds: set[str] = field(default_factory=set)

    def root(self, use: Use, variable: str) -> Selection | Page:
        """What the root field reads; a record is named by `variable`. Raises Uncovered."""
        shown = use.shown
        if isinstance(shown, PageField):
            return self._page(use, shown)
        if isinstance(shown, RecordField):
            return self.record(shown.kind, shown.by, use.inner, variable)
        if isinstance(shown, AllField):
            return Selection(self._kind(shown.kind), self._fields(use.inner))
        raise Uncovered

    def record(self, kind: str, by: str, inner: Iterable[Use | Constant], variable: str) -> Selection:
        """One record."""
        return Selection(self._kind(kind), self._fields(inner), (Filter(by, Op.EQ, variable),), single=True)

    def _kind(self, kind: str) -> str:
        self.kinds.add(kind)
        return kind

    def _fields(self, inner: Iterable[Use | Constant]) -> tuple[Field, ...]:
        return tuple(use if isinstance(use, Constant) else self._field(use) for use in inner)

    def _field(self, use: Use) -> Field:
        shown, required = use.shown, is_required(use.definition.type)
        match shown:
            case IdField():
                return Leaf("id", use.key, GlobalId(use.parent.name), required)
            case ColumnField() if shown.shape is None:
                return Leaf(shown.reads, use.key, form_of(use.definition.type, use.inner), required)
            case EdgeField():
                self._kind(shown.target)
                limit = self.shapes[use].limit if shown.most else None
                return Edge(shown.python_name, use.key, self._fields(use.inner), limit, required)
            case EmbeddedField():
                return Edge(shown.python_name, use.key, self._fields(use.inner), None, required)
            case PageField():
                return self._page(use, shown)
            case _:
                raise Uncovered

    def _page(self, use: Use, shown: PageField) -> Page:
        shape = self.shapes[use]
        assert shape.sort is not None
        assert shape.slice is not None
        parts = tuple(part if isinstance(part, Constant) else self._part(part, shape) for part in use.inner)
        kind, required = self._kind(shown.kind), is_required(use.definition.type)
        return Page(kind, parts, shape.filters, shape.sort, shape.slice, use.key, shown.within, required)

    def _part(self, use: Use, shape: Shape) -> Records | Group | Total | Constant:
        name, further = use.shown.python_name, dict(shape.further)
        if name == "edges":
            return Records(use.key, tuple(one if isinstance(one, Constant) else self._edge(one) for one in use.inner))
        if name == "page_info":
            return Group(use.key, tuple(one if isinstance(one, Constant) else _place(one) for one in use.inner))
        if name == "total_count":
            return Total(use.key, COUNTED)
        if name not in further:
            raise Uncovered
        what = further[name]
        return Constant(use.key, str(what)) if isinstance(what, int) else Total(use.key, COUNTED, what)

    def _edge(self, use: Use) -> Place | Group:
        if use.shown.python_name == "cursor":
            return Place(use.key, Fact.CURSOR)
        return Group(use.key, self._fields(use.inner))


def _place(use: Use) -> Place:
    return Place(use.key, _PLACES[use.shown.python_name])


def uncovered_fields() -> list[str]:
    """Fields of records that have no plan: they work, only slower."""
    covered = (IdField, EdgeField, EmbeddedField, PageField)
    return [
        f"{definition.name}.{field.name}"
        for definition in map(records.definition_of, records.RECORDS.values())
        for field in definition.fields
        if not (isinstance(field, covered) or (isinstance(field, ColumnField) and field.shape is None))
    ]


def type_of(kind: str, types: Mapping[str, object]) -> GraphQLObjectType:
    """The type that shows a kind."""
    type = types[records.type_name(kind)]
    assert isinstance(type, GraphQLObjectType)
    return type
