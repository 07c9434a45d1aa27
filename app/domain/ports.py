"""Everything the domain needs from outside, on one page: Protocols, and `Ports` that holds one of each."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from app.domain.access import Caller
from app.domain.actions.evidence import Check
from app.domain.actions.model import ActionItem, Change, Priority
from app.domain.annotations.model import Annotation
from app.domain.announcing.model import Announcement, AnnouncementTarget, Notice
from app.domain.budgets.alerts import Alert
from app.domain.budgets.changes import Face, Reprioritised
from app.domain.budgets.measuring import BudgetReading, MeasuredBudget
from app.domain.budgets.model import Boost, BoostKey, Effect
from app.domain.budgets.slos import Slo
from app.domain.deployments.model import Deployment, RepositoryReport
from app.domain.digests.model import ChatPost, Digest, Group
from app.domain.drafting.evidence import Bundle
from app.domain.drafting.model import Draft, DraftPolicy
from app.domain.drafting.proposal import Brief, ProposedSections, ProposedTimeline, WritingProgress
from app.domain.drafting.redaction import FindPhones, RedactionPolicy, no_phones
from app.domain.drafting.transcripts import Transcript
from app.domain.events import Event, EventFilter, PositionedEvent
from app.domain.follow_through.model import Finding, FindingCode
from app.domain.follow_through.rules import ItemFacts, PostmortemFacts
from app.domain.gathering import SourceFact, TimelineSource
from app.domain.incidents.history import Additions, Known, Names
from app.domain.incidents.model import ExternalRef, Incident
from app.domain.incidents.paging import Account, PagedIncident, PageEvent
from app.domain.learning.completion import ItemGroup
from app.domain.learning.durations import PhaseDurations
from app.domain.learning.effectiveness import Fixes
from app.domain.learning.factors import FactorSuggestion
from app.domain.learning.facts import FactFilter, PatternItem, Phase, RiskyItem, StoredFit, StoredRisk
from app.domain.learning.follow_through import Progress
from app.domain.learning.gauges import Gauge
from app.domain.learning.measures import MetricsPolicy, Window
from app.domain.learning.model import Factor, RootCause
from app.domain.learning.recurrence_rate import Recurrences
from app.domain.learning.remembering import Accounts
from app.domain.learning.resemblance import Story
from app.domain.learning.risk import PairHistory, RiskPolicy
from app.domain.learning.severities import SeverityGroup
from app.domain.learning.suggestions import (
    KnownCause,
    KnownIncident,
    Suggested,
    SuggestionAnswer,
    SuggestionPolicy,
    Unfinished,
)
from app.domain.learning.training import Models
from app.domain.meta_reviews.counting import Quotes, Seen, Span, Struck, Totals
from app.domain.meta_reviews.model import Build, MetaReview, MetaReviewPolicy
from app.domain.meta_reviews.pattern import Exposed, Pattern, Quote
from app.domain.meta_reviews.period import Quarter
from app.domain.meta_reviews.theme import Theme
from app.domain.meta_reviews.wording import Wording
from app.domain.monitoring import Backend, Series
from app.domain.once import Done, OnceKey
from app.domain.organisation.model import ApiKey, Person, Provider, Route, Service, ServiceAccount, Team
from app.domain.outbound.model import WebhookAttempt, WebhookDelivery, WebhookEndpoint
from app.domain.policy import Policy
from app.domain.postmortems.model import Postmortem, Publication
from app.domain.postmortems.tiers import CauseHistory
from app.domain.selection import Filter, Page, Selection
from app.domain.tracking.deliveries import Delivery
from app.domain.tracking.model import (
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
    async def find_by_name(self, name: str) -> Service | None:
        """The only service with this name, in any case."""
        ...

    async def of_repository(self, repository: str) -> tuple[Service, ...]:
        """Those whose own tracker route is this GitHub repository, in any case."""
        ...

    async def slugs(self) -> tuple[str, ...]: ...
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
    async def forget_sessions(self, before: datetime) -> int:
        """Delete the keys of sign-ins that ended before then."""
        ...

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


class IncidentFacts(Protocol):
    """What sources tell of incidents, kept until it is in a timeline, and what a paging system said last."""

    async def find_account(self, incident_id: UUID, source: str) -> Account | None: ...
    async def keep_account(self, account: Account) -> None: ...
    async def add(self, incident_id: UUID, facts: Sequence[SourceFact], now: datetime) -> int:
        """Keep those whose ids are not known for this incident yet; how many that were."""
        ...

    async def untaken(self, incident_id: UUID, limit: int) -> tuple[SourceFact, ...]:
        """Those that were never in a timeline, in order; locked."""
        ...

    async def taken(self, incident_id: UUID, ids: Sequence[str]) -> None: ...
    async def all(self, incident_id: UUID, limit: int) -> tuple[SourceFact, ...]:
        """Those that are known, in order."""
        ...


class Drafts(Protocol):
    """Drafts with their evidence, and the transcripts that were uploaded for them."""

    async def get(self, id: UUID, caller: Caller) -> Draft: ...
    async def add(self, draft: Draft) -> None: ...
    async def save(self, draft: Draft) -> Draft: ...
    async def running_of(self, postmortem_id: UUID) -> bool: ...
    async def due(self, now: datetime) -> tuple[UUID, ...]:
        """Those that are queued, or were cut off: their lease has ended."""
        ...

    async def claim(self, id: UUID, now: datetime) -> Draft | None:
        """Locked, if it is due; None if it is not, or somebody else claims it."""
        ...

    async def hold(self, id: UUID, until: datetime) -> None: ...
    async def count_transcripts(self, postmortem_id: UUID) -> int: ...
    async def add_transcript(self, transcript: Transcript) -> None: ...
    async def transcripts(self, postmortem_id: UUID) -> tuple[Transcript, ...]: ...


class Deployments(Protocol):
    async def find(self, id: UUID) -> Deployment | None: ...
    async def get_external(self, source: str, external_id: str) -> Deployment | None:
        """The one with this name there, locked."""
        ...

    async def add(self, deployment: Deployment) -> None: ...
    async def save(self, deployment: Deployment) -> Deployment: ...
    async def naming(self, references: Sequence[str]) -> tuple[Deployment, ...]:
        """Those that name one of these normalized references."""
        ...

    async def between(self, service_ids: Sequence[UUID], start: datetime, end: datetime) -> tuple[Deployment, ...]:
        """Those of these services that ended at `start` or later and began at `end` or earlier, the latest first, at
        most a thousand."""
        ...


class Annotations(Protocol):
    async def get_external(self, source: str, external_id: str) -> Annotation | None:
        """The one with this name there, locked."""
        ...

    async def add(self, annotation: Annotation) -> None: ...
    async def save(self, annotation: Annotation) -> Annotation: ...
    async def between(self, service_ids: Sequence[UUID], start: datetime, end: datetime) -> tuple[Annotation, ...]:
        """Those of these services, or of none, that overlap the time, the earliest first, at most a thousand."""
        ...


class Announcements(Protocol):
    async def get(self, id: UUID, *, of: UUID | None = None) -> Announcement:
        """`of`: only if it is this postmortem's."""
        ...

    async def of_incident(self, incident_id: UUID) -> tuple[Announcement, ...]: ...
    async def add(self, announcement: Announcement) -> bool:
        """Queue it, unless this place is told of this postmortem already; says whether it is new."""
        ...

    async def save(self, announcement: Announcement) -> None: ...
    async def due(self, now: datetime, target: AnnouncementTarget, limit: int) -> tuple[UUID, ...]: ...
    async def hold(self, target: AnnouncementTarget, until: datetime) -> None:
        """Attempt nothing for this target before then: it asked us to wait."""
        ...


