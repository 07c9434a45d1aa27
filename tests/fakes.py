"""In-memory repositories and a unit of work that rolls back: the ports of `app/domain/ports.py` for unit tests.

uow = FakeUnitOfWork()
uow.seed(make.service(), make.person())
await create_incident(uow, clock, ...)
assert uow.event_types == [EventType.INCIDENT_CREATED]
"""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar
from uuid import UUID

from app.domain.access import Caller, Role
from app.domain.actions.evidence import RUN_BY_US
from app.domain.actions.model import ActionItem, Change, Status
from app.domain.announcing.model import Announcement
from app.domain.deployments.model import Deployment
from app.domain.errors import AlreadyExists, NotFound, Stale
from app.domain.events import Event, EventType
from app.domain.follow_through.model import Finding, FindingCode
from app.domain.incidents.model import Incident
from app.domain.learning.model import Factor, RootCause
from app.domain.learning.taxonomy import UNDETERMINED_ID
from app.domain.organisation.model import ApiKey, Person, Provider, Service, ServiceAccount, Team
from app.domain.ports import (
    ActionItems,
    ApiKeys,
    Boosts,
    Checks,
    Deliveries,
    Events,
    Factors,
    Findings,
    History,
    InboxItems,
    Incidents,
    People,
    Postmortems,
    Risks,
    RootCauses,
    ServiceAccounts,
    Services,
    Slos,
    Teams,
    Tickets,
    UnitOfWork,
)
from app.domain.postmortems.model import Postmortem, Publication
from app.domain.postmortems.tiers import CauseHistory
from app.domain.tracking.model import Ticket
from tests.budget_fakes import FakeBoosts, FakeReadings, FakeSlos
from tests.happening_fakes import FakeAnnotations, FakeAnnouncements, FakeDeployments, FakeIncidentFacts

Entity = TypeVar("Entity", bound=Any)


class Rows(Generic[Entity]):
    """Entities by id. `unique` names the fields in which no two of them may be equal."""

    unique: tuple[str, ...] = ("id",)

    def __init__(self) -> None:
        self.rows: dict[Any, Entity] = {}

    async def get(self, id: Any) -> Entity:
        if id not in self.rows:
            raise NotFound
        return self.rows[id]

    async def find(self, id: Any) -> Entity | None:
        return self.rows.get(id)

    async def add(self, entity: Entity) -> None:
        if any(getattr(row, name) == getattr(entity, name) for row in self.rows.values() for name in self.unique):
            raise AlreadyExists
        self.rows[entity.id] = entity

    async def save(self, entity: Entity) -> Entity:
        if self.rows[entity.id].version != entity.version:
            raise Stale
        self.rows[entity.id] = replace(entity, version=entity.version + 1)
        return self.rows[entity.id]

    def first(self, **equal: Any) -> Entity | None:
        matching = (r for r in self.rows.values() if all(getattr(r, k) == v for k, v in equal.items()))
        return next(matching, None)


class FakeTeams(Rows[Team]):
    unique = ("id", "slug")

    async def find_by_slug(self, slug: str) -> Team | None:
        return self.first(slug=slug)


class FakeServices(Rows[Service]):
    unique = ("id", "slug")

    async def slugs(self) -> tuple[str, ...]:
        return tuple(service.slug for service in self.rows.values())

    async def find_by_slug(self, slug: str) -> Service | None:
        return self.first(slug=slug)

    async def find_by_name(self, name: str) -> Service | None:
        same = [one for one in self.rows.values() if one.name.lower() == name.lower()]
        return same[0] if len(same) == 1 else None

    async def of_repository(self, repository: str) -> tuple[Service, ...]:
        routed = [(one, one.route) for one in self.rows.values() if one.route]
        there = [one for one, route in routed if route.provider is Provider.GITHUB]
        same = [one for one in there if one.route and one.route.project.lower() == repository.lower()]
        return tuple(sorted(same, key=lambda one: one.slug))


class FakePeople(Rows[Person]):
    unique = ("id", "email")

    async def find_by_email(self, email: str) -> Person | None:
        return self.first(email=email)

    async def find_by_handle(self, provider: str, handle: str) -> Person | None:
        same = (p for p in self.rows.values() if p.handles.get(provider, "").lower() == handle.lower())
        return next(same, None) if handle else None

    async def lock_active_admins(self) -> frozenset[UUID]:
        return frozenset(p.id for p in self.rows.values() if p.active and p.role is Role.ADMIN)


