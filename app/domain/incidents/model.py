"""An incident: what broke, when, how we noticed, and what it was caused by."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import IntEnum, StrEnum
from typing import Any
from uuid import UUID

from app.domain.errors import Invalid


class Severity(IntEnum):
    """P1 is the worst. The number is the rank."""

    P1 = 1
    P2 = 2
    P3 = 3
    P4 = 4
    P5 = 5


class Mode(StrEnum):
    """Only standard incidents count in metrics, risk and refutation."""

    STANDARD = "standard"
    TEST = "test"
    TUTORIAL = "tutorial"


class Impact(StrEnum):
    """How customers were affected, from none to significant."""

    NONE = "none"
    LIMITED = "limited"
    MODERATE = "moderate"
    SIGNIFICANT = "significant"

    def at_least(self, other: "Impact") -> bool:
        order = list(Impact)
        return order.index(self) >= order.index(other)


class DetectionSource(StrEnum):
    """Who noticed first."""

    ALERT = "alert"
    CUSTOMER = "customer"
    EMPLOYEE = "employee"
    OTHER = "other"


class Visibility(StrEnum):
    """`restricted`: only admins and the people on the incident's list know that it exists."""

    ORGANIZATION = "organization"
    RESTRICTED = "restricted"


class CauseStatus(StrEnum):
    """A proposed cause counts nowhere; a confirmed one decides recurrence."""

    PROPOSED = "proposed"
    CONFIRMED = "confirmed"


class ChangeRole(StrEnum):
    """What a recent change had to do with it."""

    CAUSED = "caused"
    WORSENED = "worsened"
    NONE = "none"


class ChangeKind(StrEnum):
    """What was changed."""

    DEPLOYMENT = "deployment"
    CONFIG = "config"
    FLAG = "flag"
    INFRASTRUCTURE = "infrastructure"


class Rollout(StrEnum):
    """How the change reached production."""

    CANARY = "canary"
    STAGED = "staged"
    DIRECT = "direct"


MOMENTS = ("started_at", "detected_at", "acknowledged_at", "mitigated_at", "resolved_at")
"""The instants of an incident in the order in which they can only happen."""

CLOCK_TOLERANCE = timedelta(minutes=1)
"""So much may the clock of whoever tells us be ahead of ours."""

MANUAL = "manual"
"""The source of an instant that a person told us."""


@dataclass(frozen=True, slots=True)
class Moments:
    """The instants of an incident. `sources` says for each where it comes from (`pagerduty`, `manual`, ...)."""

    started_at: datetime | None = None
    detected_at: datetime | None = None
    acknowledged_at: datetime | None = None
    mitigated_at: datetime | None = None
    resolved_at: datetime | None = None
    sources: tuple[tuple[str, str], ...] = ()

    def with_changes(self, changes: Mapping[str, datetime | None], sources: Mapping[str, str]) -> "Moments":
        """Some instants said anew; where no source is named for one, a person said it."""
        known: dict[str, Any] = {name: getattr(self, name) for name in MOMENTS} | dict(changes)
        if nameless := [name for name in sources if known.get(name) is None]:
            raise Invalid(f"A source is given for {', '.join(nameless)}, but no such time is known.")
        told = dict(self.sources) | dict.fromkeys(changes, MANUAL) | dict(sources)
        kept = tuple((name, told[name]) for name in MOMENTS if name in told and known[name] is not None)
        return Moments(**known, sources=kept)

    def contradictions(self, now: datetime) -> tuple[str, ...]:
        """What cannot be true, as stable texts `later<earlier` or `later>now`. Such an incident is kept out of the
        metrics that need these instants, and counted there."""
        known = [(name, at) for name in MOMENTS if (at := getattr(self, name)) is not None]
        order = tuple(
            f"{later}<{earlier}"
            for index, (earlier, earlier_at) in enumerate(known)
            for later, later_at in known[index + 1 :]
            if later_at < earlier_at
        )
        return order + tuple(f"{name}>now" for name, at in known if at > now + CLOCK_TOLERANCE)