class Postmortems(Protocol):
    async def get(self, id: UUID, caller: Caller) -> Postmortem: ...
    async def find_by_incident(self, incident_id: UUID) -> Postmortem | None: ...
    async def add(self, postmortem: Postmortem) -> None: ...
    async def save(self, postmortem: Postmortem) -> Postmortem: ...
    async def publish(self, postmortem_id: UUID, publication: Publication) -> None: ...
    async def latest_publication(self, postmortem_id: UUID) -> Publication | None: ...


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
    ) -> tuple[tuple[UUID | None, datetime], ...]:
        """Standard incidents with that confirmed cause on that service that started in the window; no id of a
        restricted one."""
        ...


class Tickets(Protocol):
    async def get(self, id: UUID) -> Ticket: ...
    async def find(self, id: UUID) -> Ticket | None: ...
    async def find_of_item(self, item_id: UUID) -> Ticket | None: ...
    async def get_of_item(self, item_id: UUID) -> Ticket: ...
    async def of_items(self, item_ids: Sequence[UUID]) -> tuple[Ticket, ...]: ...
    async def find_external(self, provider: Provider, external_id: str) -> Ticket | None: ...
    async def find_named(self, names: Sequence[str]) -> tuple[Ticket, ...]:
        """Those whose key or URL is one of these, in any case; the names are in lower case."""
        ...

    async def find_externals(self, provider: Provider, external_ids: Sequence[str]) -> tuple[Ticket, ...]: ...
    async def linked(self, touched_since: datetime) -> tuple[Ticket, ...]:
        """Tickets that their trackers have, of items that are not closed or declined, or touched here since then."""
        ...

    async def add(self, ticket: Ticket) -> None: ...
    async def save(self, ticket: Ticket) -> Ticket: ...


