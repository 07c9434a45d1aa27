"""What the rules about a postmortem depend on, loaded: its readiness, its tier, its due date."""

from datetime import date
from uuid import UUID

from app.domain.actions.model import ActionItem
from app.domain.incidents.model import Incident
from app.domain.policy import Policy
from app.domain.ports import UnitOfWork
from app.domain.postmortems.model import Postmortem
from app.domain.postmortems.readiness import Work
from app.domain.postmortems.tiers import CauseHistory, TierProposal, due_on, propose_tier


async def load_work(u: UnitOfWork, postmortem: Postmortem) -> Work:
    """The postmortem with all that its readiness and its content hash are about; the same for every caller."""
    incident = await the_incident(u, postmortem.incident_id)
    items = await u.action_items.of_postmortem(postmortem.id) + await _linked(u, postmortem)
    tickets = await u.tickets.of_items([item.id for item in items])
    return Work(postmortem, incident, items, {ticket.action_item_id: ticket for ticket in tickets})


async def the_incident(u: UnitOfWork, id: UUID) -> Incident:
    incident = await u.incidents.find(id)
    assert incident is not None, "a postmortem outlived its incident"
    return incident


async def _linked(u: UnitOfWork, postmortem: Postmortem) -> tuple[ActionItem, ...]:
    """Items of earlier postmortems; one whose incident became restricted neither counts nor shows any more."""
    items = await u.action_items.find_many(postmortem.linked_item_ids)
    return tuple([item for item in items if not await is_restricted(u, item)])


async def is_restricted(u: UnitOfWork, item: ActionItem) -> bool:
    incident = await u.incidents.find(item.incident_id) if item.incident_id else None
    return incident is not None and incident.restricted


async def assess_tier(u: UnitOfWork, incident: Incident, policy: Policy) -> TierProposal:
    """The tier that the rules give now; `undetermined` is no cause that could have been seen before."""
    cause = await u.root_causes.find(incident.confirmed_cause_id) if incident.confirmed_cause_id else None
    history = CauseHistory()
    if cause is not None and cause.recurs:
        history = await u.incidents.cause_history(incident, window_days=policy.tiers.third_occurrence_days)
    return propose_tier(incident, history, policy.tiers)


async def due_date(u: UnitOfWork, incident: Incident, policy: Policy) -> date | None:
    """By the calendar of the team that owns the primary service."""
    service = await u.services.find(incident.primary_service_id)
    team = await u.teams.find(service.team_id) if service is not None and service.team_id else None
    return due_on(incident, team, policy)
