"""Action items of a review: a pattern instead of a root cause, an accountable person, a team whose route they take."""

from collections.abc import Mapping
from datetime import date
from uuid import UUID

from app.domain.access import Action, Caller, authorize
from app.domain.actions.evidence import CheckKind, VerificationPlan, checked_plan, require_plan_fits
from app.domain.actions.metric import require_runnable
from app.domain.actions.model import ActionItem, ControlType, Priority
from app.domain.actions.recording import with_effective_priority
from app.domain.errors import Invalid
from app.domain.events import Event, EventType
from app.domain.ids import new_id
from app.domain.monitoring import Backend
from app.domain.organisation.model import Person
from app.domain.policy import Policy
from app.domain.ports import Clock, Monitoring, OpenUnitOfWork, UnitOfWork
from app.domain.references import the_person, the_service, the_team


class OwningTeamRequired(Invalid):
    """An action item of a meta-review names the team that owns it; its accountable person is in none."""

    code = "owning_team_required"


async def create_pattern_item(
    uow: OpenUnitOfWork,
    clock: Clock,
    policy: Policy,
    monitoring: Mapping[Backend, Monitoring],
    *,
    caller: Caller,
    review_id: UUID,
    key: str,
    title: str,
    owner: str,
    team: str | None = None,
    service: str | None = None,
    due_on: date | None = None,
    control_type: ControlType = ControlType.PREVENT,
    description: str = "",
    base_priority: Priority = Priority.MEDIUM,
    plan: VerificationPlan | None = None,
) -> ActionItem:
    """A candidate of this pattern; its ticket, once accepted, goes where its team's tickets go.

    Verified by a metric, an attestation or the pattern's rate in two following quarters; no incident reopens it.
    """
    authorize(caller, Action.WRITE_ACTION_ITEM)
    now = clock()
    chosen = plan or VerificationPlan((CheckKind.PATTERN_RATE, CheckKind.ATTESTED), policy.evidence.max_window_days)
    require_plan_fits(checked_plan(chosen, policy.evidence), of_pattern=True)
    if chosen.metric is not None:
        await require_runnable(monitoring, chosen.metric, chosen.window_days, now)
    async with uow() as u:
        review = await u.meta_reviews.get(review_id)
        pattern = await u.meta_reviews.pattern_named(review.id, key)
        person = await the_person(u, owner)
        item = ActionItem(
            id=new_id(), title=title, control_type=control_type, created_at=now, updated_at=now,
            pattern_id=pattern.id, description=description, systemic=True, owner_id=person.id,
            team_id=await _team(u, team, person),
            service_id=(await the_service(u, service)).id if service else None,
            due_on=due_on, base_priority=base_priority, plan=chosen,
        )  # fmt: skip
        item = await with_effective_priority(u, item, policy.budgets)
        await u.action_items.add(item)
        data = {"meta_review_id": str(review.id), "pattern": key}
        await u.events.add(Event(EventType.ACTION_ITEM_CREATED, item.id, now, caller.actor, data=data))
        await u.commit()
    return item


async def _team(u: UnitOfWork, team: str | None, owner: Person) -> UUID:
    id = (await the_team(u, team)).id if team else owner.team_id
    if id is None:
        raise OwningTeamRequired
    return id