class Deliveries(Protocol):
    async def get(self, id: UUID) -> Delivery: ...
    async def creations(self, markers: Sequence[UUID]) -> tuple[Delivery, ...]:
        """The deliveries that were to create tickets with these markers."""
        ...

    async def add(self, delivery: Delivery) -> bool:
        """Queue it, unless one with the same key is known already; says whether it is new."""
        ...

    async def add_many(self, deliveries: Sequence[Delivery]) -> None:
        """The same for many, in one statement."""
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
    async def bodies(self, source: str, start: datetime, end: datetime) -> tuple[bytes, ...]:
        """What this source sent between the two, in order, at most two thousand."""
        ...


class Findings(Protocol):
    async def get(self, id: UUID, caller: Caller) -> Finding: ...
    async def open(self, finding: Finding) -> bool:
        """Open it unless one with its code and subject is open; says whether it is new."""
        ...

    async def find_open(self, code: FindingCode, subject_id: UUID) -> Finding | None: ...
    async def was_dismissed(self, code: FindingCode, subject_id: UUID, since: datetime) -> bool: ...
    async def save(self, finding: Finding) -> Finding: ...
    async def undetermined_incidents(self, before: datetime, limit: int) -> tuple[UUID, ...]:
        """Incidents resolved before then whose confirmed cause is `undetermined`, each reported once."""
        ...

    async def overdue_deployments(self, before: datetime, limit: int) -> tuple[UUID, ...]: ...


class Digests(Protocol):
    """Posts to channels, and what is in them: nothing that derives from a restricted incident."""

    async def teams(self) -> tuple[Team, ...]:
        """Those that have a channel."""
        ...

    async def add(self, post: ChatPost) -> bool:
        """Queue it unless its period has one; says whether it is new."""
        ...

    async def due(self, now: datetime, limit: int) -> tuple[UUID, ...]: ...
    async def claimable(self, id: UUID, now: datetime) -> ChatPost | None: ...
    async def save(self, post: ChatPost) -> None: ...
    async def week(self, team: Team, start: datetime, end: datetime, limit: int) -> tuple[Group, ...]: ...
    async def planning(self, team: Team, now: datetime, limit: int) -> tuple[Group, ...]: ...
    async def leadership(self, limit: int) -> tuple[Group, ...]: ...


class ChatRoom(Protocol):
    """Where digests are posted. Raises as `NoticeBoard` does."""

    async def find(self, place: str, marker: UUID, since: datetime) -> str | None: ...
    async def post(self, place: str, marker: UUID, digest: Digest, public_url: str) -> str: ...


class ChatEvents(Protocol):
    """What a chat sends us."""

    def answer(self, headers: Mapping[str, str], body: bytes, secrets: Sequence[str], now: datetime) -> str | None:
        """The challenge that is to be sent back, if this is one. Raises Unauthenticated."""
        ...


@dataclass(frozen=True, slots=True)
class ChatSource:
    """A chat that may post to us, and the live secrets that it signs with."""

    events: ChatEvents
    secrets: Sequence[str]


class FollowThrough(Protocol):
    """What the rules of time ask about. Each list is in the order of ids, after the one given."""

    async def items(
        self, codes: Sequence[FindingCode], day: date, after: UUID | None, limit: int
    ) -> tuple[ItemFacts, ...]:
        """Items that may break a rule on this day, and those about which a finding with one of the codes is open."""
        ...

    async def postmortems(
        self, codes: Sequence[FindingCode], day: date, after: UUID | None, limit: int
    ) -> tuple[PostmortemFacts, ...]: ...
    async def findings(self, codes: Sequence[FindingCode], subject_ids: Sequence[UUID]) -> tuple[Finding, ...]:
        """The open and the dismissed ones with these codes about these subjects."""
        ...

    async def determined(self, limit: int) -> tuple[Finding, ...]:
        """Open findings `cause_undetermined` of incidents whose cause is not, any more."""
        ...


class Events(Protocol):
    async def add(self, event: Event) -> None: ...
    async def add_many(self, events: Sequence[Event]) -> None: ...
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
    async def pattern_items(self, item_id: UUID | None) -> tuple[PatternItem, ...]:
        """Not-closed items of meta-reviews: this one, or all."""
        ...

    async def causes_on(self, service_id: UUID) -> tuple[UUID, ...]:
        """The root causes of the service's not-closed items."""
        ...

    async def store(self, risks: Sequence[StoredRisk]) -> None: ...
    async def fit(self) -> StoredFit | None: ...
    async def save_fit(self, fit: StoredFit) -> None: ...