class FakeServiceAccounts(Rows[ServiceAccount]):
    unique = ("id", "slug")

    async def find_by_slug(self, slug: str) -> ServiceAccount | None:
        return self.first(slug=slug)


class FakeApiKeys:
    def __init__(self, people: FakePeople, accounts: FakeServiceAccounts) -> None:
        self.rows: dict[str, ApiKey] = {}
        self._holders = (people.rows, accounts.rows)

    async def get(self, id: str) -> ApiKey:
        if id not in self.rows:
            raise NotFound
        return self.rows[id]

    async def find(self, id: str) -> ApiKey | None:
        return self.rows.get(id)

    async def any_admin(self) -> bool:
        people, accounts = self._holders
        live = [key for key in self.rows.values() if key.revoked_at is None and "admin" in (key.scopes or {"admin"})]
        holders: list[Any] = [people.get(k.person_id) or accounts.get(k.service_account_id) for k in live]
        return any(holder and holder.active and holder.role is Role.ADMIN for holder in holders)

    async def add(self, key: ApiKey) -> None:
        if key.id in self.rows:
            raise AlreadyExists
        self.rows[key.id] = key

    async def save(self, key: ApiKey) -> None:
        self.rows[key.id] = key


class FakeFactors:
    def __init__(self) -> None:
        self.rows: dict[str, Factor] = {}

    async def find(self, code: str) -> Factor | None:
        return self.rows.get(code)


class FakeRootCauses(Rows[RootCause]):
    """`repointed` are the fakes whose records name a root cause."""

    unique = ("id", "slug")

    def __init__(self) -> None:
        super().__init__()
        self.repointed: list[Any] = []

    async def find_by_slug(self, slug: str) -> RootCause | None:
        return self.first(slug=slug)

    async def repoint(self, old_id: UUID, new_id: UUID) -> None:
        for rows, name in [(self.rows, "merged_into_id"), *((fake.rows, "root_cause_id") for fake in self.repointed)]:
            for row in [row for row in rows.values() if getattr(row, name) == old_id]:
                rows[row.id] = replace(row, version=row.version + 1, **{name: new_id})


class FakeIncidents:
    """`verified_fixes` are (root cause, service, closed at), for the history of a cause."""

    def __init__(self) -> None:
        self.rows: dict[UUID, Incident] = {}
        self.verified_fixes: list[tuple[UUID, UUID, datetime]] = []

    async def get(self, id: UUID, caller: Caller) -> Incident:
        if id not in self.rows or not self.is_visible(id, caller):
            raise NotFound
        return self.rows[id]

    def is_visible(self, id: UUID | None, caller: Caller) -> bool:
        """What `visible_to` says in SQL."""
        incident = self.rows.get(id) if id else None
        hidden = incident is not None and incident.restricted and caller.person_id not in incident.viewer_ids
        return caller.sees_everything or not hidden

    async def find(self, id: UUID) -> Incident | None:
        return self.rows.get(id)

    async def find_by_external_ref(self, source: str, id: str) -> Incident | None:
        named = (i for i in self.rows.values() if any((r.source, r.id) == (source, id) for r in i.external_refs))
        return next(named, None)

    async def add(self, incident: Incident) -> None:
        await self._require_free_refs(incident)
        self.rows[incident.id] = incident

    async def save(self, incident: Incident) -> Incident:
        await self._require_free_refs(incident)
        if self.rows[incident.id].version != incident.version:
            raise Stale
        self.rows[incident.id] = replace(incident, version=incident.version + 1)
        return self.rows[incident.id]

    async def _require_free_refs(self, incident: Incident) -> None:
        names = [(ref.source, ref.id) for ref in incident.external_refs]
        holders = [await self.find_by_external_ref(*name) for name in names]
        if len(set(names)) < len(names) or any(h and h.id != incident.id for h in holders):
            raise AlreadyExists

    async def cause_history(self, incident: Incident, *, window_days: int) -> CauseHistory:
        cause_id, start, services = incident.confirmed_cause_id, incident.occurred_at, set(incident.service_ids)
        if cause_id in (None, UNDETERMINED_ID):
            return CauseHistory()
        earlier = [i for i in self.rows.values() if i.counts and i.id != incident.id and i.occurred_at < start]
        seen = [i for i in earlier if i.confirmed_cause_id == cause_id]
        here = [i for i in seen if services & set(i.service_ids)]
        first = min((i.occurred_at for i in earlier if services & set(i.service_ids)), default=start)
        return CauseHistory(
            seen_anywhere=len(seen),
            seen_on_services=len(here),
            on_services_in_window=sum(i.occurred_at >= start - timedelta(days=window_days) for i in here),
            fix_was_verified=any(c == cause_id and s in services and at < start for c, s, at in self.verified_fixes),
            service_history_days=(start - first).days,
        )


