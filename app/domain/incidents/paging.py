"""What a paging system says of an incident, and what of it we take over: never what a person has corrected here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

from app.domain.errors import Problem, UnknownReference
from app.domain.gathering import SourceFact
from app.domain.incidents.model import DetectionSource, Incident, Responder, Severity
from app.domain.policy import PagingPolicy


@dataclass(frozen=True, slots=True)
class PagedService:
    """A service as the paging system calls it."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class PagedIncident:
    """An incident as the paging system tells it. A moment that is absent was not told, None says that there is none.

    `told_at` is the time of what is told, `moment_sources` what each moment rests on.
    """

    source: str
    id: str
    title: str
    service: PagedService | None
    told_at: datetime
    url: str | None = None
    priority: str | None = None
    urgency: str | None = None
    moments: Mapping[str, datetime | None] = field(default_factory=dict)
    moment_sources: Mapping[str, str] = field(default_factory=dict)
    detection_source: DetectionSource | None = None
    responders: tuple[Responder, ...] = ()
    facts: tuple[SourceFact, ...] = ()


@dataclass(frozen=True, slots=True)
class PageEvent:
    """One webhook of a paging system: about which incident, and what it adds.

    `incident` is the state that it carries, if any; `changed` says that the incident is another one now.
    """

    id: str
    type: str
    incident_id: str
    at: datetime
    changed: bool = False
    incident: PagedIncident | None = None
    facts: tuple[SourceFact, ...] = ()


@dataclass(frozen=True, slots=True)
class Account:
    """What the paging system said last: what still equals it here was not touched by a person."""

    incident_id: UUID
    source: str
    told_at: datetime
    title: str
    severity: Severity
    moments: Mapping[str, datetime | None] = field(default_factory=dict)


class UnknownPagedService(UnknownReference):
    """The paging system's service is none of ours."""

    code = "unknown_paged_service"

    def __init__(self, said: PagedIncident, near: Sequence[str]) -> None:
        named = f"“{said.service.name}” ({said.service.id})" if said.service else "no service"
        hint = f" Did you mean {' or '.join(f'“{slug}”' for slug in near)}?" if near else ""
        super().__init__(
            f"{said.source} names {named} for {said.id}, which is none of our services.{hint} "
            "Add a service with that name, or say `services` yourself.",
            problems=tuple(Problem("suggestion", slug, "/services") for slug in near),
        )


def severity_of(said: PagedIncident, policy: PagingPolicy) -> Severity:
    """By the priority that people gave it, else by urgency: how loud a page is says little of how bad it is."""
    priority = (said.priority or "").strip().casefold()
    by_priority = {name.casefold(): rank for name, rank in policy.priorities.items()}
    if priority in by_priority:
        return Severity(by_priority[priority])
    return Severity(policy.urgencies.get(said.urgency or "", policy.default_rank))


def is_worth_recording(said: PagedIncident, policy: PagingPolicy) -> bool:
    """Whether a page that nobody asked us to import is an incident: somebody has given it a priority."""
    return said.priority is not None or policy.record_every_page


def account_of(said: PagedIncident, incident_id: UUID, policy: PagingPolicy, before: Account | None) -> Account:
    """What is known now of what it says, moments that were not told anew included."""
    moments = {**(before.moments if before else {}), **said.moments}
    return Account(incident_id, said.source, said.told_at, said.title, severity_of(said, policy), moments)


def refreshed(incident: Incident, said: PagedIncident, new: Account, before: Account | None) -> Incident:
    """The incident with what the paging system says now, as far as it still says here what it said before."""
    responders = tuple({**_by_id(incident.responders), **_by_id(said.responders)}.values())
    kept = replace(incident, responders=responders, detection_source=incident.detection_source or said.detection_source)
    if before is not None:
        title = new.title if kept.title == before.title else kept.title
        severity = new.severity if kept.severity is before.severity else kept.severity
        kept = replace(kept, title=title, severity=severity)
    return _with_moments(kept, said, before)


def _by_id(responders: Sequence[Responder]) -> dict[tuple[str, str], Responder]:
    return {(one.source, one.id): one for one in responders}


def _with_moments(incident: Incident, said: PagedIncident, before: Account | None) -> Incident:
    told = before.moments if before else {}
    changes = {
        name: at
        for name, at in said.moments.items()
        if _may_change(name, getattr(incident.moments, name), told.get(name), at)
    }
    sources = {name: said.moment_sources.get(name, said.source) for name, at in changes.items() if at is not None}
    return replace(incident, moments=incident.moments.with_changes(changes, sources))


def _may_change(name: str, ours: datetime | None, told: datetime | None, new: datetime | None) -> bool:
    if ours == new or ours != told:
        return ours is None and new is not None
    later = ours is not None and new is not None and new > ours
    return not (name == "acknowledged_at" and later)  # The first one is the one that counts.
