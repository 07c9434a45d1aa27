"""Everything the domain needs from outside, on one page: Protocols, and `Ports` that holds one of each."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from app.domain.access import Caller
from app.domain.actions.evidence import Check
from app.domain.actions.model import ActionItem, Change
from app.domain.events import Event
from app.domain.follow_through.model import Finding, FindingCode
from app.domain.incidents.history import Additions, Known, Names
from app.domain.incidents.model import ExternalRef, Incident
from app.domain.learning.facts import FactFilter, Phase, RiskyItem, StoredFit, StoredRisk
from app.domain.learning.measures import MetricsPolicy
from app.domain.learning.metrics import ItemRow, PhaseRow, SeverityRow
from app.domain.learning.model import Factor, RootCause
from app.domain.learning.recurrence_rate import OccurrenceRow, PostmortemRow
from app.domain.learning.risk import PairHistory, RiskPolicy
from app.domain.organisation.model import ApiKey, Person, Provider, Route, Service, ServiceAccount, Team
from app.domain.policy import Policy
from app.domain.postmortems.model import Postmortem, Publication
from app.domain.postmortems.tiers import CauseHistory
from app.domain.selection import Selection
from app.domain.tracking.model import (
    Delivery,
    RemoteTicket,
    Ticket,
    TicketDraft,
    TicketEvent,
    TicketUpdate,
)

Clock = Callable[[], datetime]
"""The present instant, aware, in UTC."""


# ── Writing ──────────────────────────────────────────────────────────────────────────────────────────────────────
# `get` locks the row until the transaction ends and raises NotFound; `find` returns None and locks nothing.
# Where a record derives from an incident, `get` takes the caller: what they may not see does not exist for them.
# `save` writes if the version is still the one that was read (else Stale) and returns the entity at its new version.


class Teams(Protocol):
    async def get(self, id: UUID) -> Team: ...
    async def find(self, id: UUID) -> Team | None: ...
    async def find_by_slug(self, slug: str) -> Team | None: ...
    async def add(self, team: Team) -> None: ...
    async def save(self, team: Team) -> Team: ...


class Services(Protocol):
    async def get(self, id: UUID) -> Service: ...
    async def find(self, id: UUID) -> Service | None: ...
    async def find_by_slug(self, slug: str) -> Service | None: ...
    async def add(self, service: Service) -> None: ...
    async def save(self, service: Service) -> Service: ...


class People(Protocol):
    async def get(self, id: UUID) -> Person: ...
    async def find(self, id: UUID) -> Person | None: ...
    async def find_by_email(self, email: str) -> Person | None: ...
    async def find_by_handle(self, provider: str, handle: str) -> Person | None: ...
    async def lock_active_admins(self) -> frozenset[UUID]:
        """Lock them until the transaction ends, so that two callers cannot each remove the other's last one."""
        ...

    async def add(self, person: Person) -> None: ...
    async def save(self, person: Person) -> Person: ...


class ServiceAccounts(Protocol):
    async def get(self, id: UUID) -> ServiceAccount: ...
    async def find(self, id: UUID) -> ServiceAccount | None: ...
    async def find_by_slug(self, slug: str) -> ServiceAccount | None: ...
    async def add(self, account: ServiceAccount) -> None: ...
    async def save(self, account: ServiceAccount) -> ServiceAccount: ...


class ApiKeys(Protocol):
    async def get(self, id: str) -> ApiKey: ...
    async def find(self, id: str) -> ApiKey | None: ...
    async def any_admin(self) -> bool: ...
    async def add(self, key: ApiKey) -> None: ...
    async def save(self, key: ApiKey) -> None: ...


class RootCauses(Protocol):
    async def get(self, id: UUID) -> RootCause: ...
    async def find(self, id: UUID) -> RootCause | None: ...
    async def find_by_slug(self, slug: str) -> RootCause | None: ...
    async def add(self, cause: RootCause) -> None: ...
    async def save(self, cause: RootCause) -> RootCause: ...
    async def repoint(self, old_id: UUID, new_id: UUID) -> None:
        """Every incident, action item and earlier merge that names `old_id` names `new_id` from now on."""
        ...


