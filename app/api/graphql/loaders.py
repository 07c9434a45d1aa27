"""Reading for Strawberry's own executor: what siblings ask for at the same time is one statement.

Rows are plain dicts of a type's columns, through the port `Reads` and so under the caller's visibility predicate.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import orjson
from strawberry.dataloader import DataLoader

from app.api.graphql.records import leaves
from app.domain.access import Action, Caller, authorize
from app.domain.errors import Invalid
from app.domain.page import DEFAULT_LIMIT, MAX_LIMIT
from app.domain.ports import Reads
from app.domain.selection import Edge, Filter, Leaf, Op, Selection, Sort

Row = dict[str, Any]
_NEEDS = {"delivery": Action.OPERATE, "api_key": Action.CONFIGURE}
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
class Slice:
    """Which part of a list: `first` records after a cursor."""

    first: int = DEFAULT_LIMIT
    after: str | None = None


@dataclass(frozen=True, slots=True)
class RowPage:
    """Rows with the cursor of each, and a way to count the whole list."""

    rows: Sequence[Row]
    cursors: Sequence[str]
    has_next: bool
    has_previous: bool
    count: Callable[[], Awaitable[int]]


class Loaders:
    """The data loaders of one request."""

    def __init__(self, reads: Reads, caller: Caller) -> None:
        self._reads = reads
        self._caller = caller
        self._loaders: dict[object, DataLoader[Any, Any]] = {}

    async def one(self, kind: str, value: object, *, by: str = "id") -> Row | None:
        """The record whose `by` is this value; None if it is not there or may not be seen."""
        self._require_reader(kind)
        row: Row | None = await self._loader((kind, by), partial(self._load_ones, kind, by)).load(value)
        return row

    async def written(self, kind: str, value: object, *, by: str = "id") -> Row | None:
        """The record that the caller has just written: to be shown it, the right to write is enough."""
        (row,) = await self._load_ones(kind, by, [value])
        return row

    async def related(self, kind: str, edge: str, target: str, id: str, first: int | None = None) -> Any:
        """The record (or the first so many records) of kind `target` behind an edge of a record."""
        self._require_reader(target)
        load = partial(self._load_related, kind, Edge(edge, "related", leaves(target), first))
        return await self._loader((kind, edge, first), load).load(id)

    def _require_reader(self, kind: str) -> None:
        authorize(self._caller, _NEEDS.get(kind, Action.READ))

    def _loader(self, key: object, load: Callable[[list[Any]], Awaitable[Sequence[Any]]]) -> DataLoader[Any, Any]:
        if key not in self._loaders:
            self._loaders[key] = DataLoader(load_fn=load)
        return self._loaders[key]

    async def _load_ones(self, kind: str, by: str, values: list[Any]) -> list[Row | None]:
        rows = await self._rows(kind, (*leaves(kind), Leaf(by, "_by")), by, values)
        found = {str(row["_by"]): row for row in rows}
        return [found.get(str(value)) for value in values]

    async def _load_related(self, kind: str, edge: Edge, ids: list[str]) -> list[Any]:
        rows = await self._rows(kind, (Leaf("id", "id"), edge), "id", ids)
        found = {row["id"]: row["related"] for row in rows}
        return [found.get(id, [] if edge.limit else None) for id in ids]

    async def _rows(self, kind: str, fields: tuple[Leaf | Edge, ...], by: str, values: Sequence[Any]) -> list[Row]:
        selection = Selection(kind, fields, (Filter(by, Op.IN, "values"),), paged=False)
        rows: list[Row] = await self._read(selection, {"values": values})
        return rows

    async def _read(self, selection: Selection, variables: Mapping[str, object]) -> Any:
        read = self._reads.prepare(selection)
        assert read is not None, f"a {selection.kind} is asked for something without a column"
        return orjson.loads(await read(variables, self._caller))

    async def page(self, kind: str, where: Sequence[Where], sort: Sort, part: Slice) -> RowPage:
        """A page of a list, with a cursor for each row."""
        self._require_reader(kind)
        if not 1 <= part.first <= MAX_LIMIT:
            raise Invalid(f"`first` is 1 to {MAX_LIMIT}.")
        filters, values = _filters(where)
        selection = Selection(kind, leaves(kind), filters, (sort,), cursors=True)
        found = await self._read(selection, {**values, "limit": part.first, "after": part.after})

        async def count() -> int:
            return await self.count(kind, where)

        more = found["next_cursor"] is not None
        return RowPage(found["items"], found["cursors"], more, part.after is not None, count)

    async def count(self, kind: str, where: Sequence[Where]) -> int:
        """How many records a list holds, counted to COUNTED."""
        self._require_reader(kind)
        filters, values = _filters(where)
        return await self._reads.count(Selection(kind, (), filters), values, self._caller, COUNTED)

    async def all(self, kind: str) -> list[Row]:
        """Every record of a kind that has few."""
        self._require_reader(kind)
        rows: list[Row] = await self._read(Selection(kind, leaves(kind), paged=False), {})
        return rows


def _filters(where: Sequence[Where]) -> tuple[tuple[Filter, ...], dict[str, object]]:
    filters = tuple(Filter(w.field, w.op, f"where_{n}") for n, w in enumerate(where))
    return filters, {f"where_{n}": w.value for n, w in enumerate(where)}
