"""The sprint feed: open items by recurrence risk."""

from collections.abc import Mapping, Sequence
from typing import Any

import strawberry
from strawberry import Parent
from typing_extensions import override

from app.api.graphql.fields import PageField, argument, page_arguments, part_of
from app.api.graphql.lists import FEED
from app.api.graphql.loaders import COUNTED, RowPage, Wanted, Where
from app.api.graphql.records import described
from app.api.graphql.types.action_items import ActionItemType
from app.api.graphql.types.connections import Connection
from app.api.rest.sprint_planning import PLANNABLE
from app.domain.errors import Invalid
from app.domain.selection import Sort

LONGEST_DAYS = 730


async def _days(page: Parent[RowPage]) -> int:
    return await page.further["days"]()


async def _older(page: Parent[RowPage]) -> int:
    return await page.further["older_open_count"]()


@described
class SprintPlanningConnectionType(Connection[ActionItemType]):
    """Open items created, reopened or recurred in the window, plus every overdue one, the riskiest first."""

    days: int = strawberry.field(resolver=_days, description="The window's length.")
    older_open_count: int = strawberry.field(
        resolver=_older,
        description=f"Open items that are neither in the window nor overdue, counted to {COUNTED:,}.",
    )


class FeedField(PageField):
    """The feed: a list with filters of its own."""

    kind = "action_item"

    @override
    def wanted(self, kwargs: Mapping[str, Any]) -> Wanted:
        days = kwargs["days"]
        if not 1 <= days <= LONGEST_DAYS:
            raise Invalid(f"`days` is 1 to {LONGEST_DAYS}.")
        size, cursor, backward = part_of(kwargs)
        scope = {"status": [str(status) for status in PLANNABLE], "team": kwargs["team"], "service": kwargs["service"]}
        further = {"days": days, "older_open_count": _where(scope | {"out_of_feed": days})}
        return Wanted(_where(scope | {"in_feed": days}), Sort("risk", True), size, cursor, backward, further)


def _where(values: dict[str, Any]) -> Sequence[Where]:
    return [Where(*FEED.filters[name], value) for name, value in values.items() if value is not None]


def feed(description: str) -> Any:
    """The sprint feed as a field."""
    field = FeedField(description=description)
    field.arguments = [
        argument("team", list[str] | None, "Slugs of teams.", None),
        argument("service", list[str] | None, "Slugs of services.", None),
        argument("days", int, f"Created, reopened or recurred within so many days, 1 to {LONGEST_DAYS}.", 90),
        *page_arguments(),
    ]
    return field