class Factors(Protocol):
    async def find(self, code: str) -> Factor | None: ...


class Incidents(Protocol):
    async def get(self, id: UUID, caller: Caller) -> Incident: ...
    async def find(self, id: UUID) -> Incident | None: ...
    async def find_by_external_ref(self, source: str, id: str) -> Incident | None: ...
    async def add(self, incident: Incident) -> None: ...
    async def save(self, incident: Incident) -> Incident: ...
    async def cause_history(self, incident: Incident, *, window_days: int) -> CauseHistory:
        """What happened before this incident with its confirmed cause (zeros while it has none)."""
        ...


class Postmortems(Protocol):
    async def get(self, id: UUID, caller: Caller) -> Postmortem: ...
    async def find_by_incident(self, incident_id: UUID) -> Postmortem | None: ...
    async def add(self, postmortem: Postmortem) -> None: ...
    async def save(self, postmortem: Postmortem) -> Postmortem: ...
    async def publish(self, postmortem_id: UUID, publication: Publication) -> None: ...


class ActionItems(Protocol):
    async def get(self, id: UUID, caller: Caller) -> ActionItem: ...
    async def of_postmortem(self, postmortem_id: UUID) -> tuple[ActionItem, ...]: ...
    async def find_many(self, ids: Sequence[UUID]) -> tuple[ActionItem, ...]: ...
    async def add(self, item: ActionItem) -> None: ...
    async def save(self, item: ActionItem) -> ActionItem: ...
    async def record(self, item_id: UUID, changes: Sequence[Change]) -> None: ...
    async def closed_with(self, cause_id: UUID, service_ids: Sequence[UUID]) -> tuple[ActionItem, ...]:
        """Closed items about this cause on one of these services, locked."""
        ...

    async def refuted_by(self, incident_id: UUID) -> tuple[ActionItem, ...]: ...
    async def evidence_due(self, on: datetime, limit: int) -> tuple[UUID, ...]:
        """Implemented items whose evidence window has ended by then and that have planned checks to run."""
        ...


class Checks(Protocol):
    async def get(self, id: UUID) -> Check: ...
    async def of_item(self, item_id: UUID) -> tuple[Check, ...]: ...
    async def add(self, check: Check) -> None: ...
    async def save(self, check: Check) -> None: ...
    async def recurrences(
        self, *, cause_id: UUID, service_id: UUID, start: datetime, end: datetime
    ) -> tuple[tuple[UUID, datetime], ...]:
        """Standard incidents with that confirmed cause on that service that started in the window."""
        ...


class Tickets(Protocol):
    async def get(self, id: UUID) -> Ticket: ...
    async def find(self, id: UUID) -> Ticket | None: ...
    async def find_of_item(self, item_id: UUID) -> Ticket | None: ...
    async def get_of_item(self, item_id: UUID) -> Ticket: ...
    async def of_items(self, item_ids: Sequence[UUID]) -> tuple[Ticket, ...]: ...
    async def find_external(self, provider: Provider, external_id: str) -> Ticket | None: ...
    async def add(self, ticket: Ticket) -> None: ...
    async def save(self, ticket: Ticket) -> Ticket: ...


class Deliveries(Protocol):
    async def get(self, id: UUID) -> Delivery: ...
    async def add(self, delivery: Delivery) -> None:
        """Queue it, unless one with the same key is queued already."""
        ...

    async def save(self, delivery: Delivery) -> None: ...
    async def due(self, now: datetime, provider: Provider, limit: int) -> tuple[UUID, ...]:
        """Unfinished deliveries that may be attempted now, oldest first, only the first of each ticket."""
        ...

    async def unfinished_of(self, ticket_id: UUID) -> tuple[Delivery, ...]:
        """What this ticket still waits for, locked."""
        ...

    async def hold(self, provider: Provider, until: datetime) -> None:
        """Attempt nothing for this provider before then: it asked us to wait."""
        ...


