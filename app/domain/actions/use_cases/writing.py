"""What an action item says, written by hand: made as a candidate, edited, and how we will know that it works."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime
from typing import Any, TypedDict
from uuid import UUID

from app.domain.access import Action, Caller, Role, authorize
from app.domain.actions.evidence import VerificationPlan, checked_plan, require_plan_fits
from app.domain.actions.metric import require_runnable
from app.domain.actions.model import (
    ActionItem,
    ControlType,
    OwnerAndDueDateRequired,
    PlanFrozen,
    Priority,
)
from app.domain.actions.recording import (
    keep,
    require_past,
    tell_ticket,
    with_effective_priority,
)
from app.domain.errors import require_version
from app.domain.events import Event, EventType
from app.domain.ids import new_id
from app.domain.monitoring import Backend
from app.domain.policy import Policy
from app.domain.ports import Clock, Monitoring, OpenUnitOfWork, UnitOfWork
from app.domain.references import the_person, the_root_cause, the_service, the_team
from app.domain.tracking.model import TicketUpdate


class ItemFields(TypedDict, total=False):
    """What can be edited by hand; an absent field stays as it is. Records are named by id, slug or e-mail."""

    title: str
    description: str
    control_type: ControlType
    systemic: bool
    owner: str | None
    team: str | None
    service: str
    root_cause: str | None
    due_on: date
    base_priority: Priority
    planned_in: str | None


async def create_action_item(
    uow: OpenUnitOfWork,
    clock: Clock,
    policy: Policy,
    monitoring: Mapping[Backend, Monitoring],
    *,
    caller: Caller,
    postmortem_id: UUID,
    title: str,
    control_type: ControlType,
    description: str = "",
    systemic: bool = False,
    owner: str | None = None,
    team: str | None = None,
    service: str | None = None,
    due_on: date | None = None,
    base_priority: Priority = Priority.MEDIUM,
    plan: VerificationPlan | None = None,
) -> ActionItem:
    """A candidate of this postmortem; service, team and cause come from its incident unless they are given."""
    authorize(caller, Action.WRITE_ACTION_ITEM)
    if plan is not None:
        require_plan_fits(plan, of_pattern=False)
    now = clock()
    await _require_runnable(monitoring, plan, now)
    async with uow() as u:
        postmortem = await u.postmortems.get(postmortem_id, caller)
        incident = await u.incidents.get(postmortem.incident_id, caller)
        place = await the_service(u, service or str(incident.primary_service_id))
        item = ActionItem(
            id=new_id(), title=title, control_type=control_type, created_at=now, updated_at=now,
            postmortem_id=postmortem.id, incident_id=incident.id, description=description, systemic=systemic,
            owner_id=(await the_person(u, owner)).id if owner else None,
            team_id=(await the_team(u, team)).id if team else place.team_id, service_id=place.id,
            root_cause_id=incident.root_cause_id, due_on=due_on, base_priority=base_priority, plan=plan,
        )  # fmt: skip
        item = await with_effective_priority(u, item, policy.budgets)
        await u.action_items.add(item)
        await u.events.add(Event(EventType.ACTION_ITEM_CREATED, item.id, now, caller.actor, incident.id))
        await u.commit()
    return item


async def update_action_item(
    uow: OpenUnitOfWork,
    clock: Clock,
    policy: Policy,
    *,
    caller: Caller,
    item_id: UUID,
    fields: ItemFields,
    deployed_at: datetime | None = None,
    expected_version: int | None = None,
) -> ActionItem:
    """Edit by hand; what the tracker also shows is written through to the ticket.

    `deployed_at` is free to say the first time; once implemented it is a reviewer's to change.
    """
    authorize(caller, Action.WRITE_ACTION_ITEM)
    now = clock()
    require_past(deployed_at, now)
    async with uow() as u:
        old = await u.action_items.get(item_id, caller)
        require_version(old.version, expected_version)
        item = await _edited(u, old, fields, policy)
        if deployed_at is not None:
            if old.deployed_at is not None:
                require_may_move_goal(old, caller)
            item = item.deployed(deployed_at)
        saved = await keep(u, old, item, EventType.ACTION_ITEM_UPDATED, caller=caller, now=now)
        update = _write_through(old, item)
        if update != TicketUpdate():
            await tell_ticket(u, item, update, reason=f"edit-{saved.version}", now=now)
        await u.commit()
    return saved


_PLAIN = frozenset({"title", "description", "control_type", "systemic", "base_priority", "planned_in"})


async def _edited(u: UnitOfWork, old: ActionItem, fields: ItemFields, policy: Policy) -> ActionItem:
    plain: dict[str, Any] = {name: value for name, value in fields.items() if name in _PLAIN}
    item = replace(old, **(plain | await _referred(u, fields)))
    if item.is_committed and item.owner_id is None:
        raise OwnerAndDueDateRequired("An item past candidate keeps an owner; name another one.")
    if "base_priority" in fields or "service" in fields:
        item = await with_effective_priority(u, item, policy.budgets)
    due_on = fields.get("due_on")
    return item.move_due_date(due_on) if due_on is not None else item


async def _referred(u: UnitOfWork, fields: ItemFields) -> dict[str, Any]:
    ids: dict[str, UUID | None] = {}
    if "owner" in fields:
        ids["owner_id"] = (await the_person(u, fields["owner"])).id if fields["owner"] else None
    if "team" in fields:
        ids["team_id"] = (await the_team(u, fields["team"])).id if fields["team"] else None
    if "service" in fields:
        ids["service_id"] = (await the_service(u, fields["service"])).id
    if "root_cause" in fields:
        ids["root_cause_id"] = (await the_root_cause(u, fields["root_cause"])).id if fields["root_cause"] else None
    return ids


def _write_through(old: ActionItem, new: ActionItem) -> TicketUpdate:
    return TicketUpdate(
        title=new.title if new.title != old.title else None,
        assignee=str(new.owner_id) if new.owner_id and new.owner_id != old.owner_id else None,
        due_on=new.due_on if new.due_on != old.due_on else None,
        priority=new.effective_priority.name.lower() if new.effective_priority != old.effective_priority else None,
    )


async def set_verification_plan(
    uow: OpenUnitOfWork,
    clock: Clock,
    policy: Policy,
    monitoring: Mapping[Backend, Monitoring],
    *,
    caller: Caller,
    item_id: UUID,
    plan: VerificationPlan,
) -> ActionItem:
    """Say how we will know. Once implemented only a reviewer who is not the owner may move the goal.

    Raises InvalidQuery with the backend's own words where a metric can show nothing.
    """
    authorize(caller, Action.WRITE_ACTION_ITEM)
    now = clock()
    await _require_runnable(monitoring, plan, now)
    async with uow() as u:
        old = await u.action_items.get(item_id, caller)
        require_may_move_goal(old, caller)
        require_plan_fits(plan, of_pattern=old.pattern_id is not None)
        item = old.with_plan(checked_plan(plan, policy.evidence))
        saved = await keep(u, old, item, EventType.ACTION_ITEM_UPDATED, caller=caller, now=now)
        await u.commit()
    return saved


async def _require_runnable(
    monitoring: Mapping[Backend, Monitoring], plan: VerificationPlan | None, now: datetime
) -> None:
    """Asked before the transaction opens, because it is a call. Without any monitoring a plan can only be believed."""
    if monitoring and plan is not None and plan.metric is not None:
        await require_runnable(monitoring, plan.metric, plan.window_days, now)


def require_may_move_goal(item: ActionItem, caller: Caller) -> None:
    """Raise PlanFrozen unless the plan is still free, or a reviewer who is not the owner asks."""
    if not item.is_plan_frozen:
        return
    if not caller.role.includes(Role.REVIEWER) or caller.person_id in (None, item.owner_id):
        raise PlanFrozen
    authorize(caller, Action.REVIEW_PLAN)
