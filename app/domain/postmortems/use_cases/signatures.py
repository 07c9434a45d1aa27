"""A signature is under a content: when that changes beneath it, somebody has to know."""

from datetime import datetime
from uuid import UUID

from app.domain.access import SYSTEM
from app.domain.follow_through.model import Finding, FindingCode
from app.domain.follow_through.opening import close_finding, open_finding
from app.domain.ids import new_id
from app.domain.ports import Clock, OpenUnitOfWork, UnitOfWork
from app.domain.postmortems.assessing import load_work
from app.domain.postmortems.model import Postmortem, PostmortemStatus
from app.domain.postmortems.readiness import Work, content_hash

SIGNED = (PostmortemStatus.APPROVED, PostmortemStatus.PUBLISHED)
CODE = FindingCode.SIGNED_CONTENT_CHANGED


async def watch_signature(uow: OpenUnitOfWork, clock: Clock, *, postmortem_id: UUID) -> bool:
    """Open the finding where the content is not what was signed, close it where it is again; whether it is open."""
    now = clock()
    async with uow() as u:
        work = await load_work(u, await u.postmortems.get(postmortem_id, SYSTEM))
        changed = _is_changed(work)
        found = await u.findings.find_open(CODE, postmortem_id)
        if changed and found is None:
            await open_finding(u, await _finding(u, work, now))
        elif not changed and found is not None:
            await close_finding(u, found, now)
        await u.commit()
    return changed


def _is_changed(work: Work) -> bool:
    """A revision that is being written is no change beneath a signature: it says itself that it is not signed."""
    postmortem: Postmortem = work.postmortem
    return postmortem.status in SIGNED and not postmortem.is_signed(content_hash(work))


async def _finding(u: UnitOfWork, work: Work, now: datetime) -> Finding:
    service = await u.services.find(work.incident.primary_service_id)
    return Finding(
        id=new_id(), code=CODE, subject_kind="postmortem", subject_id=work.postmortem.id,
        message=f"What was signed in the postmortem of “{work.incident.title}” is not what it says now.",
        remedy="Look at what changed: sign and publish it anew, or change it back.",
        opened_at=now, incident_id=work.incident.id, team_id=service.team_id if service else None,
        owner_id=work.postmortem.author_id,
    )  # fmt: skip


async def watch_signature_of_item(uow: OpenUnitOfWork, clock: Clock, *, item_id: UUID) -> bool:
    """The same for the postmortem that an item comes from, if it comes from one."""
    async with uow() as u:
        item = await u.action_items.get(item_id, SYSTEM)
    return item.postmortem_id is not None and await watch_signature(uow, clock, postmortem_id=item.postmortem_id)


async def watch_signature_of_incident(uow: OpenUnitOfWork, clock: Clock, *, incident_id: UUID) -> bool:
    """The same for the postmortem of an incident, if there is one."""
    async with uow() as u:
        postmortem = await u.postmortems.find_by_incident(incident_id)
    return postmortem is not None and await watch_signature(uow, clock, postmortem_id=postmortem.id)
