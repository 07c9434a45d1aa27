"""Relay's connections: edges with cursors, and what is known of the pages around."""

from collections.abc import Sequence
from typing import Any, Generic, TypeVar

import strawberry
from strawberry import Parent

from app.api.graphql.loaders import COUNTED, RowPage

T = TypeVar("T")


@strawberry.type(description="Where a page stands in its list.")
class PageInfo:
    has_next_page: bool = strawberry.field(
        description="Whether records follow; going backward, whether the page was asked for before a cursor."
    )
    has_previous_page: bool = strawberry.field(
        description="Whether records precede; going forward, whether the page was asked for after a cursor."
    )
    start_cursor: str | None = strawberry.field(description="The cursor of the first record.")
    end_cursor: str | None = strawberry.field(description="The cursor of the last record; `after` continues there.")


@strawberry.type(description="A record in a page.")
class Edge(Generic[T]):
    cursor: str = strawberry.field(description="Opaque; `after` takes it.")
    node: T = strawberry.field(description="The record.")


def edges_of(page: Parent[RowPage]) -> Any:
    return [{"cursor": cursor, "node": row} for cursor, row in zip(page.cursors, page.rows, strict=True)]


def page_info_of(page: Parent[RowPage]) -> Any:
    ends: Sequence[str | None] = page.cursors or [None]
    return PageInfo(
        has_next_page=page.has_next, has_previous_page=page.has_previous, start_cursor=ends[0], end_cursor=ends[-1]
    )


async def count_of(page: Parent[RowPage]) -> int:
    return await page.count()


@strawberry.type(description="A page of a list.")
class Connection(Generic[T]):
    edges: list[Edge[T]] = strawberry.field(resolver=edges_of, description="The records with their cursors.")
    page_info: PageInfo = strawberry.field(resolver=page_info_of, description="Where the page stands.")
    total_count: int = strawberry.field(
        resolver=count_of, description=f"How many the whole list holds, counted to {COUNTED:,}."
    )
