"""Reading for Strawberry's own executor: what siblings ask for at the same time is one statement.

Rows are plain dicts of a type's columns, through the port `Reads` and so under the caller's visibility predicate.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import orjson
from strawberry.dataloader import DataLoader

from app.api.graphql.records import leaves
from app.domain.access import Action, Caller, authorize
from app.domain.errors import InvalidCursor
from app.domain.page import DEFAULT_LIMIT
from app.domain.ports import Reads
from app.domain.selection import (
    Edge,
    Fact,
    Field,
    Filter,
    Group,
    Leaf,
    Op,
    Page,
    Place,
    Records,
    Selection,
    Slice,
    Sort,
    Total,
    Within,
    one_or_many,
)

Row = dict[str, Any]
_NEEDS = {
    "delivery": Action.OPERATE, "api_key": Action.CONFIGURE, "webhook_endpoint": Action.SEND_EVENTS_OUT,
    "webhook_delivery": Action.SEND_EVENTS_OUT, "webhook_attempt": Action.SEND_EVENTS_OUT,
}  # fmt: skip
"""What only some may read."""
COUNTED = 1000
"""`totalCount` goes no further."""


@dataclass(frozen=True, slots=True)
class Where:
    """A filter with its value."""

    field: str
    op: Op
    value: object


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a list is asked for. `further` are numbers beside the page: known ones, or counts under other filters."""

    where: Sequence[Where]
    sort: Sort
    size: int = DEFAULT_LIMIT
    cursor: str | None = None
    backward: bool = False
    further: Mapping[str, int | Sequence[Where]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RowPage:
    """Rows with the cursor of each, and ways to count the whole list and what else was asked for."""

    rows: Sequence[Row]
    cursors: Sequence[str]
    has_next: bool
    has_previous: bool
    count: Callable[[], Awaitable[int]]
    further: Mapping[str, Callable[[], Awaitable[int]]]


def action_for(kind: str) -> Action:
    """What a caller must be allowed to do to read this kind at all."""
    return _NEEDS.get(kind, Action.READ)


def require_reader(caller: Caller, kind: str) -> None:
    """Raises Forbidden unless the caller may read this kind at all."""
    authorize(caller, action_for(kind))


def filters_and_values(where: Sequence[Where], prefix: str) -> tuple[tuple[Filter, ...], dict[str, object]]:
    """Filters over variables that begin with this prefix, and the values of those."""
    compared = [(w.field, *one_or_many(w.op, w.value)) for w in where]
    filters = tuple(Filter(field, op, f"{prefix}{n}") for n, (field, op, _) in enumerate(compared))
    return filters, {f"{prefix}{n}": value for n, (_, _, value) in enumerate(compared)}


class Loaders:
    """The data loaders of one request."""

    def __init__(self, reads: Reads, caller: Caller) -> None:
        self._reads = reads
        self._caller = caller
        self._loaders: dict[object, DataLoader[Any, Any]] = {}

    async def one(self, kind: str, value: object, *, by: str = "id") -> Row | None:
        """The record whose `by` is this value; None if it is not there or may not be seen."""
        require_reader(self._caller, kind)
        row: Row | None = await self._loaded((kind, by), partial(self._load_ones, kind, by), value)
        return row

    async def written(self, kind: str, value: object, *, by: str = "id") -> Row | None:
        """The record that the caller has just written: to be shown it, the right to write is enough."""
        (row,) = await self._load_ones(kind, by, [value])
        return row

    async def related(self, kind: str, edge: str, target: str, id: str, first: int | None = None) -> Any:
        """The record (or the first so many records) of kind `target` behind an edge of a record."""
        require_reader(self._caller, target)
        load = partial(self._load_related, kind, Edge(edge, "related", leaves(target), first), {})
        found = await self._loaded((kind, edge, first), load, id)
        return [] if found is None and first else found

    async def all(self, kind: str) -> list[Row]:
        """Every record of a kind that has few."""
        require_reader(self._caller, kind)
        rows: list[Row] = await self._read(Selection(kind, leaves(kind)), {})
        return rows

    async def page(self, kind: str, wanted: Wanted) -> RowPage:
        """A part of a list, with a cursor for each row."""
        require_reader(self._caller, kind)
        page, values = _page(kind, wanted)
        counts = {name: partial(self._count, kind, where) for name, where in _counted(wanted).items()}
        return _row_page(await self._read(page, values), wanted, counts)

    async def page_of(self, parent: str, id: str, kind: str, within: Within, wanted: Wanted) -> RowPage:
        """The same for a list that belongs to a record."""
        require_reader(self._caller, kind)
        page, values = _page(kind, wanted, within)
        load = partial(self._load_related, parent, page, values)
        found = await self._loaded((parent, page, repr(values)), load, id)
        if found is None:
            raise InvalidCursor
        counts = {
            name: partial(self._count_of, parent, id, kind, within, where) for name, where in _counted(wanted).items()
        }
        return _row_page(found, wanted, counts)

    async def _count(self, kind: str, where: Sequence[Where]) -> int:
        filters, values = filters_and_values(where, "where_")
        return await self._reads.count(kind, filters, values, self._caller, COUNTED)

    async def _count_of(self, parent: str, id: str, kind: str, within: Within, where: Sequence[Where]) -> int:
        filters, values = filters_and_values(where, "where_")
        page = Page(kind, (Total("n", COUNTED),), filters, Sort("id"), Slice(1), "related", within)
        load = partial(self._load_related, parent, page, values)
        found = await self._loaded((parent, page, repr(values)), load, id)
        n: int = found["n"]
        return n

    async def _loaded(self, key: object, load: Callable[[list[Any]], Awaitable[Sequence[Any]]], value: object) -> Any:
        """Shielded: a field that fails cancels its siblings, but not what others wait for too."""
        if key not in self._loaders:
            self._loaders[key] = DataLoader(load_fn=load)
        return await asyncio.shield(self._loaders[key].load(value))

    async def _load_ones(self, kind: str, by: str, values: list[Any]) -> list[Row | None]:
        rows = await self._rows(kind, (*leaves(kind), Leaf(by, "_by")), by, {"values": values})
        found = {str(row["_by"]): row for row in rows}
        return [found.get(str(value)) for value in values]

    async def _load_related(self, kind: str, field: Edge | Page, variables: Row, ids: list[str]) -> list[Any]:
        rows = await self._rows(kind, (Leaf("id", "id"), field), "id", {**variables, "values": ids})
        found = {row["id"]: row["related"] for row in rows}
        return [found.get(id) for id in ids]

    async def _rows(self, kind: str, fields: tuple[Field, ...], by: str, variables: Row) -> list[Row]:
        rows: list[Row] = await self._read(Selection(kind, fields, (Filter(by, Op.IN, "values"),)), variables)
        return rows

    async def _read(self, selection: Selection | Page, variables: Mapping[str, object]) -> Any:
        read = self._reads.prepare(selection)
        assert read is not None, f"a {selection.kind} is asked for something without a column"
        return orjson.loads(await read(variables, self._caller))


def _page(kind: str, wanted: Wanted, within: Within | None = None) -> tuple[Page, dict[str, object]]:
    filters, values = filters_and_values(wanted.where, "where_")
    shown = (
        Records("edges", (Place("cursor", Fact.CURSOR), Group("node", leaves(kind)))),
        Place("has_next", Fact.HAS_NEXT),
        Place("has_previous", Fact.HAS_PREVIOUS),
    )
    part = Slice(wanted.size, None if wanted.cursor is None else "cursor", wanted.backward)
    return Page(kind, shown, filters, wanted.sort, part, "related", within), {**values, "cursor": wanted.cursor}


def _counted(wanted: Wanted) -> dict[str, Sequence[Where]]:
    further = {name: where for name, where in wanted.further.items() if not isinstance(where, int)}
    return {"": wanted.where, **further}


def _row_page(found: Any, wanted: Wanted, counts: Mapping[str, Callable[[], Awaitable[int]]]) -> RowPage:
    async def known(n: int) -> int:
        return n

    numbers = {name: partial(known, n) for name, n in wanted.further.items() if isinstance(n, int)}
    rows, cursors = [edge["node"] for edge in found["edges"]], [edge["cursor"] for edge in found["edges"]]
    return RowPage(rows, cursors, found["has_next"], found["has_previous"], counts[""], {**numbers, **counts})
