"""A delivery has arrived: its ticket is linked, what differs is followed, what was left out is reported."""

from dataclasses import replace
from datetime import datetime

from app.domain.actions.model import ActionItem
from app.domain.events import Event, EventType
from app.domain.follow_through.model import FindingCode
from app.domain.organisation.model import Provider
from app.domain.ports import UnitOfWork
from app.domain.tracking.adopting import actor_of
from app.domain.tracking.contents import Assignee
from app.domain.tracking.deliveries import Delivery, DeliveryKind
from app.domain.tracking.following import follow
from app.domain.tracking.model import RemoteTicket, Ticket, TicketUpdate
from app.domain.tracking.reporting import report, settle


async def arrive(
    u: UnitOfWork,
    item: ActionItem,
    ticket: Ticket,
    delivery: Delivery,
    remote: RemoteTicket,
    *,
    assignee: Assignee,
    asked: TicketUpdate,
    now: datetime,
) -> Delivery:
    """The delivery as sent; `asked` is what the tracker was asked to show, which is no news."""
    if delivery.kind is DeliveryKind.CREATE:
        ticket = await _knowing_what_waits(u, ticket, remote)
        data = {"action_item_id": str(item.id), "key": remote.key, "provider": ticket.route.provider.value}
        actor = actor_of(ticket.route.provider)
        await u.events.add(Event(EventType.TICKET_SYNCED, ticket.id, now, actor, item.incident_id, data))
    sent = delivery.sent(now)
    await u.deliveries.save(sent)
    await follow(u, item, ticket, remote, asked=asked, now=now)
    await settle(u, item, FindingCode.TICKET_FAILED, now)
    await report_gaps(u, item, delivery.provider, assignee, remote, now)
    return sent


async def _knowing_what_waits(u: UnitOfWork, ticket: Ticket, remote: RemoteTicket) -> Ticket:
    """What was changed here since the ticket was created is on its way there: the old value is no news."""
    waiting = {name for delivery in await u.deliveries.unfinished_of(ticket.id) for name in delivery.update}
    if "assignee" in waiting:
        ticket = replace(ticket, assignee=remote.assignee)
    if "due_on" in waiting:
        ticket = replace(ticket, due_on=remote.due_on)
    return replace(ticket, priority=remote.priority) if "priority" in waiting else ticket


async def report_gaps(
    u: UnitOfWork, item: ActionItem, provider: Provider, assignee: Assignee, remote: RemoteTicket, now: datetime
) -> None:
    """Findings for what the tracker left out, and for an owner who has no name there."""
    if remote.dropped:
        message = f"The tracker left out of {remote.key}: {', '.join(remote.dropped)}."
        await report(u, item, FindingCode.TICKET_INCOMPLETE, message, now)
    if assignee.unknown is not None:
        message = f"{assignee.unknown.name} has no name in {provider}, so {remote.key} has no assignee."
        await report(u, item, FindingCode.OWNER_WITHOUT_HANDLE, message, now)
    elif assignee.handle is not None:
        await settle(u, item, FindingCode.OWNER_WITHOUT_HANDLE, now)