class Acceptances(Protocol):
    """Accepted evidence with what followed it, as the records say now; each returns how many rows changed."""

    async def follow_item(self, item_id: UUID) -> int: ...
    async def follow_causes(self, causes: Sequence[UUID]) -> int: ...
    async def follow_incident(self, incident_id: UUID) -> int:
        """Those with the incident's cause."""
        ...

    async def follow_all(self) -> int: ...


class Boosts(Protocol):
    """The ledger of boosts, what was measured of budgets, and what both do to items."""

    async def lock(self, service_id: UUID) -> None:
        """One writer at a time for a service's boosts, until the transaction ends."""
        ...

    async def get(self, id: UUID) -> Boost: ...
    async def find(self, key: BoostKey) -> Boost | None:
        """The live boost of the key, else the one that ended last."""
        ...

    async def live(self, service_ids: Sequence[UUID]) -> tuple[Boost, ...]: ...
    async def ageing(self, now: datetime) -> tuple[UUID, ...]:
        """Services with live boosts that are clear, or that nobody vouches for any more."""
        ...

    async def count_new(self, source: str, raised_by: str, since: datetime) -> int:
        """How many boosts this source, or this credential, has raised since then."""
        ...

    async def add(self, boost: Boost) -> None: ...
    async def save(self, boost: Boost) -> Boost: ...
    async def reprioritise(self, service_id: UUID, effects: Mapping[Priority, Effect]) -> tuple[Reprioritised, ...]:
        """Write the effect on each base priority to the service's not-closed items, in one statement; what changed."""
        ...

    async def faces(self, item_ids: Sequence[UUID]) -> tuple[Face, ...]:
        """The tickets of these items, but for lost ones."""
        ...

    async def withhold(self, until: Mapping[UUID, datetime]) -> None:
        """Remember when the tickets of these items may be told of a fall."""
        ...

    async def withheld(self, now: datetime, limit: int) -> tuple[Reprioritised, ...]:
        """Items whose tickets may be told by now, locked and no longer remembered."""
        ...

    async def record(self, reading: BudgetReading) -> None: ...
    async def recent(self, service_id: UUID, limit: int) -> tuple[BudgetReading, ...]:
        """The latest readings, newest first; the last one of each SLO and source is always among them."""
        ...

    async def forget_readings(self, before: datetime) -> int: ...


class Slos(Protocol):
    async def find(self, service_id: UUID, name: str) -> Slo | None: ...
    async def of_service(self, service_id: UUID) -> tuple[Slo, ...]: ...
    async def service_of(self, name: str) -> UUID | None:
        """The service of the only SLO with this name; None where there is none or more than one."""
        ...

    async def add(self, slo: Slo) -> None: ...
    async def save(self, slo: Slo) -> Slo: ...


class MetaReviews(Protocol):
    """Reviews with their patterns and themes."""

    async def get(self, id: UUID) -> MetaReview: ...
    async def find(self, id: UUID) -> MetaReview | None: ...
    async def find_by_period(self, period: Quarter) -> MetaReview | None: ...
    async def unpublished(self) -> tuple[UUID, ...]: ...
    async def add(self, review: MetaReview) -> bool:
        """Add it unless its period has one; says whether it is new."""
        ...

    async def save(self, review: MetaReview) -> MetaReview: ...
    async def progress(self, id: UUID, build: Build) -> None:
        """Show how far counting is; that is no change of the review."""
        ...

    async def patterns(self, review_id: UUID) -> tuple[Pattern, ...]: ...
    async def find_pattern(self, id: UUID) -> Pattern | None: ...
    async def pattern_named(self, review_id: UUID, key: str) -> Pattern:
        """Raises NotFound."""
        ...

    async def keys_with_items(self, review_id: UUID) -> frozenset[str]:
        """The patterns that something was promised about."""
        ...

    async def save_patterns(self, patterns: Sequence[Pattern]) -> None: ...
    async def remove_patterns(self, ids: Sequence[UUID]) -> None: ...
    async def themes(self, review_id: UUID) -> tuple[Theme, ...]: ...
    async def get_theme(self, id: UUID) -> Theme: ...
    async def save_themes(self, themes: Sequence[Theme]) -> None: ...
    async def remove_themes(self, ids: Sequence[UUID]) -> None: ...


class Quarters(Protocol):
    """What the records of a quarter say, one set-based query a question. Restricted incidents count; no text of one
    leaves here."""

    async def has_incidents(self, span: Span) -> bool: ...
    async def totals(self, span: Span) -> Totals: ...
    async def seen(self, span: Span) -> tuple[Seen, ...]: ...
    async def quotes(self, span: Span, policy: MetaReviewPolicy) -> Quotes: ...
    async def services(self, span: Span, policy: MetaReviewPolicy) -> Struck:
        """Those struck most: by each pattern, and by all factors together."""
        ...

    async def wording(self, span: Span, policy: MetaReviewPolicy) -> tuple[Wording, ...]: ...
    async def saying(self, phrase: str, span: Span) -> tuple[int, int, tuple[UUID, ...]]:
        """How many postmortems without a factor say this phrase, now and in the quarter before, and which now."""
        ...

    async def quoted(self, ids: Sequence[UUID], phrase: str, policy: MetaReviewPolicy) -> tuple[Quote, ...]: ...
    async def struck_by(self, ids: Sequence[UUID]) -> tuple[Exposed, ...]: ...


