"""What an incident's changes mean for its postmortem; the worker calls these, and may repeat them."""

from dataclasses import replace
from uuid import UUID

from app.domain.access import SYSTEM
from app.domain.events import EventType
from app.domain.ids import new_id
from app.domain.policy import Policy
from app.domain.ports import Clock, OpenUnitOfWork
from app.domain.postmortems.assessing import assess_tier, due_date, the_incident
from app.domain.postmortems.model import Postmortem, PostmortemStatus
from app.domain.postmortems.recording import announce, keep
from app.domain.postmortems.tiers import requires_postmortem

FINAL = frozenset({PostmortemStatus.PUBLISHED, PostmortemStatus.WAIVED})


async def require_postmortem(
    uow: OpenUnitOfWork, clock: Clock, policy: Policy, *, incident_id: UUID
) -> Postmortem | None:
    """A resolved incident that is severe enough gets a postmortem in state `required`, unless it has one."""
    now = clock()
    async with uow() as u:
        incident = await u.incidents.get(incident_id, SYSTEM)
        resolved = incident.moments.resolved_at is not None
        if not (resolved and requires_postmortem(incident, policy.tiers)):
            return None
        if await u.postmortems.find_by_incident(incident.id) is not None:
            return None
        proposal = await assess_tier(u, incident, policy)
        postmortem = Postmortem(
            id=new_id(),
            incident_id=incident.id,
            created_at=now,
            updated_at=now,
            proposed_tier=proposal.tier,
            tier_reasons=proposal.reasons,
            status=PostmortemStatus.REQUIRED,
            due_on=await due_date(u, incident, policy),
        )
        await u.postmortems.add(postmortem)
        data = {"due_on": str(postmortem.due_on)}
        await announce(u, postmortem, EventType.POSTMORTEM_REQUIRED, caller=SYSTEM, now=now, data=data)
        await u.commit()
    return postmortem


async def propose_tier_again(
    uow: OpenUnitOfWork, clock: Clock, policy: Policy, *, incident_id: UUID
) -> Postmortem | None:
    """Follow the incident's severity, impact, cause and end with tier and due date; what is published or waived stays.

    Returns the postmortem if something changed.
    """
    now = clock()
    async with uow() as u:
        found = await u.postmortems.find_by_incident(incident_id)
        if found is None:
            return None
        old = await u.postmortems.get(found.id, SYSTEM)
        if old.status in FINAL:
            return None
        incident = await the_incident(u, incident_id)
        proposal = await assess_tier(u, incident, policy)
        new = replace(old.propose_tier(proposal.tier, proposal.reasons), due_on=await due_date(u, incident, policy))
        if new == old:
            return None
        event = EventType.POSTMORTEM_UPDATED if new.tier is old.tier else EventType.POSTMORTEM_TIER_CHANGED
        data = {"old_tier": int(old.tier), "due_on": str(new.due_on)}
        saved = await keep(u, new, event, caller=SYSTEM, now=now, data=data)
        await u.commit()
    return saved
