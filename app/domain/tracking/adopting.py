"""What the tracker changed besides the status: assignee, due date and plan are adopted, a priority is not."""

from dataclasses import replace
from datetime import datetime

from app.domain.access import SYSTEM
from app.domain.actions.model import ActionItem, Status
from app.domain.actions.recording import keep
from app.domain.events import EventType
from app.domain.follow_through.model import FindingCode
from app.domain.organisation.model import Provider
from app.domain.ports import UnitOfWork
from app.domain.tracking.contents import person_of
from app.domain.tracking.model import RemoteTicket, Ticket, TicketStatus, TicketUpdate
from app.domain.tracking.reporting import report, settle
from app.domain.tracking.routing import ticket_update

UNCOMMITTED = (Status.CANDIDATE, Status.DECLINED)
UNDER_WAY = (Status.OPEN, Status.IN_PROGRESS)
UNFINISHED_THERE = (TicketStatus.TODO, TicketStatus.IN_PROGRESS)


def actor_of(provider: Provider) -> str:
    """How events and history name a tracker."""
    return f"tracker:{provider}"


async def step(
    u: UnitOfWork, old: ActionItem, new: ActionItem, event: EventType, ticket: Ticket, now: datetime
) -> ActionItem:
    """Save what the tracker made of the item, with its history lines."""
    actor = actor_of(ticket.route.provider)
    return await keep(u, old, new, event, caller=SYSTEM, now=now, source="tracker", actor=actor)


async def adopt_assignee(
    u: UnitOfWork, item: ActionItem, ticket: Ticket, remote: RemoteTicket, asked: TicketUpdate, now: datetime
) -> ActionItem:
    """The new assignee owns the item, if we know them; either way somebody is told."""
    known = [ticket.assignee] if asked.assignee is None else [ticket.assignee, asked.assignee]
    if any(_same(remote.assignee, name) for name in known):
        return item
    person = await person_of(u, ticket.route.provider, remote.assignee) if remote.assignee else None
    if person is not None and person.id == item.owner_id:
        return item
    if remote.assignee is None:
        message = f"The ticket {remote.key} has no assignee any more; the owner here stays."
    elif person is None:
        message = f"The ticket {remote.key} was assigned to {remote.assignee}, whom nobody here is known as."
    else:
        message = f"The ticket {remote.key} was assigned to {person.name}, who owns the item from now on."
        new = replace(item, owner_id=person.id)
        item = await step(u, item, new, EventType.ACTION_ITEM_UPDATED, ticket, now)
    await report(u, item, FindingCode.REASSIGNED_IN_TRACKER, message, now)
    return item


async def adopt_due_date(
    u: UnitOfWork, item: ActionItem, ticket: Ticket, remote: RemoteTicket, asked: TicketUpdate, now: datetime
) -> ActionItem:
    """The new date is the item's; a later one is a slip that somebody is told of. A tracker without dates has None."""
    known = {ticket.due_on, item.due_on, asked.due_on or ticket.due_on}
    if remote.due_on in known or item.status in UNCOMMITTED:
        return item
    if remote.due_on is None:
        message = f"The ticket {remote.key} has no due date any more; {item.due_on} stays the one here."
        await report(u, item, FindingCode.DUE_DATE_PUSHED_IN_TRACKER, message, now)
        return item
    moved = item.move_due_date(remote.due_on)
    saved = await step(u, item, moved, EventType.ACTION_ITEM_UPDATED, ticket, now)
    if moved.slips > item.slips:
        message = f"The ticket {remote.key} is due on {remote.due_on} instead of {item.due_on}."
        await report(u, saved, FindingCode.DUE_DATE_PUSHED_IN_TRACKER, message, now)
    return saved


async def defend_priority(
    u: UnitOfWork, item: ActionItem, ticket: Ticket, remote: RemoteTicket, asked: TicketUpdate, now: datetime
) -> Ticket:
    """The priority is ours: pushed again once, then reported, until the item has another one."""
    ours = item.effective_priority.name.lower()
    if asked.priority is not None and asked.priority != ticket.defended_priority:
        ticket = replace(ticket, defended_priority=None)
    if remote.priority == ours:
        await settle(u, item, FindingCode.REPRIORITISED_IN_TRACKER, now)
    if remote.priority in (None, ticket.priority, asked.priority, ours) or item.status in UNCOMMITTED:
        return ticket
    if ticket.defended_priority == ours:
        message = f"The ticket {remote.key} was given the priority {remote.priority} again; here it is {ours}."
        await report(u, item, FindingCode.REPRIORITISED_IN_TRACKER, message, now)
        return ticket
    push = ticket_update(ticket, TicketUpdate(priority=ours), reason=f"priority-{ticket.version}", now=now)
    await u.deliveries.add(push)
    return replace(ticket, defended_priority=ours)


async def adopt_plan(
    u: UnitOfWork, item: ActionItem, ticket: Ticket, remote: RemoteTicket, now: datetime
) -> ActionItem:
    """The sprint, cycle or milestone is the item's; one that it left or that ended without it went by.

    A plan that is over plans nothing any more, unless it is where the work was done.
    """
    went_by = ticket.went_by(remote.planned, now)
    if remote.planned == ticket.planned and not went_by:
        return item
    waits = item.status in UNDER_WAY and remote.status in UNFINISHED_THERE
    ended = remote.planned is not None and remote.planned.is_over(now)
    name = remote.planned.name if remote.planned and not (ended and waits) else None
    passed_over = item.times_passed_over + went_by * waits
    new = replace(item, planned_in=name, times_passed_over=passed_over)
    return item if new == item else await step(u, item, new, EventType.ACTION_ITEM_UPDATED, ticket, now)


def _same(one: str | None, other: str | None) -> bool:
    return (one or "").casefold() == (other or "").casefold()
