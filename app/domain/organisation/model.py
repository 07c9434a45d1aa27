"""Who and what there is: services, teams, people, service accounts and their keys."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from uuid import UUID
from zoneinfo import ZoneInfo

from app.domain.access import SCOPES, Role
from app.domain.errors import Invalid, WrongState


class Provider(StrEnum):
    """The trackers a ticket can live in; `local` is this service's own."""

    LOCAL = "local"
    GITHUB = "github"
    JIRA = "jira"
    LINEAR = "linear"


PRIORITY_NAMES = ("urgent", "high", "medium", "low")
LINEAR_PRIORITIES = ("urgent", "high", "medium", "low", "no priority")
MILESTONE = "milestone"
"""The due-date field of a GitHub route whose due dates are milestones."""


@dataclass(frozen=True, slots=True)
class Route:
    """Where the tickets of a service or team go. `project` is `owner/repository` for GitHub, a project key for Jira,
    a team's key or id for Linear. Tickets of restricted incidents go only to a route marked `restricted`.
    `issue_type` is the name of a type in Jira; without one the project's own choice holds.

    `priorities` says what ours are called there: names or ids in Jira, labels in GitHub, Linear's own five; what it
    leaves out has its usual name. `due_field` is where the due date goes: a field's id or name in Jira (`duedate`
    unless said), `milestone` or an organisation's issue field in GitHub (a line of the text unless said).
    """

    provider: Provider
    project: str
    labels: tuple[str, ...] = ()
    restricted: bool = False
    issue_type: str | None = None
    priorities: Mapping[str, str] = field(default_factory=dict)
    due_field: str | None = None

    def __post_init__(self) -> None:
        if self.provider is Provider.GITHUB and self.project.count("/") != 1:
            raise InvalidRoute("A GitHub route names its project as owner/repository.")
        _require_priorities(self.provider, self.priorities)
        if self.due_field is not None and self.provider in (Provider.LINEAR, Provider.LOCAL):
            raise InvalidRoute(f"due_field is for Jira and GitHub; {self.provider} has a due date of its own.")

    @property
    def reads_its_own_way(self) -> bool:
        """Whether a ticket can only be understood by who knows its route; a webhook does not."""
        return bool(self.priorities) or self.due_field is not None

    def reads_like(self, other: "Route") -> bool:
        return (self.priorities, self.due_field) == (other.priorities, other.due_field)

    def called_there(self, priority: str) -> str | None:
        """What a priority of ours is called there, if the route says so."""
        return self.priorities.get(priority)

    def called_here(self, names: Collection[str]) -> str | None:
        """Our priority by what it is called there; the most urgent one, if several of ours have that name."""
        given = {name.casefold() for name in names}
        return next((ours for ours in PRIORITY_NAMES if self.priorities.get(ours, "").casefold() in given), None)

    def understood(self, names: Collection[str], usual: str | None) -> str | None:
        """Our priority by its names there; `usual` is what such a name means where the route says nothing of it."""
        return self.called_here(names) or (None if usual in self.priorities else usual)

    def are_one(self, one: str | None, other: str | None) -> bool:
        """Whether two priorities of ours have one name there."""
        if one is None or other is None or one == other:
            return one == other
        return one in self.priorities and self.priorities[one] == self.priorities.get(other)


def _require_priorities(provider: Provider, priorities: Mapping[str, str]) -> None:
    if priorities and provider is Provider.LOCAL:
        raise InvalidRoute("priorities is for Jira, Linear and GitHub; a local ticket has ours.")
    for ours, theirs in priorities.items():
        if ours not in PRIORITY_NAMES:
            raise InvalidRoute(f"priorities maps {', '.join(PRIORITY_NAMES)}; {ours!r} is none of them.")
        if not theirs.strip():
            raise InvalidRoute(f"priorities gives {ours} no name.")
        if provider is Provider.LINEAR and theirs.casefold() not in LINEAR_PRIORITIES:
            raise InvalidRoute(f"Linear has the priorities {', '.join(LINEAR_PRIORITIES)}; {theirs!r} is none of them.")


class InvalidRoute(Invalid):
    """The tracker route is not complete."""

    code = "invalid_route"


class InvalidTimeZone(Invalid):
    """This is not the name of a time zone, such as Europe/Berlin."""

    code = "invalid_time_zone"


class InvalidWorkingDays(Invalid):
    """Working days are different ISO weekday numbers from 1 (Monday) to 7, and at least one."""

    code = "invalid_working_days"


class LastAdmin(WrongState):
    """Somebody must be able to configure: the last active admin can be neither demoted nor deactivated."""

    code = "last_admin"


class HandleTaken(WrongState):
    """Another person has this handle there already."""

    code = "handle_taken"


