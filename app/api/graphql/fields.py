"""The kinds of field that records have: columns, edges and lists, with what a compiler of plans needs to know."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any
from uuid import UUID

import strawberry
from strawberry.annotation import StrawberryAnnotation
from strawberry.types import Info
from strawberry.types.arguments import StrawberryArgument
from strawberry.types.field import StrawberryField
from strawberry.types.unset import UNSET
from typing_extensions import override

from app.api.graphql.context import Context
from app.api.graphql.ids import global_id, own_id, split_id
from app.api.graphql.lists import LISTS, filters_of, sort_of
from app.api.graphql.loaders import Loaders, RowPage, Wanted
from app.api.graphql.records import is_node, kind_named, type_name
from app.domain.errors import Invalid
from app.domain.page import DEFAULT_LIMIT, MAX_LIMIT
from app.domain.selection import Within

Asked = Info[Context, None]


def value_of(source: Any, name: str) -> Any:
    """What a field without a resolver shows: of a row its key, of a domain value its attribute."""
    return source[name] if isinstance(source, dict) else getattr(source, name)


def argument(
    name: str, annotation: Any, description: str, default: object = UNSET, *, shown_name: str | None = None
) -> StrawberryArgument:
    """An argument of a field that has no resolver function to read it from."""
    annotated = StrawberryAnnotation(annotation)
    return StrawberryArgument(name, shown_name, annotated, description=description, default=default)


class Resolving(StrawberryField):
    """A field that needs the request or has arguments."""

    @property
    def is_basic_field(self) -> bool:
        return False


class IdField(Resolving):
    """The global id, from the name of the type that shows it."""

    @override
    def get_result(self, source: Any, info: Info | None, args: list[Any], kwargs: Any) -> str:
        assert info is not None
        return global_id(info._raw_info.parent_type.name, source["id"])


class ColumnField(StrawberryField):
    """A column of the record's kind, shown as it is read, or after `shape`."""

    column: str | None = None
    shape: Callable[[Any], Any] | None = None

    @property
    def reads(self) -> str:
        """The column's name in the catalogue."""
        return self.column or self.python_name

    @override
    def get_result(self, source: Any, info: Info | None, args: list[Any], kwargs: Any) -> Any:
        value = source[self.reads]
        return value if self.shape is None else self.shape(value)


class EmbeddedField(StrawberryField):
    """The related record of a record that has no id of its own: read together with it."""

    embeds: str

    @override
    def get_result(self, source: Any, info: Info | None, args: list[Any], kwargs: Any) -> Any:
        return source[self.python_name]


class EdgeField(Resolving):
    """The related record, or the first so many of the related records."""

    target: str
    most: int | None = None

    def limit(self, kwargs: Mapping[str, Any]) -> int | None:
        """How many at most; None for a single record. Raises Invalid."""
        first: int | None = kwargs.get("first")
        if first is not None and not 1 <= first <= (self.most or MAX_LIMIT):
            raise Invalid(f"`first` of {self.python_name} is 1 to {self.most}.")
        return first

    @override
    def get_result(self, source: Any, info: Info | None, args: list[Any], kwargs: Any) -> Awaitable[Any]:
        assert info is not None
        first = self.limit(kwargs)
        kind = kind_named(info._raw_info.parent_type.name)
        assert kind is not None
        related: Awaitable[Any] = info.context.loaders.related(kind, self.python_name, self.target, source["id"], first)
        return related


class PageField(Resolving):
    """A connection over a list; `within` is the filter and the parent's column that keep it to its parent."""

    kind: str
    within: Within | None = None

    def wanted(self, kwargs: Mapping[str, Any]) -> Wanted:
        """What the arguments ask for. Raises Invalid."""
        size, cursor, backward = part_of(kwargs)
        return Wanted(filters_of(self.kind, kwargs.get("filter")), sort_of(self.kind, kwargs), size, cursor, backward)

    @override
    def get_result(self, source: Any, info: Info | None, args: list[Any], kwargs: Any) -> Awaitable[RowPage]:
        assert info is not None
        loaders: Loaders = info.context.loaders
        if self.within is None:
            return loaders.page(self.kind, self.wanted(kwargs))
        parent = kind_named(info._raw_info.parent_type.name)
        assert parent is not None
        return loaders.page_of(parent, source["id"], self.kind, self.within, self.wanted(kwargs))


def part_of(kwargs: Mapping[str, Any]) -> tuple[int, str | None, bool]:
    """How many records, continuing at which cursor, and whether backward. Raises Invalid."""
    first, after, last, before = (kwargs.get(name) for name in ("first", "after", "last", "before"))
    backward = last is not None or before is not None
    if backward and (first is not None or after is not None):
        raise Invalid("`first` goes with `after`, and `last` with `before`; ask for one of the two.")
    size = last if backward else first
    if size is not None and not 1 <= size <= MAX_LIMIT:
        raise Invalid(f"`{'last' if backward else 'first'}` is 1 to {MAX_LIMIT}.")
    return (DEFAULT_LIMIT if size is None else size), (before if backward else after), backward


