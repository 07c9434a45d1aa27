"""Bringing in an incident of a paging system, and bringing it up to date: never twice, never over a person's word."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from difflib import get_close_matches

from app.domain.access import Action, Caller, authorize
from app.domain.errors import AlreadyExists, NotFound
from app.domain.events import Event, EventType
from app.domain.ids import new_id
from app.domain.incidents.catalogue import slug_of
from app.domain.incidents.model import ExternalRef, Incident, Responder
from app.domain.incidents.paging import PagedIncident, UnknownPagedService, account_of, refreshed, severity_of
from app.domain.incidents.use_cases import announce
from app.domain.organisation.model import Service
from app.domain.policy import Policy
from app.domain.ports import Clock, OpenUnitOfWork, PagingSystem, UnitOfWork
from app.domain.providers import NotThere, ProviderNotConfigured
from app.domain.references import the_service


@dataclass(frozen=True, slots=True)
class Brought:
    """The incident, and whether it was not here before."""

    incident: Incident
    is_new: bool


async def import_incident(
    uow: OpenUnitOfWork,
    clock: Clock,
    policy: Policy,
    paging: Mapping[str, PagingSystem],
    *,
    caller: Caller,
    provider: str,
    reference: str,
    services: Sequence[str] = (),
) -> Brought:
    """The incident with this id or URL there, new or brought up to date. `services` say where it belongs if the
    provider's service is none of ours. Raises NotThere, UnknownPagedService, ProviderUnavailable, ProviderRefused."""
    authorize(caller, Action.WRITE_INCIDENT)
    system = paging.get(provider)
    if system is None:
        known = ", ".join(sorted(paging)) or "none"
        raise ProviderNotConfigured(f"Incidents cannot be imported from {provider}; configured: {known}.")
    said = await system.fetch(reference)
    return await keep_paged(uow, clock, policy, caller=caller, said=said, services=services)


async def keep_paged(
    uow: OpenUnitOfWork,
    clock: Clock,
    policy: Policy,
    *,
    caller: Caller,
    said: PagedIncident,
    services: Sequence[str] = (),
) -> Brought:
    """Record what a paging system says of an incident; somebody who does so at the same time makes no second one."""
    try:
        return await _kept(uow, clock(), policy, caller, said, services)
    except AlreadyExists:
        return await _kept(uow, clock(), policy, caller, said, services)


async def _kept(
    uow: OpenUnitOfWork, now: datetime, policy: Policy, caller: Caller, said: PagedIncident, services: Sequence[str]
) -> Brought:
    async with uow() as u:
        said = await _with_people(u, said)
        known = await u.incidents.find_by_external_ref(said.source, said.id)
        if known is None:
            incident = await _recorded(u, said, policy, services, now)
            await announce(u, EventType.INCIDENT_CREATED, None, incident, caller, now)
        else:
            incident = await _brought_up_to_date(u, known, said, policy, caller, now)
        await _add_facts(u, incident, said, caller, now)
        await u.commit()
    return Brought(incident, known is None)


async def _recorded(
    u: UnitOfWork, said: PagedIncident, policy: Policy, services: Sequence[str], now: datetime
) -> Incident:
    named = [await the_service(u, ref) for ref in services] or [await paged_service(u, said, policy.paging.services)]
    ids = tuple(dict.fromkeys(service.id for service in named))
    bare = Incident(
        id=new_id(), title=said.title, severity=severity_of(said, policy.paging), service_ids=ids,
        primary_service_id=ids[0], created_at=now, updated_at=now,
        external_refs=(ExternalRef(said.source, said.id, said.url),),
    )  # fmt: skip
    account = account_of(said, bare.id, policy.paging, None)
    incident = refreshed(bare, said, account, None).checked(now)
    await u.incidents.add(incident)
    await u.incident_facts.keep_account(account)
    return incident


async def _brought_up_to_date(
    u: UnitOfWork, known: Incident, said: PagedIncident, policy: Policy, caller: Caller, now: datetime
) -> Incident:
    try:
        old = await u.incidents.get(known.id, caller)
    except NotFound as error:
        # One that the caller may not know of is not there, in the same words as one that never was.
        raise NotThere(f"{said.source} has no incident {said.id}, or it may not be seen.") from error
    before = await u.incident_facts.find_account(old.id, said.source)
    if before is not None and before.told_at > said.told_at:
        return old
    account = account_of(said, old.id, policy.paging, before)
    await u.incident_facts.keep_account(account)
    new = refreshed(old, said, account, before).checked(now)
    if new == old:
        return old
    saved = await u.incidents.save(replace(new, updated_at=now))
    await announce(u, EventType.INCIDENT_UPDATED, old, saved, caller, now)
    return saved


async def _add_facts(u: UnitOfWork, incident: Incident, said: PagedIncident, caller: Caller, now: datetime) -> None:
    if await u.incident_facts.add(incident.id, said.facts, now):
        event = Event(EventType.INCIDENT_FACTS_ADDED, incident.id, now, caller.actor, incident.id)
        await u.events.add(event)


async def _with_people(u: UnitOfWork, said: PagedIncident) -> PagedIncident:
    """The responders as people, where their handle there is known."""
    known: list[Responder] = []
    for responder in said.responders:
        person = await u.people.find_by_handle(responder.source, responder.id)
        known.append(replace(responder, person_id=person.id if person else None))
    return replace(said, responders=tuple(known))


async def paged_service(u: UnitOfWork, said: PagedIncident, services: Mapping[str, str]) -> Service:
    """Ours: the one that the settings name for its id there, else by the slug that its name makes, else by its name.

    Raises UnknownPagedService.
    """
    if said.service is not None:
        name = said.service.name
        slug = services.get(said.service.id) or slug_of(name)
        found = await u.services.find_by_slug(slug) or await u.services.find_by_name(name)
        if found is not None:
            return found
    near = get_close_matches(slug_of(said.service.name) if said.service else "", await u.services.slugs(), n=3)
    raise UnknownPagedService(said, near)