class UnknownScope(Invalid):
    """This is not a scope that a key can have."""

    code = "unknown_scope"


class KeyIsOver(WrongState):
    """This key is expired or revoked; issue a new one instead."""

    code = "key_is_over"


class NotOneHolder(Invalid):
    """A key belongs to exactly one person or one service account."""

    code = "not_one_holder"


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (LookupError, ValueError, OSError) as error:  # unknown, malformed, or the name of a directory of zones
        raise InvalidTimeZone from error


MONDAY_TO_FRIDAY = (1, 2, 3, 4, 5)


def add_business_days(
    start: datetime, days: int, *, time_zone: str, working_days: tuple[int, ...] = MONDAY_TO_FRIDAY
) -> date:
    """The date `days` working days after `start`, counted in this time zone."""
    day = start.astimezone(_zone(time_zone)).date()
    while days:
        day += timedelta(days=1)
        days -= day.isoweekday() in working_days
    return day


@dataclass(frozen=True, slots=True)
class Team:
    """Who owns. `working_days` are ISO weekday numbers (Monday is 1)."""

    id: UUID
    slug: str
    name: str
    created_at: datetime
    updated_at: datetime
    lead_id: UUID | None = None
    chat_channel: str | None = None
    time_zone: str = "UTC"
    working_days: tuple[int, ...] = MONDAY_TO_FRIDAY
    route: Route | None = None
    version: int = 1

    def __post_init__(self) -> None:
        _zone(self.time_zone)
        days = set(self.working_days)
        if not days or not days <= set(range(1, 8)) or len(days) < len(self.working_days):
            raise InvalidWorkingDays

    def add_business_days(self, start: datetime, days: int) -> date:
        """The date `days` working days after `start`, counted in the team's time zone."""
        return add_business_days(start, days, time_zone=self.time_zone, working_days=self.working_days)


@dataclass(frozen=True, slots=True)
class Service:
    """Something that can break."""

    id: UUID
    slug: str
    name: str
    created_at: datetime
    updated_at: datetime
    team_id: UUID | None = None
    revenue_per_hour_usd: float | None = None
    route: Route | None = None
    version: int = 1


@dataclass(frozen=True, slots=True)
class Person:
    """Who does. `handles` maps a provider's name to the person's identifier there."""

    id: UUID
    email: str
    name: str
    created_at: datetime
    updated_at: datetime
    role: Role = Role.READER
    team_id: UUID | None = None
    handles: Mapping[str, str] = field(default_factory=dict)
    active: bool = True
    version: int = 1

    @property
    def is_active_admin(self) -> bool:
        return self.active and self.role is Role.ADMIN


@dataclass(frozen=True, slots=True)
class ServiceAccount:
    """A program that calls us."""

    id: UUID
    slug: str
    name: str
    created_at: datetime
    updated_at: datetime
    role: Role = Role.READER
    active: bool = True
    version: int = 1


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A credential `nr_<id>_<secret>` of exactly one person or one service account; the secret is kept as SHA-256."""

    id: str
    secret_hash: bytes
    created_at: datetime
    person_id: UUID | None = None
    service_account_id: UUID | None = None
    scopes: frozenset[str] = frozenset()
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    last_used_at: datetime | None = None
    parent_id: str | None = None
    """The key that a sign-in to the pages was made with."""

    def __post_init__(self) -> None:
        if (self.person_id is None) is (self.service_account_id is None):
            raise NotOneHolder

    def revoke(self, now: datetime) -> "ApiKey":
        """From now on it opens nothing; revoking it again changes nothing."""
        return self if self.revoked_at else replace(self, revoked_at=now)

    def successor(self, id: str, secret_hash: bytes, now: datetime) -> "ApiKey":
        """A key that may do the same for as long as this one was meant to live. Raises KeyIsOver."""
        if not self.is_live(now):
            raise KeyIsOver
        ends = None if self.expires_at is None else now + (self.expires_at - self.created_at)
        return replace(
            self, id=id, secret_hash=secret_hash, created_at=now, expires_at=ends, last_used_at=None, parent_id=None
        )

    def end_by(self, at: datetime) -> "ApiKey":
        """It expires then, unless it does so before."""
        return replace(self, expires_at=at if self.expires_at is None else min(at, self.expires_at))

    def is_live(self, now: datetime) -> bool:
        return self.revoked_at is None and (self.expires_at is None or self.expires_at > now)


def known_scopes(scopes: frozenset[str]) -> frozenset[str]:
    """The same scopes. Raises UnknownScope for one that no rule asks for."""
    if unknown := scopes - SCOPES:
        raise UnknownScope(f"{', '.join(sorted(unknown))} is none of the scopes {', '.join(sorted(SCOPES))}.")
    return scopes
