"""What a ticket says: its first text, the changes to it, and who its assignee is in each tracker's words."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from app.domain.actions.model import ActionItem
from app.domain.organisation.model import Person, Provider
from app.domain.policy import Policy
from app.domain.ports import UnitOfWork
from app.domain.tracking.deliveries import Delivery
from app.domain.tracking.model import (
    Ticket,
    TicketDraft,
    TicketStatus,
    TicketUpdate,
)
from app.domain.tracking.routing import page_of


@dataclass(frozen=True, slots=True)
class Assignee:
    """A person as a tracker knows them; `unknown` is somebody who has no name there."""

    handle: str | None = None
    unknown: Person | None = None


async def assignee_of(u: UnitOfWork, provider: Provider, person_id: UUID | None) -> Assignee:
    """The person's name in this tracker. In our own tracker that is their e-mail address."""
    person = await u.people.find(person_id) if person_id else None
    if person is None:
        return Assignee()
    handle = person.email if provider is Provider.LOCAL else person.handles.get(provider)
    return Assignee(handle) if handle else Assignee(unknown=person)


async def person_of(u: UnitOfWork, provider: Provider, handle: str) -> Person | None:
    """Who a tracker means by this name."""
    if provider is Provider.LOCAL:
        return await u.people.find_by_email(handle)
    return await u.people.find_by_handle(provider, handle)


def draft_of(item: ActionItem, ticket: Ticket, delivery: Delivery, assignee: Assignee, policy: Policy) -> TicketDraft:
    """The ticket as it is to be created, from the item as it is now."""
    return TicketDraft(
        marker=delivery.marker,
        title=item.title,
        body=item.description,
        url=page_of(item.id, policy),
        priority=item.effective_priority.name.lower(),
        due_on=item.due_on,
        assignee=assignee.handle,
        labels=ticket.route.labels,
    )


def update_of(delivery: Delivery, assignee: Assignee) -> TicketUpdate:
    """The change behind a delivery; its assignee was queued as a person's id."""
    plain: Mapping[str, Any] = delivery.update
    return TicketUpdate(
        title=plain.get("title"),
        status=TicketStatus(plain["status"]) if "status" in plain else None,
        assignee=assignee.handle,
        due_on=date.fromisoformat(plain["due_on"]) if "due_on" in plain else None,
        priority=plain.get("priority"),
        comment=plain.get("comment"),
        link_back=plain.get("link_back"),
    )


def assigned_person_id(item: ActionItem, delivery: Delivery) -> UUID | None:
    """Whom this delivery makes the ticket's assignee: the owner of a new one, the one named in a change."""
    if not delivery.update:
        return item.owner_id
    named = delivery.update.get("assignee")
    return UUID(str(named)) if named else None
