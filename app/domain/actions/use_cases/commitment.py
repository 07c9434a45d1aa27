"""An action item from candidate to implemented, or declined: the steps of `domain/actions/model.py`."""

from datetime import date, datetime
from uuid import UUID

from app.domain.access import Action, Caller, authorize, require_person
from app.domain.actions.evidence import default_plan
from app.domain.actions.model import (
    ActionItem,
    Decline,
    DeclineCode,
)
from app.domain.actions.recording import (
    evidence_request,
    keep,
    require_past,
    tell_ticket,
)
from app.domain.errors import Invalid
from app.domain.events import EventType
from app.domain.policy import Policy
from app.domain.ports import Clock, OpenUnitOfWork, UnitOfWork
from app.domain.references import the_person
from app.domain.tracking.model import TicketStatus, TicketUpdate
from app.domain.tracking.routing import new_ticket, route_of


async def accept_action_item(
    uow: OpenUnitOfWork,
    clock: Clock,
    policy: Policy,
    *,
    caller: Caller,
    item_id: UUID,
    owner: str | None = None,
    due_on: date | None = None,
) -> ActionItem:
    """candidate → open, with its ticket queued in the same transaction."""
    authorize(caller, Action.WRITE_ACTION_ITEM)
    now = clock()
    async with uow() as u:
        old = await u.action_items.get(item_id, caller)
        plan = default_plan(
            refutable=old.control_type.is_refutable, has_cause=old.root_cause_id is not None, policy=policy.evidence
        )
        owner_id = (await the_person(u, owner)).id if owner else None
        item = old.accept(owner_id=owner_id, due_on=due_on, plan=plan, now=now)
        saved = await keep(u, old, item, EventType.ACTION_ITEM_OPENED, caller=caller, now=now)
        await open_ticket(u, item, now)
        await u.commit()
    return saved


async def open_ticket(u: UnitOfWork, item: ActionItem, now: datetime) -> None:
    """Queue the item's ticket on the route of its service or team."""
    if await u.tickets.find_of_item(item.id) is not None:
        return
    # A pattern's item lists services for its priority; its ticket goes where the owning team's go.
    own_service_id = None if item.pattern_id else item.service_id
    service = await u.services.find(own_service_id) if own_service_id else None
    team = await u.teams.find(item.team_id) if item.team_id else None
    incident = await u.incidents.find(item.incident_id) if item.incident_id else None
    ticket, delivery = new_ticket(item, route_of(service, team, incident), now)
    await u.tickets.add(ticket)
    await u.deliveries.add(delivery)


async def start_action_item(uow: OpenUnitOfWork, clock: Clock, *, caller: Caller, item_id: UUID) -> ActionItem:
    """open → in_progress."""
    authorize(caller, Action.WRITE_ACTION_ITEM)
    now = clock()
    async with uow() as u:
        old = await u.action_items.get(item_id, caller)
        saved = await keep(u, old, old.start(), EventType.ACTION_ITEM_STARTED, caller=caller, now=now)
        update = TicketUpdate(status=TicketStatus.IN_PROGRESS)
        await tell_ticket(u, saved, update, reason=f"start-{saved.version}", now=now)
        await u.commit()
    return saved


async def stop_action_item(uow: OpenUnitOfWork, clock: Clock, *, caller: Caller, item_id: UUID) -> ActionItem:
    """in_progress → open."""
    authorize(caller, Action.WRITE_ACTION_ITEM)
    now = clock()
    async with uow() as u:
        old = await u.action_items.get(item_id, caller)
        saved = await keep(u, old, old.stop(), EventType.ACTION_ITEM_STOPPED, caller=caller, now=now)
        await tell_ticket(u, saved, TicketUpdate(status=TicketStatus.TODO), reason=f"stop-{saved.version}", now=now)
        await u.commit()
    return saved


async def implement_action_item(
    uow: OpenUnitOfWork, clock: Clock, *, caller: Caller, item_id: UUID, deployed_at: datetime | None = None
) -> ActionItem:
    """open or in_progress → implemented. The window of evidence starts when it is in production."""
    authorize(caller, Action.WRITE_ACTION_ITEM)
    now = clock()
    require_past(deployed_at, now)
    async with uow() as u:
        old = await u.action_items.get(item_id, caller)
        item = old.implement(now=now, deployed_at=deployed_at)
        saved = await keep(u, old, item, EventType.ACTION_ITEM_IMPLEMENTED, caller=caller, now=now)
        update = TicketUpdate(status=TicketStatus.DONE, comment=evidence_request(item))
        await tell_ticket(u, saved, update, reason=f"implement-{saved.version}", now=now)
        await u.commit()
    return saved


async def decline_action_item(
    uow: OpenUnitOfWork,
    clock: Clock,
    *,
    caller: Caller,
    item_id: UUID,
    code: DeclineCode,
    reason: str,
    next_review_at: datetime,
) -> ActionItem:
    """A person decides that nothing will be done, and when that is looked at again."""
    authorize(caller, Action.DECLINE)
    person_id, now = require_person(caller), clock()
    if next_review_at <= now:
        raise Invalid("next_review_at lies in the past.")
    async with uow() as u:
        old = await u.action_items.get(item_id, caller)
        item = old.decline_with(Decline(code, reason, person_id, now, next_review_at))
        saved = await keep(u, old, item, EventType.ACTION_ITEM_DECLINED, caller=caller, now=now)
        update = TicketUpdate(status=TicketStatus.CANCELLED, comment=f"Declined ({code}): {reason}")
        await tell_ticket(u, saved, update, reason=f"decline-{saved.version}", now=now)
        await u.commit()
    return saved


async def reopen_action_item(
    uow: OpenUnitOfWork, clock: Clock, *, caller: Caller, item_id: UUID, reason: str
) -> ActionItem:
    """implemented, closed or declined → open, by hand: not counted as an ineffective fix."""
    authorize(caller, Action.WRITE_ACTION_ITEM)
    now = clock()
    async with uow() as u:
        old = await u.action_items.get(item_id, caller)
        saved = await keep(u, old, old.reopen(now), EventType.ACTION_ITEM_REOPENED, caller=caller, now=now)
        if saved.owner_id and saved.due_on:
            await open_ticket(u, saved, now)
        update = TicketUpdate(status=TicketStatus.TODO, comment=f"Reopened: {reason}")
        await tell_ticket(u, saved, update, reason=f"reopen-{saved.version}", now=now)
        await u.commit()
    return saved
