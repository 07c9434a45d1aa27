"""The sprint feed: open items by recurrence risk."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import strawberry
from strawberry import Parent

from app.api.graphql.fields import Asked
from app.api.graphql.lists import FEED
from app.api.graphql.loaders import COUNTED, Loaders, RowPage, Slice, Where
from app.api.graphql.records import described
from app.api.graphql.types.action_items import ActionItemType
from app.api.graphql.types.connections import Connection
from app.api.rest.sprint_planning import PLANNABLE
from app.domain.errors import Invalid
from app.domain.selection import Sort

LONGEST_DAYS = 730


@dataclass(frozen=True, slots=True)
class FeedPage(RowPage):
    """A page of the feed, and a way to count what is older than its window."""

    days: int
    older: Callable[[], Awaitable[int]]


async def _older(feed: Parent[FeedPage]) -> int:
    return await feed.older()


@described
class SprintPlanningConnectionType(Connection[ActionItemType]):
    """Open items created, reopened or recurred in the window, plus every overdue one, the riskiest first."""

    days: int = strawberry.field(description="The window's length.")
    older_open_count: int = strawberry.field(
        resolver=_older,
        description=f"Open items that are neither in the window nor overdue, counted to {COUNTED:,}.",
    )


async def read_feed(
    info: Asked, *, team: Sequence[str] | None, service: Sequence[str] | None, days: int, part: Slice
) -> Any:
    """The page asked for."""
    if not 1 <= days <= LONGEST_DAYS:
        raise Invalid(f"`days` is 1 to {LONGEST_DAYS}.")
    loaders: Loaders = info.context.loaders
    scope = {"status": [str(status) for status in PLANNABLE], "team": team, "service": service}
    page = await loaders.page("action_item", _where(scope | {"in_feed": days}), Sort("risk", True), part)

    async def older() -> int:
        return await loaders.count("action_item", _where(scope | {"out_of_feed": days}))

    return FeedPage(page.rows, page.cursors, page.has_next, page.has_previous, page.count, days, older)


def _where(values: dict[str, Any]) -> list[Where]:
    return [Where(*FEED.filters[name], value) for name, value in values.items() if value is not None]