class RecordField(Resolving):
    """One record by its id or by its name."""

    kind: str
    by: str

    @override
    async def get_result(self, source: Any, info: Info | None, args: list[Any], kwargs: Any) -> Any:
        assert info is not None
        return await info.context.loaders.one(self.kind, self.value(kwargs), by=self.by)

    def value(self, kwargs: Mapping[str, Any]) -> UUID | str:
        """What is looked for. Raises Invalid."""
        given = kwargs[self.by]
        return own_id(given, type_name(self.kind)) if self.by == "id" else given.lower()


class NodeField(Resolving):
    """Any record by its global id."""

    @override
    async def get_result(self, source: Any, info: Info | None, args: list[Any], kwargs: Any) -> Any:
        assert info is not None
        kind, id = self.named(kwargs)
        row = await info.context.loaders.one(kind, id)
        return row and {**row, "__typename": type_name(kind)}

    def named(self, kwargs: Mapping[str, Any]) -> tuple[str, UUID]:
        """The kind and the own id of the record. Raises Invalid."""
        name, id = split_id(kwargs["id"])
        kind = kind_named(name) if name else None
        if kind is None or not is_node(kind):
            raise Invalid("This is not a global id of a record.")
        return kind, id


class AllField(Resolving):
    """Every record of a kind that has few."""

    kind: str

    @override
    async def get_result(self, source: Any, info: Info | None, args: list[Any], kwargs: Any) -> Any:
        assert info is not None
        return await info.context.loaders.all(self.kind)


def global_id_field(description: str) -> Any:
    """The id that `node(id:)` takes."""
    return IdField(description=description)


def column(description: str, *, of: str | None = None, shape: Callable[[Any], Any] | None = None) -> Any:
    """A column of the same name, or the one named `of`."""
    field = ColumnField(description=description)
    field.column, field.shape = of, shape
    return field


def edge(description: str, target: str) -> Any:
    """The record of kind `target` that the catalogue's edge of this name leads to."""
    field = EdgeField(description=description)
    field.target = target
    return field


def embedded(description: str, target: str) -> Any:
    """As `edge`, for kinds without an id."""
    field = EmbeddedField(description=description)
    field.embeds = target
    return field


def edges(description: str, target: str, *, default: int = 100, most: int = MAX_LIMIT) -> Any:
    """Records of kind `target` behind the catalogue's edge of this name, without pages."""
    field = EdgeField(description=description)
    field.target, field.most = target, most
    field.arguments = [argument("first", int, f"How many at most, 1 to {most}.", default)]
    return field


def page(description: str, kind: str, *, within: tuple[str, str] | None = None) -> Any:
    """A connection with the filters and orders of the REST list of this kind."""
    field = PageField(description=description)
    listed = LISTS[kind]
    field.kind = kind
    if within is not None:
        name, column = within
        field.within = Within(*listed.listing.filters[name], column)
    field.arguments = [*page_arguments(), argument("order_by", listed.order | None, "The order.", None)]
    if listed.filter is not None:
        field.arguments.insert(4, argument("filter", listed.filter | None, "Which records; all unless given.", None))
    return field


def page_arguments() -> Sequence[StrawberryArgument]:
    """Relay's four."""
    size = f"1 to {MAX_LIMIT}; {DEFAULT_LIMIT} unless given"
    valid = "it is valid only with the filter and order it came with"
    return [
        argument("first", int | None, f"How many records from the start, or after a cursor: {size}.", None),
        argument("after", str | None, f"A cursor to go on behind; {valid}.", None),
        argument("last", int | None, f"How many records from the end, or before a cursor: {size}.", None),
        argument("before", str | None, f"A cursor to stop in front of; {valid}.", None),
    ]


def node(description: str) -> Any:
    """Any record by its global id; null if there is none that the caller may see."""
    field = NodeField(description=description)
    field.arguments = [argument("id", strawberry.ID, "A global id.")]
    return field


def every(description: str, kind: str) -> Any:
    """Every record of a kind that has few."""
    field = AllField(description=description)
    field.kind = kind
    return field


def found(description: str, kind: str, *, by: str = "id") -> Any:
    """A record by its id, or by the column `by`; null if there is none that the caller may see."""
    field = RecordField(description=description)
    field.kind, field.by = kind, by
    words = "Its global id or its bare UUID." if by == "id" else f"Its {by}."
    field.arguments = [argument(by, strawberry.ID if by == "id" else str, words)]
    return field
