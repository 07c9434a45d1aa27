"""A person moves a ticket of our own tracker, which means what a webhook of any other tracker means."""

from collections.abc import Mapping
from uuid import uuid4

from app.domain.access import Action, Caller, authorize
from app.domain.errors import NotFound
from app.domain.organisation.model import Provider
from app.domain.ports import Clock, OpenUnitOfWork, Tracker
from app.domain.tracking.model import (
    Ticket,
    TicketEvent,
    TicketEventKind,
    TicketStatus,
    TicketUpdate,
)
from app.domain.tracking.use_cases.apply_ticket_event import apply_ticket_event


async def move_local_ticket(
    uow: OpenUnitOfWork,
    clock: Clock,
    trackers: Mapping[Provider, Tracker],
    *,
    caller: Caller,
    number: int,
    status: TicketStatus,
) -> Ticket:
    """Set its status; `done` makes the item implemented, never closed."""
    authorize(caller, Action.WRITE_ACTION_ITEM)
    async with uow() as u:
        ticket = await u.tickets.find_external(Provider.LOCAL, str(number))
        if ticket is None:
            raise NotFound(f"There is no local ticket with the number {number}.")
        await u.action_items.get(ticket.action_item_id, caller)
    remote = await trackers[Provider.LOCAL].update(ticket, TicketUpdate(status=status), uuid4())
    event = TicketEvent(TicketEventKind.CHANGED, Provider.LOCAL, remote.external_id, remote, actor=caller.actor)
    await apply_ticket_event(uow, clock, trackers, event=event)
    async with uow() as u:
        return await u.tickets.get(ticket.id)
