"""Bringing history in: past incidents become records that count, and nothing reacts to them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from app.domain.access import Action, Caller, authorize
from app.domain.actions.model import ActionItem
from app.domain.errors import DomainError
from app.domain.events import Event, EventType
from app.domain.ids import new_id
from app.domain.incidents.catalogue import Catalogue
from app.domain.incidents.history import Additions, Names, PastCause, PastIncident, PastPostmortem, Place
from app.domain.incidents.model import CauseStatus, ExternalRef, Incident
from app.domain.policy import Policy
from app.domain.ports import Clock, OpenUnitOfWork, UnitOfWork
from app.domain.postmortems.content import Section, TimelineEntry
from app.domain.postmortems.model import Postmortem, PostmortemStatus
from app.domain.postmortems.tiers import CauseHistory, propose_tier


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of some lines: stored, there before, or refused with the reason."""

    incidents: int = 0
    postmortems: int = 0
    already_there: int = 0
    refused: tuple[tuple[ExternalRef, str], ...] = ()

    def __add__(self, other: "Imported") -> "Imported":
        return Imported(
            self.incidents + other.incidents,
            self.postmortems + other.postmortems,
            self.already_there + other.already_there,
            self.refused + other.refused,
        )


async def import_history(
    uow: OpenUnitOfWork,
    clock: Clock,
    policy: Policy,
    *,
    caller: Caller,
    past: Sequence[PastIncident],
    dry_run: bool = False,
) -> Imported:
    """Store what is not there yet, in one transaction; what the database refuses is found by halving, so that one
    bad line stops no other. `dry_run` does the same and keeps nothing."""
    authorize(caller, Action.CONFIGURE)
    try:
        return await _import_all(uow, clock(), policy, caller, past, dry_run)
    except DomainError as error:
        if len(past) == 1:
            return Imported(refused=((past[0].ref, error.message),))
    middle, total = len(past) // 2, Imported()
    for half in (past[:middle], past[middle:]):
        total += await import_history(uow, clock, policy, caller=caller, past=half, dry_run=dry_run)
    return total


async def _import_all(
    uow: OpenUnitOfWork, now: datetime, policy: Policy, caller: Caller, past: Sequence[PastIncident], dry_run: bool
) -> Imported:
    async with uow() as u:
        there = await u.history.existing([line.ref for line in past])
        fresh = [line for line in past if (line.ref.source, line.ref.id) not in there]
        if fresh:
            additions = await _additions(u, fresh, now, policy, caller)
            await u.history.add(additions, now)
            if not dry_run:
                await u.commit()
    written = sum(line.postmortem is not None for line in fresh)
    return Imported(len(fresh), written, len(past) - len(fresh))


async def _additions(
    u: UnitOfWork, past: Sequence[PastIncident], now: datetime, policy: Policy, caller: Caller
) -> Additions:
    additions = Additions()
    catalogue = Catalogue(await u.history.find(Names.of(past)), additions, now)
    for line in past:
        places = catalogue.places(line)
        cause_id = catalogue.cause_id(line.cause) if line.cause else None
        incident = _incident(line, places, cause_id, now)
        additions.incidents.append(incident)
        data = {"imported": True, "source": line.ref.source}
        additions.events.append(Event(EventType.INCIDENT_CREATED, incident.id, now, caller.actor, incident.id, data))
        if line.postmortem is not None:
            author_id = catalogue.author_id(line.postmortem.author) if line.postmortem.author else None
            postmortem = _postmortem(line.postmortem, incident, author_id, policy, now)
            additions.postmortems.append(postmortem)
            additions.action_items += _items(line.postmortem, postmortem, incident, places[0])
    return additions


def _incident(line: PastIncident, places: tuple[Place, ...], cause_id: UUID | None, now: datetime) -> Incident:
    return Incident(
        id=new_id(),
        title=line.title,
        severity=line.severity,
        service_ids=tuple(place.id for place in places),
        primary_service_id=places[0].id,
        created_at=_recorded_at(line, now),
        updated_at=now,
        moments=line.moments,
        contradictions=line.moments.contradictions(now),
        summary=line.summary,
        mode=line.mode,
        detection_source=line.detection_source,
        customer_impact=line.customer_impact,
        change=line.change,
        external_refs=(line.ref,),
        root_cause_id=cause_id,
        root_cause_status=_status(line.cause),
        visibility=line.visibility,
    )


def _status(cause: PastCause | None) -> CauseStatus | None:
    if cause is None:
        return None
    return CauseStatus.CONFIRMED if cause.confirmed else CauseStatus.PROPOSED


def _recorded_at(line: PastIncident, now: datetime) -> datetime:
    """The first instant that is known: metrics put an incident without a start where it was recorded."""
    moments, written = line.moments, line.postmortem
    at = (
        moments.started_at
        or moments.detected_at
        or moments.resolved_at
        or (written and (written.created_at or written.published_at))
    )
    return min(at or now, now)


def _postmortem(
    past: PastPostmortem, incident: Incident, author_id: UUID | None, policy: Policy, now: datetime
) -> Postmortem:
    proposal = propose_tier(incident, CauseHistory(), policy.tiers)
    moments = incident.moments
    written_at = past.created_at or past.published_at or moments.resolved_at or moments.started_at
    return Postmortem(
        id=new_id(),
        incident_id=incident.id,
        created_at=min(written_at or incident.created_at, now),
        updated_at=now,
        proposed_tier=past.tier or proposal.tier,
        tier_reasons=("imported with this tier",) if past.tier else proposal.reasons,
        status=PostmortemStatus.PUBLISHED if past.published_at else PostmortemStatus.DRAFT,
        author_id=author_id,
        sections={name: Section(text) for name, text in past.sections.items()},
        timeline=tuple(
            TimelineEntry(new_id(), entry.at, now, entry.kind, entry.text, entry.source) for entry in past.timeline
        ),
        factors=past.factors,
        published_at=past.published_at,
    )


def _items(past: PastPostmortem, postmortem: Postmortem, incident: Incident, place: Place) -> list[ActionItem]:
    return [
        ActionItem(
            id=new_id(),
            title=item.title,
            control_type=item.control_type,
            created_at=postmortem.created_at,
            updated_at=postmortem.updated_at,
            postmortem_id=postmortem.id,
            incident_id=incident.id,
            description=item.description,
            systemic=item.systemic,
            team_id=place.team_id,
            service_id=place.id,
            root_cause_id=incident.root_cause_id,
        )
        for item in past.items
    ]
