"""When a fix reached production, as deployments tell it: only those that name the item or its ticket, never a guess."""

from datetime import datetime
from uuid import UUID

from app.domain.access import SYSTEM
from app.domain.actions.model import ActionItem, Status
from app.domain.actions.recording import keep
from app.domain.deployments.model import Deployment, DeploymentState, normalized
from app.domain.events import Event, EventType
from app.domain.follow_through.model import Finding, FindingCode
from app.domain.ids import new_id
from app.domain.policy import DeploymentPolicy
from app.domain.ports import Clock, OpenUnitOfWork, UnitOfWork
from app.domain.tracking.reporting import settle


async def follow_deployment(uow: OpenUnitOfWork, clock: Clock, policy: DeploymentPolicy, *, deployment_id: UUID) -> int:
    """Date the items that this deployment names, or question the date of those it had brought and took back.

    Returns how many items changed or were questioned.
    """
    async with uow() as u:
        deployment = await u.deployments.find(deployment_id)
        items = await _named_by(u, deployment) if deployment is not None else ()
    if deployment is None:
        return 0
    if deployment.state is DeploymentState.ROLLED_BACK:
        return sum([await _question(uow, clock(), item.id, deployment) for item in items])
    dated = [await date_by_deployment(uow, clock, policy, item_id=item.id) for item in items]
    return sum(item is not None for item in dated)


async def date_by_deployment(
    uow: OpenUnitOfWork, clock: Clock, policy: DeploymentPolicy, *, item_id: UUID
) -> ActionItem | None:
    """An implemented item without a date gets that of the first deployment to production that names it or its ticket,
    since it was last opened. What somebody has said already stays. Returns the item if it changed."""
    now = clock()
    async with uow() as u:
        old = await u.action_items.get(item_id, SYSTEM)
        if old.status is not Status.IMPLEMENTED or old.deployed_at is not None:
            return None
        since = old.reopened_at or old.opened_at or old.created_at
        found = await u.deployments.naming(await _names_of(u, old))
        dates = [one.ended_at for one in found if one.brings_to_production(since, policy)]
        if not dates:
            return None
        item = old.deployed(min(dates))
        saved = await keep(u, old, item, EventType.ACTION_ITEM_UPDATED, caller=SYSTEM, now=now, source="deployment")
        await settle(u, saved, FindingCode.DEPLOYMENT_UNKNOWN, now)
        await u.commit()
    return saved


async def _names_of(u: UnitOfWork, item: ActionItem) -> tuple[str, ...]:
    ticket = await u.tickets.find_of_item(item.id)
    names = (str(item.id), ticket.key if ticket else None, ticket.url if ticket else None)
    return tuple(normalized(name) for name in names if name)


async def _named_by(u: UnitOfWork, deployment: Deployment) -> tuple[ActionItem, ...]:
    names = [normalized(reference) for reference in deployment.references]
    tickets = await u.tickets.find_named(names)
    ids = {ticket.action_item_id for ticket in tickets} | set(filter(None, map(_id, names)))
    return await u.action_items.find_many(sorted(ids))


def _id(name: str) -> UUID | None:
    try:
        return UUID(name)
    except ValueError:
        return None


async def _question(uow: OpenUnitOfWork, now: datetime, item_id: UUID, deployment: Deployment) -> bool:
    """Whether it is still in production nobody knows now: a person has to say."""
    async with uow() as u:
        item = await u.action_items.get(item_id, SYSTEM)
        if item.status is not Status.IMPLEMENTED or item.deployed_at != deployment.deployed_at:
            return False
        finding = Finding(
            id=new_id(), code=FindingCode.FIX_ROLLED_BACK, subject_kind="action_item", subject_id=item.id,
            message=f"The deployment that brought “{item.title}” to production was rolled back.",
            remedy="Set deployed_at to when it came back, or reopen the item.",
            opened_at=now, incident_id=item.incident_id, team_id=item.team_id, owner_id=item.owner_id,
        )  # fmt: skip
        opened = await u.findings.open(finding)
        if opened:
            data = {"code": finding.code.value, "action_item_id": str(item.id)}
            await u.events.add(Event(EventType.FINDING_OPENED, finding.id, now, SYSTEM.actor, item.incident_id, data))
        await u.commit()
    return opened