class SuggestionAnswers(Protocol):
    """What people made of suggestions: one answer for each incident and what was suggested."""

    async def find(self, incident_id: UUID, suggested: Suggested) -> SuggestionAnswer | None: ...
    async def add(self, answer: SuggestionAnswer) -> None: ...
    async def save(self, answer: SuggestionAnswer) -> SuggestionAnswer: ...


class History(Protocol):
    """Past incidents, many at a time."""

    async def existing(self, refs: Sequence[ExternalRef]) -> frozenset[tuple[str, str]]:
        """Those (source, id) that an incident has already."""
        ...

    async def find(self, names: Names) -> Known: ...
    async def add(self, additions: Additions, now: datetime) -> None:
        """Store all of it; its events count as handled at `now`, so that nothing reacts to them."""
        ...


class WebhookEndpoints(Protocol):
    async def get(self, id: UUID) -> WebhookEndpoint: ...
    async def find(self, id: UUID) -> WebhookEndpoint | None: ...
    async def all(self) -> tuple[WebhookEndpoint, ...]:
        """Every one, locked."""
        ...

    async def active(self) -> tuple[WebhookEndpoint, ...]:
        """Those that get events, locked, so that one process at a time makes their deliveries."""
        ...

    async def add(self, endpoint: WebhookEndpoint) -> None: ...
    async def save(self, endpoint: WebhookEndpoint) -> WebhookEndpoint: ...
    async def advance(self, ids: Sequence[UUID], position: int) -> None:
        """Deliveries have been made up to that position."""
        ...


class WebhookDeliveries(Protocol):
    def wake(self) -> None:
        """Look for due ones once this commits."""
        ...

    async def get(self, id: UUID) -> WebhookDelivery: ...
    async def add_many(self, deliveries: Sequence[WebhookDelivery]) -> None:
        """Queue them, but for those of an event that is on its way to that endpoint already."""
        ...

    async def save(self, delivery: WebhookDelivery) -> None: ...
    async def due(
        self, now: datetime, *, limit: int, per_endpoint: int, but: Sequence[UUID]
    ) -> tuple[tuple[UUID, UUID], ...]:
        """(delivery, endpoint) that may be attempted now, so many of each active endpoint at most, but not these."""
        ...

    async def keep_attempt(self, attempt: WebhookAttempt) -> None: ...
    async def give_up(self, endpoint_id: UUID, now: datetime, why: str) -> None:
        """What is on its way to this endpoint is dead."""
        ...

    async def requeue(self, endpoint_id: UUID, event_ids: Sequence[UUID], now: datetime, *, sent_too: bool) -> None:
        """Those of these events that did not arrive are pending again, and those that did if `sent_too`."""
        ...

    async def event_of(self, delivery: WebhookDelivery) -> PositionedEvent | None: ...
    async def events_between(self, since: datetime, until: datetime, limit: int) -> tuple[PositionedEvent, ...]: ...
    async def forget(self, before: datetime) -> int:
        """Drop finished ones that are older; how many there were."""
        ...


class UnitOfWork(Protocol):
    """One transaction. Without `commit` nothing happened; committing also wakes the worker where there is work."""

    @property
    def teams(self) -> Teams: ...
    @property
    def services(self) -> Services: ...
    @property
    def people(self) -> People: ...
    @property
    def service_accounts(self) -> ServiceAccounts: ...
    @property
    def api_keys(self) -> ApiKeys: ...
    @property
    def root_causes(self) -> RootCauses: ...
    @property
    def factors(self) -> Factors: ...
    @property
    def incidents(self) -> Incidents: ...
    @property
    def incident_facts(self) -> IncidentFacts: ...
    @property
    def drafts(self) -> Drafts: ...
    @property
    def deployments(self) -> Deployments: ...
    @property
    def annotations(self) -> Annotations: ...
    @property
    def announcements(self) -> Announcements: ...
    @property
    def postmortems(self) -> Postmortems: ...
    @property
    def action_items(self) -> ActionItems: ...
    @property
    def checks(self) -> Checks: ...
    @property
    def tickets(self) -> Tickets: ...
    @property
    def deliveries(self) -> Deliveries: ...
    @property
    def inbox(self) -> InboxItems: ...
    @property
    def findings(self) -> Findings: ...
    @property
    def follow_through(self) -> FollowThrough: ...
    @property
    def digests(self) -> Digests: ...
    @property
    def events(self) -> Events: ...
    @property
    def risks(self) -> Risks: ...
    @property
    def acceptances(self) -> Acceptances: ...
    @property
    def boosts(self) -> Boosts: ...
    @property
    def slos(self) -> Slos: ...
    @property
    def meta_reviews(self) -> MetaReviews: ...
    @property
    def quarters(self) -> Quarters: ...
    @property
    def suggestion_answers(self) -> SuggestionAnswers: ...
    @property
    def history(self) -> History: ...
    @property
    def webhook_endpoints(self) -> WebhookEndpoints: ...
    @property
    def webhook_deliveries(self) -> WebhookDeliveries: ...

    async def commit(self) -> None: ...


