"""A person asks the tracker how a ticket stands; one that was lost is created anew."""

from collections.abc import Mapping
from dataclasses import replace
from uuid import UUID, uuid4

from app.domain.access import Action, Caller, authorize
from app.domain.actions.model import ActionItem, Status
from app.domain.errors import WrongState
from app.domain.follow_through.model import FindingCode
from app.domain.ids import new_id
from app.domain.organisation.model import Provider
from app.domain.ports import Clock, OpenUnitOfWork, Tracker, UnitOfWork
from app.domain.tracking.deliveries import Delivery, DeliveryKind
from app.domain.tracking.errors import NoTracker, TicketGone
from app.domain.tracking.following import follow, lose
from app.domain.tracking.model import (
    RemoteTicket,
    SyncState,
    Ticket,
    TicketStatus,
    TicketUpdate,
)
from app.domain.tracking.reporting import settle
from app.domain.tracking.routing import ticket_update

SHOWN_THERE = {
    Status.IN_PROGRESS: TicketStatus.IN_PROGRESS,
    Status.IMPLEMENTED: TicketStatus.DONE,
    Status.CLOSED: TicketStatus.DONE,
    Status.DECLINED: TicketStatus.CANCELLED,
}


async def resync_ticket(
    uow: OpenUnitOfWork,
    clock: Clock,
    trackers: Mapping[Provider, Tracker],
    *,
    caller: Caller,
    item_id: UUID,
) -> Ticket:
    """Read the ticket and apply what it says; a lost one is queued to be created again.

    Raises WrongState for a ticket whose creation was given up: its delivery is retried instead.
    """
    authorize(caller, Action.WRITE_ACTION_ITEM)
    async with uow() as u:
        item = await u.action_items.get(item_id, caller)
        ticket = await u.tickets.get_of_item(item.id)
        if ticket.sync_state is SyncState.LOST:
            ticket = await _recreate(u, clock, item, ticket)
            await u.commit()
            return ticket
    if ticket.external_id is None:
        raise WrongState("The ticket does not exist yet; if its creation was given up, retry its delivery.")
    remote = await _read(trackers, ticket)
    return await _apply(uow, clock, caller, ticket, remote)


async def _read(trackers: Mapping[Provider, Tracker], ticket: Ticket) -> RemoteTicket | None:
    tracker = trackers.get(ticket.route.provider)
    if tracker is None:
        raise NoTracker(f"No tracker {ticket.route.provider} is configured; set its credentials.")
    try:
        return await tracker.read(ticket)
    except TicketGone:
        return None


async def _apply(
    uow: OpenUnitOfWork, clock: Clock, caller: Caller, known: Ticket, remote: RemoteTicket | None
) -> Ticket:
    now = clock()
    async with uow() as u:
        item = await u.action_items.get(known.action_item_id, caller)
        ticket = await u.tickets.get(known.id)
        if ticket.external_id != known.external_id:
            return ticket
        if remote is None:
            ticket = await lose(u, item, ticket, now)
        elif ticket.source_updated_at is None or remote.updated_at >= ticket.source_updated_at:
            ticket = await follow(u, item, ticket, remote, now=now)
        await u.commit()
    return ticket


async def _recreate(u: UnitOfWork, clock: Clock, item: ActionItem, ticket: Ticket) -> Ticket:
    """A new delivery with a marker of its own, so that the look-up does not find the deleted one."""
    now = clock()
    saved = await u.tickets.save(replace(ticket.again(), updated_at=now))
    create = Delivery(
        id=new_id(), key=f"create:{ticket.id}:{saved.version}", kind=DeliveryKind.CREATE, ticket_id=ticket.id,
        provider=ticket.route.provider, marker=uuid4(), created_at=now,
    )  # fmt: skip
    await u.deliveries.add(create)
    if item.status in SHOWN_THERE:
        update = TicketUpdate(status=SHOWN_THERE[item.status])
        await u.deliveries.add(ticket_update(saved, update, reason=f"recreated-{saved.version}", now=now))
    await settle(u, item, FindingCode.TICKET_LOST, now)
    return saved
