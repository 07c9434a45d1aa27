"""What can be done about findings, and the rules that only time can break."""

from datetime import timedelta
from uuid import UUID

from app.domain.access import SYSTEM, Action, Caller, authorize, require_person
from app.domain.events import Event, EventType
from app.domain.follow_through.model import Finding, FindingCode
from app.domain.follow_through.opening import close_finding, open_finding
from app.domain.ids import new_id
from app.domain.policy import Policy
from app.domain.ports import Clock, OpenUnitOfWork


async def dismiss_finding(
    uow: OpenUnitOfWork, clock: Clock, *, caller: Caller, finding_id: UUID, reason: str
) -> Finding:
    """A person says why it is all right after all."""
    authorize(caller, Action.DISMISS_FINDING)
    person_id, now = require_person(caller), clock()
    async with uow() as u:
        finding = (await u.findings.get(finding_id, caller)).dismiss(person_id, reason, now)
        saved = await u.findings.save(finding)
        data = {"code": finding.code, "reason": reason}
        await u.events.add(Event(EventType.FINDING_DISMISSED, finding.id, now, caller.actor, finding.incident_id, data))
        await u.commit()
    return saved


async def find_undetermined_causes(uow: OpenUnitOfWork, clock: Clock, policy: Policy, *, limit: int = 500) -> int:
    """Open a finding for incidents whose cause has been `undetermined` for long: it may be published, not forgotten."""
    now = clock()
    before = now - timedelta(days=policy.evidence.undetermined_days)
    async with uow() as u:
        opened = 0
        for incident_id in await u.findings.undetermined_incidents(before, limit):
            incident = await u.incidents.get(incident_id, SYSTEM)
            service = await u.services.find(incident.primary_service_id)
            finding = Finding(
                id=new_id(), code=FindingCode.CAUSE_UNDETERMINED, subject_kind="incident", subject_id=incident.id,
                message=f"The cause of “{incident.title}” is still undetermined.",
                remedy="Look again with what is known now; confirm a root cause, or dismiss this with the reason.",
                opened_at=now, incident_id=incident.id, team_id=service.team_id if service else None,
            )  # fmt: skip
            opened += await open_finding(u, finding)
        await u.commit()
    return opened


async def find_unknown_deployments(uow: OpenUnitOfWork, clock: Clock, policy: Policy, *, limit: int = 500) -> int:
    """Open a finding for items that were implemented long ago and are still not known to be in production."""
    now = clock()
    before = now - timedelta(days=policy.evidence.deployment_unknown_days)
    async with uow() as u:
        opened = 0
        for item_id in await u.findings.overdue_deployments(before, limit):
            item = await u.action_items.get(item_id, SYSTEM)
            finding = Finding(
                id=new_id(), code=FindingCode.DEPLOYMENT_UNKNOWN, subject_kind="action_item", subject_id=item.id,
                message=f"“{item.title}” is implemented, but nobody said when it reached production.",
                remedy="Set deployed_at: the window of evidence starts there.",
                opened_at=now, incident_id=item.incident_id, team_id=item.team_id, owner_id=item.owner_id,
            )  # fmt: skip
            opened += await open_finding(u, finding)
        await u.commit()
    return opened


async def close_determined_causes(uow: OpenUnitOfWork, clock: Clock, *, limit: int = 500) -> int:
    """Close the findings about causes that are known by now."""
    now = clock()
    async with uow() as u:
        over = await u.follow_through.determined(limit)
        for finding in over:
            await close_finding(u, finding, now)
        await u.commit()
    return len(over)