class FakeFindings:
    """`overdue_deployment_ids` is what a test says is overdue."""

    def __init__(self, incidents: FakeIncidents) -> None:
        self.rows: dict[UUID, Finding] = {}
        self.overdue_deployment_ids: tuple[UUID, ...] = ()
        self._incidents = incidents

    async def get(self, id: UUID, caller: Caller) -> Finding:
        if id not in self.rows or not self._incidents.is_visible(self.rows[id].incident_id, caller):
            raise NotFound
        return self.rows[id]

    async def open(self, finding: Finding) -> bool:
        if await self.find_open(finding.code, finding.subject_id) is not None:
            return False
        self.rows[finding.id] = finding
        return True

    async def find_open(self, code: FindingCode, subject_id: UUID) -> Finding | None:
        about = [f for f in self.rows.values() if (f.code, f.subject_id) == (code, subject_id)]
        return next((f for f in about if f.closed_at is None), None)

    async def was_dismissed(self, code: FindingCode, subject_id: UUID, since: datetime) -> bool:
        about = [f for f in self.rows.values() if (f.code, f.subject_id) == (code, subject_id)]
        return any(f.dismissed_by_id is not None and f.opened_at >= since for f in about)

    async def save(self, finding: Finding) -> Finding:
        if self.rows[finding.id].version != finding.version:
            raise Stale
        self.rows[finding.id] = replace(finding, version=finding.version + 1)
        return self.rows[finding.id]

    async def undetermined_incidents(self, before: datetime, limit: int) -> tuple[UUID, ...]:
        return ()

    async def overdue_deployments(self, before: datetime, limit: int) -> tuple[UUID, ...]:
        return self.overdue_deployment_ids[:limit]


class FakeEvents:
    def __init__(self) -> None:
        self.rows: dict[UUID, Event] = {}
        self.handled_ids: dict[UUID, datetime] = {}
        self.claimed_until: dict[UUID, datetime] = {}
        self.errors: dict[UUID, str] = {}

    async def add(self, event: Event) -> None:
        self.rows[event.id] = event

    async def add_many(self, events: Sequence[Event]) -> None:
        self.rows |= {event.id: event for event in events}

    async def unhandled(self, limit: int) -> tuple[Event, ...]:
        return tuple(event for id, event in self.rows.items() if id not in self.handled_ids)[:limit]

    async def claim(self, ids: Sequence[UUID], until: datetime) -> None:
        self.claimed_until |= dict.fromkeys(ids, until)

    async def handled(self, ids: Sequence[UUID], now: datetime) -> None:
        self.handled_ids |= dict.fromkeys(ids, now)

    async def failed(self, id: UUID, error: str, retry_at: datetime) -> None:
        self.errors[id] = error


class FakePublications:
    """Published versions by postmortem and number."""

    def __init__(self) -> None:
        self.rows: dict[tuple[UUID, int], Publication] = {}