@dataclass(frozen=True, slots=True)
class InboxItem:
    """A webhook as it came, kept until it is handled."""

    id: UUID
    source: str
    delivery_id: str
    headers: Mapping[str, str]
    body: bytes
    received_at: datetime
    attempts: int = 0


class InboxItems(Protocol):
    async def due(self, now: datetime, limit: int) -> tuple[UUID, ...]: ...
    async def claim(self, id: UUID, now: datetime, until: datetime) -> InboxItem | None:
        """Take it until then, its attempt counted; None if it is handled or somebody else's."""
        ...

    async def handled(self, id: UUID, now: datetime, note: str | None) -> None: ...
    async def failed(self, id: UUID, now: datetime, error: str, retry_at: datetime | None) -> None: ...


class Findings(Protocol):
    async def get(self, id: UUID, caller: Caller) -> Finding: ...
    async def open(self, finding: Finding) -> bool:
        """Open it unless one with its code and subject is open; says whether it is new."""
        ...

    async def find_open(self, code: FindingCode, subject_id: UUID) -> Finding | None: ...
    async def save(self, finding: Finding) -> Finding: ...
    async def overdue_deployments(self, before: datetime, limit: int) -> tuple[UUID, ...]: ...


class Events(Protocol):
    async def add(self, event: Event) -> None: ...
    async def unhandled(self, limit: int) -> tuple[Event, ...]:
        """Events that the worker has not acted on, oldest first, locked and skipping those another worker holds."""
        ...

    async def claim(self, ids: Sequence[UUID], until: datetime) -> None:
        """Count an attempt before it is made; who dies over it leaves them to others after `until`."""
        ...

    async def handled(self, ids: Sequence[UUID], now: datetime) -> None: ...
    async def failed(self, id: UUID, error: str, retry_at: datetime) -> None: ...


class Risks(Protocol):
    async def histories(self, as_of: datetime, causes: Sequence[UUID] | None) -> tuple[PairHistory, ...]:
        """Every (root cause, service) pair of these causes, or of all, as known at `as_of`."""
        ...

    async def open_items(self, causes: Sequence[UUID] | None) -> tuple[RiskyItem, ...]: ...
    async def store(self, risks: Sequence[StoredRisk]) -> None: ...
    async def fit(self) -> StoredFit | None: ...
    async def save_fit(self, fit: StoredFit) -> None: ...


class History(Protocol):
    """Past incidents, many at a time."""

    async def existing(self, refs: Sequence[ExternalRef]) -> frozenset[tuple[str, str]]:
        """Those (source, id) that an incident has already."""
        ...

    async def find(self, names: Names) -> Known: ...
    async def add(self, additions: Additions, now: datetime) -> None:
        """Store all of it; its events count as handled at `now`, so that nothing reacts to them."""
        ...


class UnitOfWork(Protocol):
    """One transaction. Without `commit` nothing happened; committing also wakes the worker where there is work."""

    teams: Teams
    services: Services
    people: People
    service_accounts: ServiceAccounts
    api_keys: ApiKeys
    root_causes: RootCauses
    factors: Factors
    incidents: Incidents
    postmortems: Postmortems
    action_items: ActionItems
    checks: Checks
    tickets: Tickets
    deliveries: Deliveries
    inbox: InboxItems
    findings: Findings
    events: Events
    risks: Risks
    history: History

    async def commit(self) -> None: ...


OpenUnitOfWork = Callable[[], AbstractAsyncContextManager[UnitOfWork]]


# ── Reading ──────────────────────────────────────────────────────────────────────────────────────────────────────


class PreparedRead(Protocol):
    """A compiled read: variables and caller in, JSON bytes out. A single record that is not there is `b"null"`."""

    async def __call__(self, variables: Mapping[str, object], caller: Caller) -> bytes: ...