OpenUnitOfWork = Callable[[], AbstractAsyncContextManager[UnitOfWork]]


# ── Reading ──────────────────────────────────────────────────────────────────────────────────────────────────────


class PreparedRead(Protocol):
    """A compiled read: variables and caller in, JSON bytes out. A single record that is not there is `b"null"`.

    Raises IncompleteRecord where a required field, edge or page is missing.
    """

    async def __call__(self, variables: Mapping[str, object], caller: Caller) -> bytes: ...


class Reads(Protocol):
    def prepare(self, read: Selection | Page) -> PreparedRead | None:
        """Compile (or remember) a read; None if it names something that has no column."""
        ...

    async def count(
        self, kind: str, filters: tuple[Filter, ...], variables: Mapping[str, object], caller: Caller, at_most: int
    ) -> int:
        """How many records a list holds for this caller, counted no further than `at_most`."""
        ...


@dataclass(frozen=True, slots=True)
class EventPage:
    """Events by position; `upto` is where to go on, past what was left out."""

    events: tuple[PositionedEvent, ...]
    upto: int


class EventFeed(Protocol):
    """Committed events in the order of their positions; who has read up to one has missed none before it."""

    async def last(self) -> int:
        """The last position there is."""
        ...

    async def page(self, wanted: EventFilter, caller: Caller, *, after: int, limit: int) -> EventPage:
        """Events after that position that the caller wants and may see."""
        ...

    async def on_lists(self, people: Collection[UUID]) -> frozenset[UUID]:
        """Those of these people who are on the list of some restricted incident."""
        ...

    async def wait(self, *, after: int, seconds: float) -> None:
        """Until there are positions after that one, or so many seconds are over."""
        ...


class Facts(Protocol):
    """What metrics are computed from, counted by one set-based query each. Restricted incidents count; no text leaves
    here. Buckets are named by their number in the window."""

    async def items(self, where: FactFilter, window: Window) -> tuple[ItemGroup, ...]: ...
    async def recurrences(self, where: FactFilter, window: Window) -> Recurrences:
        """Filters say which postmortems; a recurrence counts wherever it was."""
        ...

    async def durations(self, where: FactFilter, window: Window) -> Mapping[Phase, PhaseDurations]: ...
    async def severities(self, where: FactFilter, window: Window) -> tuple[SeverityGroup, ...]: ...
    async def fixes(self, where: FactFilter, window: Window) -> Fixes:
        """Acceptances of evidence in the window, refuted ones too."""
        ...

    async def progress(self, where: FactFilter, window: Window) -> Progress: ...


class Gauges(Protocol):
    """The last computed metrics as plain numbers."""

    async def teams(self) -> tuple[str, ...]:
        """Slugs of the teams that have numbers of their own."""
        ...

    async def store(self, gauges: Sequence[Gauge], at: datetime) -> None:
        """In place of all that were there."""
        ...

    async def load(self) -> tuple[tuple[Gauge, ...], datetime | None]: ...


class ScrapePage(Protocol):
    """What a monitoring system reads of us."""

    def admits(self, token: str) -> bool:
        """Whether this is the token set for it."""
        ...

    async def render(self) -> tuple[bytes, str]:
        """The page and its content type."""
        ...


class Neighbours(Protocol):
    """Incidents and causes that may be like another; what the caller may not see is not there."""

    async def incident(self, id: UUID, caller: Caller) -> KnownIncident:
        """Raises NotFound."""
        ...

    async def near(
        self,
        terms: Sequence[str],
        story: Story,
        caller: Caller,
        *,
        but: UUID | None,
        before: datetime | None,
        most: int,
        read: int,
    ) -> tuple[KnownIncident, ...]:
        """Among at most `most` that share words, services or factors with the story and began before, the `read` most
        promising."""
        ...

    async def described(self, terms: Sequence[str], most: int) -> tuple[KnownCause, ...]:
        """Entries of the catalogue whose own words are among these."""
        ...

    async def causes(self, ids: Sequence[UUID]) -> Mapping[UUID | None, KnownCause]: ...
    async def unfinished(self, incident_ids: Sequence[UUID]) -> Unfinished:
        """Items of these incidents that are not closed."""
        ...