class FakePostmortems:
    def __init__(self, incidents: FakeIncidents, publications: FakePublications) -> None:
        self.rows: dict[UUID, Postmortem] = {}
        self._incidents = incidents
        self._publications = publications

    async def get(self, id: UUID, caller: Caller) -> Postmortem:
        if id not in self.rows or not self._incidents.is_visible(self.rows[id].incident_id, caller):
            raise NotFound
        return self.rows[id]

    async def find_by_incident(self, incident_id: UUID) -> Postmortem | None:
        return next((p for p in self.rows.values() if p.incident_id == incident_id), None)

    async def add(self, postmortem: Postmortem) -> None:
        if await self.find_by_incident(postmortem.incident_id) is not None:
            raise AlreadyExists
        self._keep(postmortem)

    async def save(self, postmortem: Postmortem) -> Postmortem:
        if self.rows[postmortem.id].version != postmortem.version:
            raise Stale
        return self._keep(replace(postmortem, version=postmortem.version + 1))

    def _keep(self, postmortem: Postmortem) -> Postmortem:
        in_order = tuple(sorted(postmortem.factors, key=lambda factor: factor.code))
        self.rows[postmortem.id] = replace(postmortem, factors=in_order)
        return postmortem

    async def publish(self, postmortem_id: UUID, publication: Publication) -> None:
        key = (postmortem_id, publication.number)
        if key in self._publications.rows:
            raise AlreadyExists
        self._publications.rows[key] = publication

    async def latest_publication(self, postmortem_id: UUID) -> Publication | None:
        of_it = [one for (id, _), one in self._publications.rows.items() if id == postmortem_id]
        return max(of_it, key=lambda one: one.number, default=None)


class FakeChanges:
    """History lines, each under a key of its own."""

    def __init__(self) -> None:
        self.rows: dict[int, tuple[UUID, Change]] = {}

    def of_item(self, item_id: UUID) -> list[Change]:
        return [change for owner, change in self.rows.values() if owner == item_id]


class FakeActionItems:
    def __init__(self, incidents: FakeIncidents, changes: FakeChanges) -> None:
        self.rows: dict[UUID, ActionItem] = {}
        self._incidents = incidents
        self._changes = changes

    async def get(self, id: UUID, caller: Caller) -> ActionItem:
        if id not in self.rows or not self._incidents.is_visible(self.rows[id].incident_id, caller):
            raise NotFound
        return self.rows[id]

    async def of_postmortem(self, postmortem_id: UUID) -> tuple[ActionItem, ...]:
        return self._where(lambda item: item.postmortem_id == postmortem_id)

    async def find_many(self, ids: Sequence[UUID]) -> tuple[ActionItem, ...]:
        return self._where(lambda item: item.id in ids)

    def _where(self, matches: Callable[[ActionItem], bool]) -> tuple[ActionItem, ...]:
        return tuple(self.rows[id] for id in sorted(self.rows) if matches(self.rows[id]))

    async def add(self, item: ActionItem) -> None:
        self.rows[item.id] = item

    async def save(self, item: ActionItem) -> ActionItem:
        if self.rows[item.id].version != item.version:
            raise Stale
        self.rows[item.id] = replace(item, version=item.version + 1)
        return self.rows[item.id]

    async def record(self, item_id: UUID, changes: Sequence[Change]) -> None:
        for change in changes:
            self._changes.rows[len(self._changes.rows)] = (item_id, change)

    async def closed_with(self, cause_id: UUID, service_ids: Sequence[UUID]) -> tuple[ActionItem, ...]:
        about = self._where(lambda item: item.root_cause_id == cause_id and item.service_id in service_ids)
        return tuple(item for item in about if item.status is Status.CLOSED)

    async def refuted_by(self, incident_id: UUID) -> tuple[ActionItem, ...]:
        return self._where(lambda item: item.refuted_by_id == incident_id)

    async def evidence_due(self, on: datetime, limit: int) -> tuple[UUID, ...]:
        due = self._where(lambda item: item.evidence_due_on is not None and item.evidence_due_on <= on.date())
        planned = [i for i in due if i.status is Status.IMPLEMENTED and i.plan]
        planned = [i for i in planned if i.plan and not set(RUN_BY_US).isdisjoint(i.plan.checks)]
        return tuple(i.id for i in sorted(planned, key=lambda i: (i.evidence_due_on, i.id)))[:limit]


class FakeTickets(Rows[Ticket]):
    unique = ("id", "action_item_id")

    async def find_of_item(self, item_id: UUID) -> Ticket | None:
        return self.first(action_item_id=item_id)

    async def get_of_item(self, item_id: UUID) -> Ticket:
        ticket = self.first(action_item_id=item_id)
        if ticket is None:
            raise NotFound
        return ticket

    async def of_items(self, item_ids: Sequence[UUID]) -> tuple[Ticket, ...]:
        return tuple(self.rows[id] for id in sorted(self.rows) if self.rows[id].action_item_id in item_ids)

    async def find_named(self, names: Sequence[str]) -> tuple[Ticket, ...]:
        named = (t for t in self.rows.values() if {(t.key or "").lower(), (t.url or "").lower()} & set(names))
        return tuple(sorted(named, key=lambda t: t.id))

    async def find_external(self, provider: Provider, external_id: str) -> Ticket | None:
        known = (t for t in self.rows.values() if t.external_id == external_id and t.route.provider is provider)
        return next(known, None)


