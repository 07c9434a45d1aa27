"""What sources tell of an incident goes into its postmortem's timeline, each fact once."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from uuid import UUID

from app.domain.access import SYSTEM, Action, Caller, authorize
from app.domain.events import Event, EventType
from app.domain.gathering import Gathered, TimelineSource, Window, gather
from app.domain.ids import new_id
from app.domain.incidents.model import Incident
from app.domain.policy import Policy
from app.domain.ports import Clock, OpenUnitOfWork
from app.domain.postmortems.content import MAX_TIMELINE, TimelineEntry
from app.domain.postmortems.model import Postmortem, PostmortemStatus
from app.domain.postmortems.recording import keep

OPEN = (PostmortemStatus.REQUIRED, PostmortemStatus.DRAFT)
"""What is under review or signed does not change under its readers; its facts wait for the next draft."""


async def take_facts(uow: OpenUnitOfWork, clock: Clock, *, incident_id: UUID) -> Postmortem | None:
    """Add the facts that are not in the timeline yet. One that a person takes out does not come back.

    Returns the postmortem if something was added.
    """
    now = clock()
    async with uow() as u:
        found = await u.postmortems.find_by_incident(incident_id)
        if found is None:
            return None
        old = await u.postmortems.get(found.id, SYSTEM)
        room = MAX_TIMELINE - len(old.timeline)
        facts = await u.incident_facts.untaken(incident_id, room) if old.status in OPEN else ()
        if not facts:
            return None
        entries = tuple(
            TimelineEntry(new_id(), fact.occurred_at, now, fact.kind, fact.text, fact.id, fact.machine)
            for fact in facts
        )
        await u.incident_facts.taken(incident_id, [fact.id for fact in facts])
        data = {"changed": ["timeline"], "added": len(entries)}
        event = EventType.POSTMORTEM_UPDATED
        saved = await keep(u, old.with_entries(entries), event, caller=SYSTEM, now=now, data=data)
        await u.commit()
    return saved


async def gather_timeline(
    uow: OpenUnitOfWork,
    clock: Clock,
    policy: Policy,
    sources: Mapping[str, TimelineSource],
    *,
    caller: Caller,
    postmortem_id: UUID,
) -> Gathered:
    """Ask every source what happened around the incident, and add it to the timeline. A source that fails is named
    in the answer and stops nothing."""
    authorize(caller, Action.WRITE_POSTMORTEM)
    async with uow() as u:
        postmortem = await u.postmortems.get(postmortem_id, caller)
        incident = await u.incidents.get(postmortem.incident_id, caller)
        services = [service for id in incident.service_ids if (service := await u.services.find(id))]
    now = clock()
    window = window_of(incident, policy.deployments.gather_margin, now)
    gathered = await gather(sources, window, services, patience=policy.deployments.patience)
    async with uow() as u:
        if await u.incident_facts.add(incident.id, gathered.facts, now):
            await u.events.add(Event(EventType.INCIDENT_FACTS_ADDED, incident.id, now, caller.actor, incident.id))
        await u.commit()
    await take_facts(uow, clock, incident_id=incident.id)
    return gathered


def window_of(incident: Incident, margin: timedelta, now: datetime) -> Window:
    """From a while before the first thing we know about it to a while after its end, or to now."""
    end = incident.moments.resolved_at
    return Window(incident.occurred_at - margin, min(end + margin, now) if end else now)