class FactorSuggester(Protocol):
    """Reads a text for contributing factors; `source` names how."""

    @property
    def source(self) -> str: ...
    async def suggest(self, text: str) -> tuple[FactorSuggestion, ...]: ...


class Credentials(Protocol):
    async def authenticate(self, token: str) -> Caller:
        """The caller behind a bearer token. Raises Unauthenticated."""
        ...


class Once(Protocol):
    """Things done at most once under a key that the caller chose."""

    async def find(self, key: OnceKey) -> Done | None:
        """What was done under it. Raises KeyReused, or InFlight where it has not been answered yet."""
        ...

    def unit_of_work(self, key: OnceKey) -> OpenUnitOfWork:
        """For one request: its transactions hold the key or raise InFlight, the first to commit records it."""
        ...

    async def keep(self, key: OnceKey, done: Done) -> None:
        """Remember the answer, if something was done; never fails, because what was done is done."""
        ...

    async def forget(self, before: datetime) -> None: ...


class Bucket(StrEnum):
    """What is counted apart from each other."""

    ADDRESS = "address"
    CREDENTIAL = "credential"
    WEBHOOKS = "webhooks"
    FAILURES = "failures"


@dataclass(frozen=True, slots=True)
class Allowance:
    """How many requests a minute there may be, how many are left, and when there will be more again."""

    limit: int
    remaining: int
    seconds: int
    is_in: bool


class RateLimits(Protocol):
    """None: this bucket has no limit, or nobody can say at the moment."""

    async def hit(self, bucket: Bucket, who: str) -> Allowance | None:
        """Take one out."""
        ...

    async def look(self, bucket: Bucket, who: str) -> Allowance | None:
        """Whether there is one left, without taking it."""
        ...


class Health(Protocol):
    async def problems(self) -> tuple[str, ...]:
        """What keeps the service from working, in words; empty when it is ready."""
        ...


# ── Trackers ─────────────────────────────────────────────────────────────────────────────────────────────────────


class Tracker(Protocol):
    """A ticket system. Raises TrackerUnavailable (nothing happened), TrackerOutcomeUnknown, TrackerRefused or
    TicketGone."""

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


class AlertWebhooks(Protocol):
    """What one monitoring system sends us."""

    def delivery(self, headers: Mapping[str, str], body: bytes, secrets: Sequence[str], now: datetime) -> str:
        """An id for an authentic post. Raises Unauthenticated, or Invalid when it is malformed."""
        ...

    def alerts(self, body: bytes) -> tuple[Alert, ...]:
        """The alerts about error budgets in it. Raises Invalid."""
        ...


class PageWebhooks(Protocol):
    """What one paging system sends us."""

    def delivery(self, headers: Mapping[str, str], body: bytes, secrets: Sequence[str], now: datetime) -> str:
        """The id of an authentic delivery. Raises Unauthenticated, or Invalid when it is malformed."""
        ...

    def read(self, headers: Mapping[str, str], body: bytes) -> PageEvent | None:
        """What it says of which incident; None for events that mean nothing to us. Raises Invalid."""
        ...


class DeploymentWebhooks(Protocol):
    """What one forge sends us."""

    def read_deployment(self, headers: Mapping[str, str], body: bytes) -> RepositoryReport | None:
        """What it says of a deployment; None for everything else. Raises Invalid."""
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
class SignalSource:
    """A monitoring system's webhooks and the credentials that are live; without one the route is closed."""

    webhooks: AlertWebhooks
    secrets: tuple[str, ...]
    accepted_status: int = 202


@dataclass(frozen=True, slots=True)
class PageSource:
    """A paging system's webhooks and the secrets that are live; without one the route is closed."""

    webhooks: PageWebhooks
    secrets: tuple[str, ...]
    accepted_status: int = 202


# ── Paging, and places that are told ─────────────────────────────────────────────────────────────────────────────


class PagingSystem(Protocol):
    """Where incidents are paged. Raises NotThere, ProviderUnavailable and ProviderRefused."""

    async def fetch(self, reference: str) -> PagedIncident:
        """The incident with this id or URL, with its log, alerts and notes."""
        ...


class NoticeBoard(Protocol):
    """A place that is told of published postmortems. Raises ProviderUnavailable (nothing happened),
    ProviderOutcomeUnknown and ProviderRefused."""

    async def find(self, notice: Notice) -> str | None:
        """What the notice with this marker is called there, if it is there already."""
        ...

    async def post(self, notice: Notice) -> str:
        """Write it, marker included; what it is called there."""
        ...