# Fakes of other contexts (checks, deliveries, inbox, risks) follow here.


class NotYetFaked:
    """Stands where a repository has no fake yet; a test that reaches it fails with its name."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        raise AttributeError(f"tests/fakes.py has no fake for {self._name} yet ({attribute})")


def _missing(name: str) -> Any:
    return NotYetFaked(name)


class FakeUnitOfWork:
    """Both the factory that use cases get and the unit of work it opens. Without `commit` all is as before."""

    def __init__(self) -> None:
        people, accounts, incidents, causes = FakePeople(), FakeServiceAccounts(), FakeIncidents(), FakeRootCauses()
        causes.repointed.append(incidents)
        events = FakeEvents()
        self.publications, self.changes = FakePublications(), FakeChanges()
        action_items = FakeActionItems(incidents, self.changes)
        causes.repointed.append(action_items)
        self.committed = False
        self.teams: Teams = FakeTeams()
        self.services: Services = FakeServices()
        self.people: People = people
        self.service_accounts: ServiceAccounts = accounts
        self.api_keys: ApiKeys = FakeApiKeys(people, accounts)
        self.root_causes: RootCauses = causes
        self.factors: Factors = FakeFactors()
        self.incidents: Incidents = incidents
        self.findings: Findings = FakeFindings(incidents)
        self.events: Events = events
        self.incident_facts = FakeIncidentFacts()
        self.deployments = FakeDeployments()
        self.annotations = FakeAnnotations()
        self.announcements = FakeAnnouncements()
        self.postmortems: Postmortems = FakePostmortems(incidents, self.publications)
        self.action_items: ActionItems = action_items
        self.checks: Checks = _missing("checks")
        self.tickets: Tickets = FakeTickets()
        self.deliveries: Deliveries = _missing("deliveries")
        self.inbox: InboxItems = _missing("inbox")
        self.risks: Risks = _missing("risks")
        self.readings = FakeReadings()
        self.boosts: Boosts = FakeBoosts(self.readings, action_items.rows)
        self.slos: Slos = FakeSlos()
        self.history: History = _missing("history")
        self._events = events
        self._homes: dict[type, Any] = {
            Team: self.teams,
            Service: self.services,
            Person: people,
            ServiceAccount: accounts,
            ApiKey: self.api_keys,
            RootCause: causes,
            Incident: incidents,
            Postmortem: self.postmortems,
            ActionItem: action_items,
            Ticket: self.tickets,
            Deployment: self.deployments,
            Announcement: self.announcements,
            Finding: self.findings,
            Event: events,
        }
        """Where `seed` puts an entity of each type."""

    @asynccontextmanager
    async def __call__(self) -> AsyncIterator[UnitOfWork]:
        self.committed = False
        before = self._stored()
        try:
            yield self
        finally:
            if not self.committed:
                for rows, old in before:
                    rows.clear()
                    rows.update(old)

    async def commit(self) -> None:
        self.committed = True

    def seed(self, *entities: Any) -> None:
        """Have these without a use case."""
        for entity in entities:
            if isinstance(entity, Factor):
                self.factors.rows[entity.code] = entity  # type: ignore[attr-defined]
            else:
                self._homes[type(entity)].rows[entity.id] = entity

    @property
    def recorded(self) -> Sequence[Event]:
        """Every event that was committed, in order."""
        return tuple(self._events.rows.values())

    @property
    def event_types(self) -> list[EventType]:
        return [event.type for event in self.recorded]

    def _stored(self) -> list[tuple[dict[Any, Any], dict[Any, Any]]]:
        fakes = [one for one in vars(self).values() if not isinstance(one, NotYetFaked) and hasattr(one, "rows")]
        return [(fake.rows, dict(fake.rows)) for fake in fakes]
