"""What a new incident says about old fixes: it came back, so the fix does not work, or somebody should look."""

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from app.domain.access import SYSTEM
from app.domain.actions.model import ActionItem, Status
from app.domain.actions.recording import keep, tell_ticket
from app.domain.events import EventType
from app.domain.follow_through.model import Finding, FindingCode
from app.domain.ids import new_id
from app.domain.incidents.model import Incident
from app.domain.policy import Policy
from app.domain.ports import Clock, OpenUnitOfWork, UnitOfWork
from app.domain.tracking.model import TicketStatus, TicketUpdate


async def refute_action_items(uow: OpenUnitOfWork, clock: Clock, policy: Policy, *, incident_id: UUID) -> int:
    """Reopen every closed fix that this incident shows not to work, and undo what it no longer shows.

    Safe to repeat: it looks at the incident as it is now. Returns how many items changed.
    """
    now = clock()
    async with uow() as u:
        incident = await u.incidents.get(incident_id, SYSTEM)
        undone = await _undo_outdated(u, incident, policy, now)
        refuted = await _refute_current(u, incident, policy, now)
        await u.commit()
    return undone + refuted


async def _refute_current(u: UnitOfWork, incident: Incident, policy: Policy, now: datetime) -> int:
    cause = await u.root_causes.find(incident.confirmed_cause_id) if incident.confirmed_cause_id else None
    if cause is None or not cause.recurs:
        return 0
    count = 0
    for item in await u.action_items.closed_with(cause.id, incident.service_ids):
        if _shows(incident, item, policy):
            count += await (_refute if item.control_type.is_refutable else _ask_for_review)(u, incident, item, now)
    return count


def _shows(incident: Incident, item: ActionItem, policy: Policy) -> bool:
    if item.root_cause_id is None or item.service_id is None or item.deployed_at is None:
        return False
    return item.incident_id != incident.id and incident.refutes(
        cause_id=item.root_cause_id,
        service_id=item.service_id,
        deployed_at=item.deployed_at,
        within_days=policy.evidence.refutation_days,
    )


async def _refute(u: UnitOfWork, incident: Incident, item: ActionItem, now: datetime) -> bool:
    """The item reopens and its accepted evidence is marked refuted: an ineffective fix."""
    for check in await u.checks.of_item(item.id):
        if check.closed_item_at is not None and check.refuted_at is None:
            await u.checks.save(check.refute(incident.id, now))
    refuted = item.refute(incident.id, now)
    saved = await keep(u, item, refuted, EventType.ACTION_ITEM_REFUTED, caller=SYSTEM, now=now, source="system")
    comment = "Reopened: the incident came back, so the fix does not work yet."
    update = TicketUpdate(status=TicketStatus.TODO, comment=comment)
    await tell_ticket(u, saved, update, reason=f"refuted-{incident.id}-{saved.version}", now=now)
    return True


async def _ask_for_review(u: UnitOfWork, incident: Incident, item: ActionItem, now: datetime) -> bool:
    """A better alert or a softer fall cannot keep an incident from coming back; somebody should look all the same."""
    if await u.findings.was_dismissed(FindingCode.RECURRED_REVIEW, item.id, incident.created_at):
        return False
    return await u.findings.open(
        Finding(
            id=new_id(),
            code=FindingCode.RECURRED_REVIEW,
            subject_kind="action_item",
            subject_id=item.id,
            message="The incident came back after this was closed with evidence.",
            remedy="Look whether it was noticed earlier or did less harm, then dismiss this or reopen the item.",
            opened_at=now,
            incident_id=item.incident_id,
            team_id=item.team_id,
            owner_id=item.owner_id,
        )
    )


async def _undo_outdated(u: UnitOfWork, incident: Incident, policy: Policy, now: datetime) -> int:
    """Close again what this incident had refuted, where its cause was corrected to another one."""
    count = 0
    for item in await u.action_items.refuted_by(incident.id):
        evidence = [c for c in await u.checks.of_item(item.id) if c.refuted_by_id == incident.id]
        closing = next((c for c in evidence if c.closed_item_at), None)
        if (
            item.status is Status.CLOSED
            or closing is None
            or _still_refutes(incident, item, policy, closing.deployed_at)
        ):
            continue
        for check in evidence:
            await u.checks.save(check.restore())
        assert closing.closed_item_at
        assert closing.implemented_at
        assert closing.deployed_at
        closed = item.undo_refutation(closing.closed_item_at, closing.implemented_at, closing.deployed_at)
        event = EventType.ACTION_ITEM_REFUTATION_UNDONE
        saved = await keep(u, item, closed, event, caller=SYSTEM, now=now, source="system")
        update = TicketUpdate(status=TicketStatus.DONE, comment="Closed again: the incident had another cause.")
        await tell_ticket(u, saved, update, reason=f"undone-{incident.id}-{saved.version}", now=now)
        count += 1
    return count


def _still_refutes(incident: Incident, item: ActionItem, policy: Policy, deployed_at: datetime | None) -> bool:
    return _shows(incident, replace(item, deployed_at=deployed_at), policy)