# ── Monitoring ───────────────────────────────────────────────────────────────────────────────────────────────────


class Monitoring(Protocol):
    """A system that keeps time series. Raises InvalidQuery with its own words, and MonitoringUnavailable."""

    def require_series(self, query: str) -> None:
        """Raise InvalidQuery for a query that reads no series, such as a constant."""
        ...

    async def at_end(self, query: str, start: datetime, end: datetime) -> tuple[Series, ...]:
        """Each series with its value at the end of the window; without a point where that is missing or stale."""
        ...

    async def points(self, query: str, start: datetime, end: datetime, step: float) -> tuple[Series, ...]:
        """The series between two instants, a point every `step` seconds."""
        ...

    async def doubts(self, query: str, start: datetime, end: datetime) -> tuple[str, ...]:
        """Why the answer at the window's end may show less than there was, in words for people; mostly nothing."""
        ...

    def graph(self, query: str, start: datetime, end: datetime) -> str:
        """Where people can look at it."""
        ...


class SloSource(Protocol):
    """A system that measures error budgets. Raises MonitoringUnavailable."""

    async def budgets(self, now: datetime) -> tuple[MeasuredBudget, ...]: ...


# ── Sending out ──────────────────────────────────────────────────────────────────────────────────────────────────


class Vault(Protocol):
    """Keeps secrets that we must be able to read again. Raises Unavailable where a key is missing."""

    def seal(self, text: str) -> str: ...
    def open(self, sealed: str) -> str: ...
    def renew(self, sealed: str) -> str:
        """The same secret, sealed with the newest key."""
        ...


@dataclass(frozen=True, slots=True)
class Answered:
    """What a receiver said; only 2xx means that it has it."""

    status: int
    text: str = ""
    retry_after: float | None = None

    @property
    def accepted(self) -> bool:
        return 200 <= self.status < 300


class NotSent(Exception):
    """There was no answer, or the address is not one that we send to; the text says which."""


class Sender(Protocol):
    async def post(self, url: str, headers: Mapping[str, str], body: bytes, *, timeout: float) -> Answered:
        """Send it once, following no redirect. Raises NotSent."""
        ...


class Drafter(Protocol):
    """Something that writes the analysis of a postmortem from redacted evidence."""

    async def write(
        self,
        brief: Brief,
        bundle: Bundle,
        timeline: ProposedTimeline,
        progress: Callable[[WritingProgress], Awaitable[None]],
    ) -> ProposedSections:
        """Checked sentence by sentence. What goes wrong is in the answer (`writing`, `reason`), not raised."""
        ...


@dataclass(frozen=True, slots=True)
class Ports:
    """One of each. `wiring.py` fills it with adapters, tests with fakes."""

    uow: OpenUnitOfWork
    reads: Reads
    facts: Facts
    gauges: Gauges
    scrape_page: ScrapePage
    credentials: Credentials
    once: Once
    rate_limits: RateLimits
    health: Health
    inbox: Inbox
    clock: Clock
    policy: Policy
    risk_policy: RiskPolicy
    metrics_policy: MetricsPolicy
    feed: EventFeed
    vault: Vault
    sender: Sender
    neighbours: Neighbours
    models: Callable[[], Models]
    suggester: FactorSuggester
    offline_suggester: FactorSuggester
    trackers: Mapping[Provider, Tracker]
    webhooks: Mapping[str, WebhookSource]
    signals: Mapping[str, SignalSource] = field(default_factory=dict)
    monitoring: Mapping[Backend, Monitoring] = field(default_factory=dict)
    slo_sources: Mapping[str, SloSource] = field(default_factory=dict)
    suggestion_policy: SuggestionPolicy = field(default_factory=SuggestionPolicy)
    accounts: Accounts = field(default_factory=Accounts)
    meta_review_policy: MetaReviewPolicy = field(default_factory=MetaReviewPolicy)
    paging: Mapping[str, PagingSystem] = field(default_factory=dict)
    pages: Mapping[str, PageSource] = field(default_factory=dict)
    forges: Mapping[str, DeploymentWebhooks] = field(default_factory=dict)
    boards: Mapping[AnnouncementTarget, NoticeBoard] = field(default_factory=dict)
    chat_room: ChatRoom | None = None
    chats: Mapping[str, ChatSource] = field(default_factory=dict)
    timeline_sources: Mapping[str, TimelineSource] = field(default_factory=dict)
    draft_sources: Mapping[str, TimelineSource] = field(default_factory=dict)
    drafter: Drafter | None = None
    draft_policy: DraftPolicy = field(default_factory=DraftPolicy)
    redaction_policy: RedactionPolicy = field(default_factory=RedactionPolicy)
    find_phones: FindPhones = no_phones
