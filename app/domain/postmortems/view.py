"""A postmortem as plain data: what publishing freezes, and what every version of it can be read from for ever.

The names are those of the REST record, so that one report renders the present state and a published one alike.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from datetime import date
from enum import Enum
from uuid import UUID

from app.domain.actions.model import ActionItem
from app.domain.incidents.model import Incident
from app.domain.learning.model import RootCause
from app.domain.organisation.model import Person, Service
from app.domain.postmortems.readiness import Work
from app.domain.tracking.model import Ticket


@dataclass(frozen=True, slots=True)
class Names:
    """The records that a postmortem's ids stand for."""

    people: Mapping[UUID, Person]
    services: tuple[Service, ...]
    root_cause: RootCause | None


def frozen_view(work: Work, names: Names) -> dict[str, object]:
    """Everything a reader sees, without any reference to what may change later."""
    pm = work.postmortem
    own = [item for item in work.items if item.postmortem_id == pm.id]
    linked = [item for item in work.items if item.postmortem_id != pm.id]
    return {
        "id": str(pm.id),
        "tier": int(pm.tier),
        "tier_reasons": list(pm.tier_reasons),
        "override": plain(pm.override),
        "incident": _incident(work.incident, names),
        "author": _person(pm.author_id, names),
        "facilitator": _person(pm.facilitator_id, names),
        "sections": plain(pm.sections),
        "whys": plain(pm.whys),
        "phase_explanations": plain(pm.phase_explanations),
        "timeline": plain(pm.timeline),
        "factors": plain(sorted(pm.factors, key=lambda factor: factor.code)),
        "action_items": [_item(item, work.tickets.get(item.id), names) for item in own],
        "linked_items": [_item(item, work.tickets.get(item.id), names) for item in linked],
        "review": plain(pm.review),
        "sign_offs": [
            {
                "id": str(signature.id),
                "person": _person(signature.person_id, names),
                "content_hash": signature.content_hash,
                "at": plain(signature.at),
            }
            for signature in pm.sign_offs
        ],
    }


def people_in(work: Work) -> set[UUID]:
    """Everyone whom the view names."""
    pm = work.postmortem
    ids = {pm.author_id, pm.facilitator_id, *(item.owner_id for item in work.items)}
    return {id for id in ids if id is not None} | {signature.person_id for signature in pm.sign_offs}


def _incident(incident: Incident, names: Names) -> dict[str, object]:
    moments, cause = incident.moments, names.root_cause
    return {
        "id": str(incident.id),
        "title": incident.title,
        "severity": incident.severity.name,
        "customer_impact": str(incident.customer_impact),
        "started_at": plain(moments.started_at),
        "detected_at": plain(moments.detected_at),
        "mitigated_at": plain(moments.mitigated_at),
        "resolved_at": plain(moments.resolved_at),
        "root_cause": {"id": str(cause.id), "slug": cause.slug, "title": cause.title} if cause else None,
        "root_cause_status": plain(incident.root_cause_status),
        "services": [{"id": str(one.id), "slug": one.slug, "name": one.name} for one in names.services],
    }


def _item(item: ActionItem, ticket: Ticket | None, names: Names) -> dict[str, object]:
    return {
        "id": str(item.id),
        "title": item.title,
        "control_type": str(item.control_type),
        "systemic": item.systemic,
        "status": str(item.status),
        "owner": _person(item.owner_id, names),
        "due_on": plain(item.due_on),
        "ticket": _ticket(ticket) if ticket else None,
    }


def _ticket(ticket: Ticket) -> dict[str, object]:
    provider = str(ticket.route.provider)
    return {"provider": provider, "key": ticket.key, "url": ticket.url, "sync_state": str(ticket.sync_state)}


def _person(id: UUID | None, names: Names) -> dict[str, object] | None:
    person = names.people.get(id) if id else None
    return {"id": str(person.id), "email": person.email, "name": person.name} if person else None


def plain(value: object) -> object:
    """The same as JSON knows it."""
    match value:
        case Enum():
            return value.value
        case UUID():
            return str(value)
        case date():
            return value.isoformat()
        case Mapping():
            return {str(plain(key)): plain(inner) for key, inner in value.items()}
        case list() | tuple():
            return [plain(inner) for inner in value]
        case _ if is_dataclass(value):
            return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
        case _:
            return value
