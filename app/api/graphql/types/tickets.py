"""Tickets, here and in the trackers, and what is on its way there."""

from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated

import strawberry

from app.api.graphql.fields import column, edge
from app.api.graphql.records import described, record
from app.api.graphql.types.node import Node, VersionedType
from app.api.graphql.types.organisation import RouteType
from app.domain.organisation.model import Provider
from app.domain.tracking.deliveries import DeliveryKind, DeliveryState
from app.domain.tracking.model import SyncState, TicketStatus

if TYPE_CHECKING:
    from app.api.graphql.types.action_items import ActionItemType


@record("ticket")
class TicketType(VersionedType):
    """An action item's face in a tracker."""

    provider: Provider = column("The tracker.")
    external_id: str | None = column("The tracker's own id; null until the ticket exists there.")
    key: str | None = column("What people call it, such as `PAY-12`.")
    url: str | None = column("Its page.")
    status: TicketStatus = column("Its state, in a category every tracker has.")
    status_text: str = column("Its state in the tracker's own words.")
    assignee: str | None = column("Who has it there, by the handle there.")
    planned_in: str | None = column("The sprint, cycle or milestone it was last seen in.")
    sync_state: SyncState = column("How the link stands.")
    adopted: bool = column("Whether it was there before and a person linked it.")
    dropped: list[str] = column("What the tracker silently left out.")
    route: RouteType = column("Where it was sent.")
    source_updated_at: datetime | None = column("The tracker's time of the latest change we know.")
    last_synced_at: datetime | None = column("When we last heard from the tracker about it.")
    last_error: str | None = column("Why the latest attempt failed.")
    action_item: Annotated["ActionItemType", strawberry.lazy("app.api.graphql.types.action_items")] = edge(
        "The commitment behind it.", "action_item"
    )


@described
class CommentType:
    """A comment on a ticket of our own tracker."""

    at: datetime = strawberry.field(description="When it was written.")
    text: str = strawberry.field(description="What it says.")


@record("local_ticket")
class LocalTicketType:
    """A ticket of our own tracker."""

    number: int = column("Counts up.")
    key: str = column("`LOCAL-` and the number.")
    title: str = column("What is to be done.")
    body: str = column("Why, and how it will be shown to work.")
    status: TicketStatus = column("Where it stands.")
    assignee: str | None = column("Who has it: an e-mail address.")
    due_on: date | None = column("When it should be done.")
    priority: str = column("How urgent it is.")
    labels: list[str] = column("Its labels.")
    comments: list[CommentType] = column("Oldest first.")
    created_at: datetime = column("When it was made.")
    updated_at: datetime = column("When it last changed.")


@record("delivery")
class DeliveryType(Node):
    """One thing a tracker gets exactly once."""

    key: str = column("Names what is delivered, so that it is queued once.")
    kind: DeliveryKind = column("A new ticket, or a change of one.")
    provider: Provider = column("The tracker.")
    state: DeliveryState = column("Where it stands; a dead one waits for a person.")
    attempts: int = column("How often it was tried.")
    last_error: str | None = column("Why the latest attempt failed.")
    created_at: datetime = column("When it was queued.")
    attempt_at: datetime | None = column("When it was last tried.")
    not_before: datetime | None = column("It is not tried before.")
    finished_at: datetime | None = column("When it arrived or was given up.")
