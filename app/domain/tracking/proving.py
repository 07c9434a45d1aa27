"""A webhook about a ticket with our marker: the answer to its creation may be lost, but it exists."""

from dataclasses import replace

from app.domain.organisation.model import Provider
from app.domain.policy import Policy
from app.domain.ports import Clock, OpenUnitOfWork, UnitOfWork
from app.domain.tracking.arriving import arrive
from app.domain.tracking.contents import assignee_of
from app.domain.tracking.deliveries import Delivery, DeliveryState
from app.domain.tracking.following import lock
from app.domain.tracking.model import RemoteTicket, Ticket, TicketEvent, TicketEventKind, TicketUpdate
from app.domain.tracking.routing import page_of, project_of, ticket_update

ATTEMPTED = (DeliveryState.SENDING, DeliveryState.DEAD)


async def prove(uow: OpenUnitOfWork, clock: Clock, policy: Policy, *, event: TicketEvent) -> bool:
    """Settle the creation that this proves, at once: no waiting, no look-up. Says whether there was one.

    A ticket that somebody copied carries its marker too, so only an attempted creation in its project counts.
    """
    remote = event.remote
    if remote is None or remote.marker is None or event.kind is not TicketEventKind.CHANGED:
        return False
    async with uow() as u:
        found = await _awaited(u, event.provider, remote)
        if found is None or not await _link(u, *found, remote, clock, policy):
            return False
        await u.commit()
    return True


async def _awaited(u: UnitOfWork, provider: Provider, remote: RemoteTicket) -> tuple[Ticket, Delivery] | None:
    assert remote.marker is not None
    for delivery in await u.deliveries.creations([remote.marker]):
        ticket = await u.tickets.find(delivery.ticket_id)
        if delivery.provider is provider and ticket is not None and _is_in_its_place(ticket, remote):
            return ticket, delivery
    return None


def _is_in_its_place(ticket: Ticket, remote: RemoteTicket) -> bool:
    """In Linear the marker is the issue's own id, which nobody copies; a team may be named in two ways."""
    if ticket.external_id is not None:
        return False
    provider, project = ticket.route.provider, ticket.route.project
    return provider is Provider.LINEAR or project_of(provider, remote.key).casefold() == project.casefold()


async def _link(
    u: UnitOfWork, known: Ticket, creation: Delivery, remote: RemoteTicket, clock: Clock, policy: Policy
) -> bool:
    """The link back may be what the lost attempt did not come to; writing it again changes nothing."""
    now = clock()
    item, ticket = await lock(u, known)
    delivery = await u.deliveries.get(creation.id)
    if delivery.state not in ATTEMPTED or ticket.external_id is not None:
        return False
    assignee = await assignee_of(u, delivery.provider, item.owner_id)
    priority = item.effective_priority.name.lower()
    if ticket.route.reads_its_own_way:
        remote = replace(remote, due_on=item.due_on, priority=priority)
    asked = TicketUpdate(assignee=assignee.handle, due_on=item.due_on, priority=priority)
    await arrive(u, item, ticket, delivery, remote, assignee=assignee, asked=asked, now=now)
    link = ticket_update(ticket, TicketUpdate(link_back=page_of(item.id, policy)), reason="proved", now=now)
    return await u.deliveries.add(link)
