"""Following a ticket: what changed in the tracker becomes the item's state; nothing there closes an item.

All of it runs in the caller's transaction, which locks the item, then its ticket, then its deliveries.
"""

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from app.domain.access import SYSTEM
from app.domain.actions.model import ActionItem, Status
from app.domain.actions.recording import evidence_request
from app.domain.events import Event, EventType
from app.domain.follow_through.model import FindingCode
from app.domain.ports import UnitOfWork
from app.domain.tracking.adopting import (
    UNCOMMITTED,
    actor_of,
    adopt_assignee,
    adopt_due_date,
    adopt_plan,
    defend_priority,
    step,
)
from app.domain.tracking.model import (
    RemoteTicket,
    SyncState,
    Ticket,
    TicketStatus,
    TicketUpdate,
)
from app.domain.tracking.reporting import report, settle
from app.domain.tracking.routing import ticket_update

NOT_DONE = (TicketStatus.CANCELLED, TicketStatus.DUPLICATE)
SHOWN = ("key", "url", "status", "assignee", "due_on", "priority", "planned")
SHOWN_AS_DONE = (Status.IMPLEMENTED, Status.CLOSED)


async def lock(u: UnitOfWork, ticket: Ticket) -> tuple[ActionItem, Ticket]:
    """The item and its ticket as they are now, locked in the one order that every writer keeps."""
    item = await u.action_items.get(ticket.action_item_id, SYSTEM)
    return item, await u.tickets.get(ticket.id)


async def follow(
    u: UnitOfWork,
    item: ActionItem,
    ticket: Ticket,
    remote: RemoteTicket,
    *,
    asked: TicketUpdate | None = None,
    now: datetime,
) -> Ticket:
    """Adopt what changed in the tracker; what we `asked` it for ourselves is no news."""
    asked, remote = asked or TicketUpdate(), _in_our_words(item, ticket, remote)
    defended = await defend_priority(u, item, ticket, remote, asked, now)
    linked = replace(defended.linked(remote, now), dropped=remote.dropped or ticket.dropped, updated_at=now)
    saved = await u.tickets.save(linked)
    changed = [name for name in SHOWN if getattr(ticket, name) != getattr(linked, name)]
    if changed:
        await _announce(u, EventType.TICKET_CHANGED, item, ticket, now, {"changed": changed, "status": linked.status})
    if ticket.sync_state is SyncState.LOST:
        await settle(u, item, FindingCode.TICKET_LOST, now)
    item = await adopt_assignee(u, item, ticket, remote, asked, now)
    item = await adopt_due_date(u, item, ticket, remote, asked, now)
    item = await adopt_plan(u, item, ticket, remote, now)
    if remote.status not in (ticket.status, asked.status):
        await _adopt_status(u, item, ticket, remote, now)
    return saved


def _in_our_words(item: ActionItem, ticket: Ticket, remote: RemoteTicket) -> RemoteTicket:
    """Where one name there stands for several priorities of ours, it stands for the item's."""
    ours = item.effective_priority.name.lower()
    if remote.priority is None or not ticket.route.are_one(remote.priority, ours):
        return remote
    return replace(remote, priority=ours)


async def lose(u: UnitOfWork, item: ActionItem, ticket: Ticket, now: datetime) -> Ticket:
    """The ticket was deleted; nothing is created again before a person asks for it."""
    if ticket.sync_state is SyncState.LOST:
        return ticket
    await cancel_deliveries(u, ticket.id, "The ticket was deleted in its tracker.", now)
    saved = await u.tickets.save(replace(ticket.lost(), updated_at=now))
    await _announce(u, EventType.TICKET_LOST, item, ticket, now, {"key": ticket.key})
    await report(
        u,
        item,
        FindingCode.TICKET_LOST,
        f"The ticket {ticket.key} was deleted in {ticket.route.provider}.",
        now,
    )
    return saved


async def cancel_deliveries(u: UnitOfWork, ticket_id: UUID, why: str, now: datetime) -> None:
    for delivery in await u.deliveries.unfinished_of(ticket_id):
        await u.deliveries.save(delivery.dead(why, now))


async def _announce(
    u: UnitOfWork, type: EventType, item: ActionItem, ticket: Ticket, now: datetime, data: dict[str, object]
) -> None:
    actor = actor_of(ticket.route.provider)
    await u.events.add(Event(type, ticket.id, now, actor, item.incident_id, {"action_item_id": str(item.id), **data}))


async def _adopt_status(u: UnitOfWork, item: ActionItem, ticket: Ticket, remote: RemoteTicket, now: datetime) -> None:
    if item.status in UNCOMMITTED:
        return
    if remote.status in NOT_DONE:
        await _ask_for_reason(u, item, remote, now)
        return
    await settle(u, item, FindingCode.DECLINED_WITHOUT_REASON, now)
    if remote.status is TicketStatus.DONE:
        await _implement(u, item, ticket, min(remote.updated_at, now), now)
    elif item.status in SHOWN_AS_DONE:
        await step(u, item, item.reopen(now), EventType.ACTION_ITEM_REOPENED, ticket, now)
    elif remote.status is TicketStatus.IN_PROGRESS and item.status is Status.OPEN:
        await step(u, item, item.start(), EventType.ACTION_ITEM_STARTED, ticket, now)
    elif ticket.status is TicketStatus.IN_PROGRESS and item.status is Status.IN_PROGRESS:
        await step(u, item, item.stop(), EventType.ACTION_ITEM_STOPPED, ticket, now)


async def _ask_for_reason(u: UnitOfWork, item: ActionItem, remote: RemoteTicket, now: datetime) -> None:
    how = "as a duplicate" if remote.status is TicketStatus.DUPLICATE else "as not planned"
    message = f"The ticket {remote.key} was closed {how}, but nobody has declined the item here."
    await report(u, item, FindingCode.DECLINED_WITHOUT_REASON, message, now)


async def _implement(u: UnitOfWork, item: ActionItem, ticket: Ticket, at: datetime, now: datetime) -> None:
    """Done there is implemented here; one comment says which evidence is awaited."""
    if item.status in SHOWN_AS_DONE:
        return
    saved = await step(u, item, item.implement(now=at), EventType.ACTION_ITEM_IMPLEMENTED, ticket, now)
    update = TicketUpdate(comment=evidence_request(saved))
    await u.deliveries.add(ticket_update(ticket, update, reason=f"implement-{saved.version}", now=now))
