"""Recording incidents, telling what is known about them, and saying who may know of them."""

from collections.abc import Mapping, Sequence
from dataclasses import fields as fields_of
from dataclasses import replace
from datetime import datetime
from typing import Any, TypedDict
from uuid import UUID

from app.domain.access import Action, Caller, authorize
from app.domain.errors import HumanRequired, require_version
from app.domain.events import Event, EventType
from app.domain.ids import new_id
from app.domain.incidents.exposure import hide_tickets, show_tickets
from app.domain.incidents.model import (
    MOMENTS,
    CauseStatus,
    Change,
    DetectionSource,
    ExternalRef,
    Impact,
    Incident,
    Mode,
    NoService,
    Severity,
    Visibility,
)
from app.domain.incidents.told import report_told
from app.domain.ports import Clock, OpenUnitOfWork, UnitOfWork
from app.domain.references import the_person, the_root_cause, the_service


class IncidentFields(TypedDict, total=False):
    """What can be said of an incident; an absent field stays as it is. Records are named by id, slug or e-mail.

    `moment_sources` says for an instant where it comes from; an instant without one was said by a person (`manual`).
    """

    title: str
    summary: str
    severity: Severity
    services: Sequence[str]
    primary_service: str
    mode: Mode
    started_at: datetime | None
    detected_at: datetime | None
    acknowledged_at: datetime | None
    mitigated_at: datetime | None
    resolved_at: datetime | None
    moment_sources: Mapping[str, str]
    detection_source: DetectionSource | None
    customer_impact: Impact
    change: Change | None
    external_refs: tuple[ExternalRef, ...]
    root_cause: str | None
    root_cause_status: CauseStatus | None
    visibility: Visibility
    viewers: Sequence[str]


_PLAIN = frozenset({
    "title", "summary", "severity", "mode", "detection_source", "customer_impact", "change", "external_refs",
    "visibility",
})  # fmt: skip


async def create_incident(
    uow: OpenUnitOfWork,
    clock: Clock,
    *,
    caller: Caller,
    title: str,
    severity: Severity,
    services: Sequence[str],
    fields: IncidentFields,
) -> Incident:
    """Record an incident; the first service is the primary one unless `primary_service` says otherwise."""
    authorize(caller, Action.WRITE_INCIDENT)
    now = clock()
    async with uow() as u:
        service_ids = await _services(u, services)
        bare = Incident(
            id=new_id(), title=title, severity=severity, service_ids=service_ids, primary_service_id=service_ids[0],
            created_at=now, updated_at=now,
        )  # fmt: skip
        incident = (await _edited(u, bare, fields, caller)).checked(now)
        await u.incidents.add(incident)
        await announce(u, EventType.INCIDENT_CREATED, None, incident, caller, now)
        await u.commit()
    return incident


async def update_incident(
    uow: OpenUnitOfWork,
    clock: Clock,
    *,
    caller: Caller,
    incident_id: UUID,
    fields: IncidentFields,
    expected_version: int | None = None,
) -> Incident:
    """Say more about an incident, or correct it. Setting `resolved_at` resolves it.

    Times that contradict each other are stored and flagged, never refused. Raises Stale, UnknownReference, NoService,
    ConfirmedWithoutCause, AlreadyExists (an external reference is another incident's), HumanRequired.
    """
    authorize(caller, Action.WRITE_INCIDENT)
    now = clock()
    async with uow() as u:
        old = await u.incidents.get(incident_id, caller)
        require_version(old.version, expected_version)
        incident = (await _edited(u, old, fields, caller)).checked(now)
        saved = await u.incidents.save(replace(incident, updated_at=now))
        await announce(u, EventType.INCIDENT_UPDATED, old, saved, caller, now)
        if saved.restricted != old.restricted:
            await (hide_tickets if saved.restricted else show_tickets)(u, saved, now)
        if saved.restricted and not old.restricted:
            await report_told(u, saved, now)
        await u.commit()
    return saved


async def _edited(u: UnitOfWork, old: Incident, fields: IncidentFields, caller: Caller) -> Incident:
    given: dict[str, Any] = dict(fields)
    values = {name: value for name, value in given.items() if name in _PLAIN}
    values |= await _placed(u, old, fields)
    moments = {name: given[name] for name in MOMENTS if name in given}
    values["moments"] = old.moments.with_changes(moments, fields.get("moment_sources", {}))
    if "viewers" in fields:
        values["viewer_ids"] = frozenset([(await the_person(u, ref)).id for ref in fields["viewers"]])
    incident = await _with_cause(u, replace(old, **values), fields)
    return _still_visible_to(caller, incident) if given.keys() & {"visibility", "viewers"} else incident


async def _placed(u: UnitOfWork, old: Incident, fields: IncidentFields) -> dict[str, Any]:
    """The services, and the primary one among them."""
    ids = await _services(u, fields["services"]) if "services" in fields else old.service_ids
    primary_id = old.primary_service_id if old.primary_service_id in ids else ids[0]
    if "primary_service" in fields:
        primary_id = (await the_service(u, fields["primary_service"])).id
    return {"service_ids": ids, "primary_service_id": primary_id}


async def _services(u: UnitOfWork, refs: Sequence[str]) -> tuple[UUID, ...]:
    if not refs:
        raise NoService
    return tuple(dict.fromkeys([(await the_service(u, ref)).id for ref in refs]))


async def _with_cause(u: UnitOfWork, incident: Incident, fields: IncidentFields) -> Incident:
    if not fields.keys() & {"root_cause", "root_cause_status"}:
        return incident
    cause_id = incident.root_cause_id
    if "root_cause" in fields:
        cause_id = (await the_root_cause(u, fields["root_cause"])).id if fields["root_cause"] else None
    return incident.with_cause(cause_id, fields.get("root_cause_status"))


def _still_visible_to(caller: Caller, incident: Incident) -> Incident:
    """Whoever restricts an incident, or changes its list, stays on the list."""
    if not incident.restricted or caller.sees_everything:
        return incident
    if caller.person_id is None:
        raise HumanRequired("A service account that is no admin would lose sight of it; a person must restrict it.")
    return replace(incident, viewer_ids=incident.viewer_ids | {caller.person_id})


async def announce(
    u: UnitOfWork, event: EventType, old: Incident | None, new: Incident, caller: Caller, now: datetime
) -> None:
    """What happened, and what it means: it is over, or its confirmed cause says something else about fixes."""
    types = [event]
    if new.moments.resolved_at is not None and (old is None or old.moments.resolved_at is None):
        types.append(EventType.INCIDENT_RESOLVED)
    if new.speaks_otherwise_than(old):
        types.append(EventType.INCIDENT_CAUSE_CHANGED)
    causes = {incident.confirmed_cause_id for incident in (old, new) if incident is not None}
    data: dict[str, object] = {"root_cause_ids": sorted(str(id) for id in causes if id is not None)}
    if old is not None:
        data["changed"] = _changed(old, new)
    for type in types:
        await u.events.add(Event(type, new.id, now, caller.actor, new.id, data))


def _changed(old: Incident, new: Incident) -> list[str]:
    names = (field.name for field in fields_of(Incident) if field.name not in ("updated_at", "version"))
    return [name for name in names if getattr(old, name) != getattr(new, name)]