@dataclass(frozen=True, slots=True)
class Change:
    """The recent change behind an incident, if any."""

    role: ChangeRole
    kind: ChangeKind | None = None
    rollout: Rollout | None = None


@dataclass(frozen=True, slots=True)
class ExternalRef:
    """The incident's name elsewhere; (source, id) is unique over all incidents."""

    source: str
    id: str
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Responder:
    """Somebody who worked on it, by the name and id there; `person_id` where we know who that is."""

    source: str
    id: str
    name: str
    person_id: UUID | None = None


class NoService(Invalid):
    """An incident names at least one service; the primary one is among them."""

    code = "no_service"


class ConfirmedWithoutCause(Invalid):
    """A cause can be confirmed only when there is one."""

    code = "confirmed_without_cause"


@dataclass(frozen=True, slots=True)
class Incident:
    """Something that broke. `viewer_ids` matter only while it is restricted."""

    id: UUID
    title: str
    severity: Severity
    service_ids: tuple[UUID, ...]
    primary_service_id: UUID
    created_at: datetime
    updated_at: datetime
    moments: Moments = field(default_factory=Moments)
    contradictions: tuple[str, ...] = ()
    summary: str = ""
    mode: Mode = Mode.STANDARD
    detection_source: DetectionSource | None = None
    customer_impact: Impact = Impact.NONE
    change: Change | None = None
    external_refs: tuple[ExternalRef, ...] = ()
    responders: tuple[Responder, ...] = ()
    root_cause_id: UUID | None = None
    root_cause_status: CauseStatus | None = None
    visibility: Visibility = Visibility.ORGANIZATION
    viewer_ids: frozenset[UUID] = frozenset()
    version: int = 1

    def __post_init__(self) -> None:
        if self.primary_service_id not in self.service_ids:
            raise NoService
        if self.root_cause_id is None and self.root_cause_status is not None:
            raise ConfirmedWithoutCause

    @property
    def confirmed_cause_id(self) -> UUID | None:
        return self.root_cause_id if self.root_cause_status is CauseStatus.CONFIRMED else None

    @property
    def counts(self) -> bool:
        """Whether it counts in metrics, risk and refutation."""
        return self.mode is Mode.STANDARD

    @property
    def restricted(self) -> bool:
        return self.visibility is Visibility.RESTRICTED

    @property
    def occurred_at(self) -> datetime:
        """When it happened, as far as we know: its start, else the first thing we know about it."""
        moments = self.moments
        return moments.started_at or moments.detected_at or moments.resolved_at or self.created_at

    def checked(self, now: datetime) -> "Incident":
        """The same incident with its contradictions found anew: stored and flagged, never refused."""
        return replace(self, contradictions=self.moments.contradictions(now))

    def with_cause(self, cause_id: UUID | None, status: CauseStatus | None) -> "Incident":
        """Another cause, or the same one in another status; without a status a new cause is only proposed."""
        if status is None and cause_id is not None:
            same = self.root_cause_status if cause_id == self.root_cause_id else None
            status = same or CauseStatus.PROPOSED
        return replace(self, root_cause_id=cause_id, root_cause_status=status)

    def speaks_otherwise_than(self, old: "Incident | None") -> bool:
        """Whether it says something else about fixes than before: its confirmed cause, or where, when or whether
        that counts."""
        if old is None or self.confirmed_cause_id != old.confirmed_cause_id:
            return self.confirmed_cause_id is not None or old is not None
        return self.confirmed_cause_id is not None and (
            self.mode is not old.mode
            or self.moments.started_at != old.moments.started_at
            or set(self.service_ids) != set(old.service_ids)
        )

    def refutes(self, *, cause_id: UUID, service_id: UUID, deployed_at: datetime, within_days: int) -> bool:
        """Whether it shows that a fix of this cause on this service, in production since then, did not work."""
        started = self.moments.started_at
        return (
            self.counts
            and self.confirmed_cause_id == cause_id
            and service_id in self.service_ids
            and started is not None
            and 0 < (started - deployed_at).total_seconds() <= within_days * 86_400
        )
