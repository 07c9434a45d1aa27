"""An item takes a ticket that exists already instead of getting a new one."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from app.domain.access import Action, Caller, authorize
from app.domain.actions.model import ActionItem
from app.domain.errors import AlreadyExists, Invalid, Problem, WrongState
from app.domain.events import Event, EventType
from app.domain.follow_through.model import FindingCode
from app.domain.ids import new_id
from app.domain.organisation.model import Provider, Route
from app.domain.policy import Policy
from app.domain.ports import Clock, OpenUnitOfWork, Tracker, UnitOfWork
from app.domain.tracking.errors import NotThisTracker, TicketTaken, TrackerRefused
from app.domain.tracking.following import cancel_deliveries, follow
from app.domain.tracking.model import (
    RemoteTicket,
    SyncState,
    Ticket,
    TicketStatus,
    TicketUpdate,
)
from app.domain.tracking.reporting import settle
from app.domain.tracking.routing import page_of, project_of, route_of, ticket_update

REFERENCE = "/reference"


async def adopt_ticket(
    uow: OpenUnitOfWork,
    clock: Clock,
    policy: Policy,
    trackers: Mapping[Provider, Tracker],
    *,
    caller: Caller,
    item_id: UUID,
    reference: str,
) -> Ticket:
    """Link the ticket named by URL or key; a ticket that was still to be created is not created any more.

    Raises TicketTaken if another item has it, TrackerRefused if its tracker does not know it.
    """
    authorize(caller, Action.WRITE_ACTION_ITEM)
    async with uow() as u:
        await u.action_items.get(item_id, caller)
    provider, remote = await _resolved(trackers, reference.strip())
    now = clock()
    try:
        async with uow() as u:
            item = await u.action_items.get(item_id, caller)
            taken = await u.tickets.find_external(provider, remote.external_id)
            if taken is not None and taken.action_item_id != item.id:
                raise _taken(provider, remote)
            route = await _route(u, item, Route(provider, project_of(provider, remote.key)))
            ticket = await _free_ticket(u, item, route, remote, now)
            saved = await _link(u, item, ticket, remote, policy, caller, now)
            await u.commit()
    except AlreadyExists as error:  # Another item took it between our look and our commit.
        raise _taken(provider, remote) from error
    return saved


async def _resolved(trackers: Mapping[Provider, Tracker], reference: str) -> tuple[Provider, RemoteTicket]:
    refused: TrackerRefused | None = None
    for provider, tracker in trackers.items():
        try:
            return provider, await tracker.resolve(reference)
        except NotThisTracker:
            continue
        except TrackerRefused as error:  # `SHOP-1` may name a ticket of the next one.
            refused = refused or error
    if refused is not None:
        raise refused
    names = ", ".join(sorted(trackers)) or "none"
    said = f"{reference!r} names no ticket of a configured tracker ({names}). Give the URL or key of a ticket there."
    raise NotThisTracker(said, problems=(Problem(NotThisTracker.code, said, REFERENCE),))


def _taken(provider: Provider, remote: RemoteTicket) -> TicketTaken:
    said = f"{remote.key} in {provider} is linked to another action item already. Give another ticket."
    return TicketTaken(said, problems=(Problem(TicketTaken.code, said, REFERENCE),))


async def _route(u: UnitOfWork, item: ActionItem, there: Route) -> Route:
    """The item's own route, if it leads there, with what it says of priorities and dates; else the bare project.

    Work on a restricted incident is not made known in a tracker that others read.
    """
    incident = await u.incidents.find(item.incident_id) if item.incident_id else None
    service = await u.services.find(item.service_id) if item.service_id else None
    team = await u.teams.find(item.team_id) if item.team_id else None
    usual = route_of(service, team, incident)
    if (usual.provider, usual.project) == (there.provider, there.project):
        return usual
    if incident is not None and incident.restricted and there.provider is not Provider.LOCAL:
        raise Invalid("The incident is restricted, and its work may not be linked to a ticket in this project.")
    return there


async def _free_ticket(u: UnitOfWork, item: ActionItem, route: Route, remote: RemoteTicket, now: datetime) -> Ticket:
    """The item's ticket, ready to be linked; what was to be created instead is called off."""
    found = await u.tickets.find_of_item(item.id)
    if found is None:
        ticket = Ticket(id=new_id(), action_item_id=item.id, route=route, created_at=now, updated_at=now)
        await u.tickets.add(ticket)
        return ticket
    ticket = await u.tickets.get(found.id)
    if ticket.sync_state is SyncState.SYNCED and ticket.external_id != remote.external_id:
        raise WrongState(f"The item has the ticket {ticket.key} already.")
    if any(d.lease_until and d.lease_until > now for d in await u.deliveries.unfinished_of(ticket.id)):
        raise WrongState("The item's ticket is being delivered at this moment; try again in a minute.")
    await cancel_deliveries(u, ticket.id, f"Replaced by {remote.key}, which a person chose.", now)
    return replace(ticket, route=route)


async def _link(
    u: UnitOfWork,
    item: ActionItem,
    ticket: Ticket,
    remote: RemoteTicket,
    policy: Policy,
    caller: Caller,
    now: datetime,
) -> Ticket:
    """Its assignee, date and priority are no news; a ticket that is done already makes the item implemented."""
    shown = replace(ticket, assignee=remote.assignee, due_on=remote.due_on, priority=remote.priority)
    fresh = replace(shown, adopted=True, status=TicketStatus.TODO, source_updated_at=None)
    saved = await follow(u, item, fresh, remote, now=now)
    ours, unread = item.effective_priority.name.lower(), ticket.route.reads_its_own_way
    link = TicketUpdate(
        link_back=page_of(item.id, policy),
        due_on=item.due_on if unread or item.due_on != remote.due_on else None,
        priority=ours if unread or ours != remote.priority else None,
    )
    await u.deliveries.add(ticket_update(saved, link, reason=f"adopted-{remote.external_id}", now=now))
    await settle(u, item, FindingCode.TICKET_FAILED, now)
    data = {"action_item_id": str(item.id), "key": remote.key, "provider": ticket.route.provider.value}
    await u.events.add(Event(EventType.TICKET_SYNCED, ticket.id, now, caller.actor, item.incident_id, data))
    return saved
