"""The tickets of an incident that becomes restricted: what is not made yet stays with us, a finding tells the rest."""

from dataclasses import replace
from datetime import datetime

from app.domain.actions.model import ActionItem
from app.domain.follow_through.model import FindingCode
from app.domain.incidents.model import Incident
from app.domain.ports import UnitOfWork
from app.domain.tracking.deliveries import DeliveryState
from app.domain.tracking.model import SyncState, Ticket
from app.domain.tracking.reporting import report, settle
from app.domain.tracking.routing import LOCAL, may_hold_restricted


async def hide_tickets(u: UnitOfWork, incident: Incident, now: datetime) -> None:
    """Keep what is not in an ordinary tracker yet out of it; report what is there: only a person can hide that."""
    items = {item.id: item for item in await _items_of(u, incident)}
    for ticket in await u.tickets.of_items(list(items)):
        if may_hold_restricted(ticket.route):
            continue
        if not await _kept_out(u, ticket, now):
            where = ticket.key or ticket.route.project
            message = (
                f"The incident is restricted now, but {where} may be read by everybody in {ticket.route.provider}."
            )
            await report(u, items[ticket.action_item_id], FindingCode.TICKET_EXPOSED, message, now)


async def show_tickets(u: UnitOfWork, incident: Incident, now: datetime) -> None:
    """Nothing is exposed any more."""
    for item in await _items_of(u, incident):
        await settle(u, item, FindingCode.TICKET_EXPOSED, now)


async def _items_of(u: UnitOfWork, incident: Incident) -> tuple[ActionItem, ...]:
    postmortem = await u.postmortems.find_by_incident(incident.id)
    return await u.action_items.of_postmortem(postmortem.id) if postmortem else ()


async def _kept_out(u: UnitOfWork, ticket: Ticket, now: datetime) -> bool:
    """Move a ticket that was surely not created to our own tracker; an attempt of unknown outcome is not sure."""
    waiting = await u.deliveries.unfinished_of(ticket.id)
    certain = waiting and all(delivery.state is DeliveryState.PENDING for delivery in waiting)
    if ticket.sync_state is not SyncState.PENDING or not certain:
        return False
    await u.tickets.save(replace(ticket, route=LOCAL, updated_at=now))
    for delivery in waiting:
        await u.deliveries.save(replace(delivery, provider=LOCAL.provider))
    return True