class Reads(Protocol):
    def prepare(self, selection: Selection) -> PreparedRead | None:
        """Compile (or remember) a selection; None if it names something that has no column."""
        ...

    async def count(self, selection: Selection, variables: Mapping[str, object], caller: Caller, at_most: int) -> int:
        """How many records a list holds for this caller, counted no further than `at_most`."""
        ...


class Facts(Protocol):
    """Plain rows for the metrics, one set-based query each. Restricted incidents count; no text leaves here."""

    async def items(self, where: FactFilter) -> tuple[ItemRow, ...]: ...
    async def postmortems(self, where: FactFilter) -> tuple[PostmortemRow, ...]: ...
    async def occurrences(self, where: FactFilter) -> tuple[OccurrenceRow, ...]:
        """Standard incidents with a confirmed cause since the filter's window began, on any service."""
        ...

    async def phases(self, where: FactFilter, phase: Phase) -> tuple[PhaseRow, ...]: ...
    async def severities(self, where: FactFilter) -> tuple[SeverityRow, ...]: ...


class Credentials(Protocol):
    async def authenticate(self, token: str) -> Caller:
        """The caller behind a bearer token. Raises Unauthenticated."""
        ...


class Health(Protocol):
    async def problems(self) -> tuple[str, ...]:
        """What keeps the service from working, in words; empty when it is ready."""
        ...


# ── Trackers ─────────────────────────────────────────────────────────────────────────────────────────────────────


class Tracker(Protocol):
    """A ticket system. Raises TrackerUnavailable (nothing happened), TrackerOutcomeUnknown, TrackerRefused, TicketGone."""

    async def create(self, route: Route, draft: TicketDraft) -> RemoteTicket: ...
    async def find_by_marker(self, route: Route, marker: UUID, since: datetime) -> RemoteTicket | None: ...
    async def read(self, ticket: Ticket) -> RemoteTicket: ...
    async def update(self, ticket: Ticket, update: TicketUpdate, marker: UUID) -> RemoteTicket:
        """Apply it; a comment carries `marker`, so that a second try finds the first one's comment and adds none."""
        ...

    async def resolve(self, reference: str) -> RemoteTicket:
        """The ticket a person names by URL or key."""
        ...

    async def changed_since(self, route: Route, since: datetime) -> Sequence[RemoteTicket]:
        """Every ticket of the route's project that changed since then; those in the bin, if listed, are `lost`."""
        ...

    async def find_user(self, route: Route, email: str) -> str | None:
        """What the person with this address is called there; None where nobody says."""
        ...


class Webhooks(Protocol):
    """What one provider sends us."""

    def delivery(self, headers: Mapping[str, str], body: bytes, secrets: Sequence[str], now: datetime) -> str:
        """The id of an authentic delivery. Raises Unauthenticated, or Invalid when it is malformed."""
        ...

    def read(self, headers: Mapping[str, str], body: bytes) -> TicketEvent | None:
        """What it says; None for events that mean nothing to us."""
        ...


class Inbox(Protocol):
    async def put(self, source: str, delivery_id: str, headers: Mapping[str, str], body: bytes) -> bool:
        """Keep a delivery and wake the worker; returns after COMMIT and says whether it was new."""
        ...


@dataclass(frozen=True, slots=True)
class WebhookSource:
    """A provider's webhooks and the secrets that are live; without one the route is closed."""

    webhooks: Webhooks
    secrets: tuple[str, ...]
    accepted_status: int = 202


@dataclass(frozen=True, slots=True)
class Ports:
    """One of each. `wiring.py` fills it with adapters, tests with fakes."""

    uow: OpenUnitOfWork
    reads: Reads
    facts: Facts
    credentials: Credentials
    health: Health
    inbox: Inbox
    clock: Clock
    policy: Policy
    risk_policy: RiskPolicy
    metrics_policy: MetricsPolicy
    trackers: Mapping[Provider, Tracker]
    webhooks: Mapping[str, WebhookSource]
