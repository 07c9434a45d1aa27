"""The records that an import names: found, or added where there are none."""

import hashlib
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from app.domain.actions.model import ActionItem
from app.domain.events import Event
from app.domain.ids import new_id
from app.domain.incidents.history import PastCause, PastIncident
from app.domain.incidents.model import Incident
from app.domain.learning.model import RootCause
from app.domain.organisation.model import Person, Service, Team
from app.domain.postmortems.model import Postmortem

_SLUG = re.compile(r"[a-z0-9][a-z0-9-]{0,99}")


@dataclass(frozen=True, slots=True)
class Names:
    """Everything that some lines mention by name."""

    services: frozenset[str]
    teams: frozenset[str]
    people: frozenset[str]
    root_causes: frozenset[str]

    @classmethod
    def of(cls, past: Iterable[PastIncident]) -> "Names":
        lines = list(past)
        return cls(
            services=frozenset(name for line in lines for name in line.services),
            teams=frozenset(line.team for line in lines if line.team),
            people=frozenset(line.postmortem.author for line in lines if line.postmortem and line.postmortem.author),
            root_causes=frozenset(line.cause.slug for line in lines if line.cause),
        )


@dataclass(slots=True)
class Additions:
    """What a batch adds, in the order in which it can be stored."""

    teams: list[Team] = field(default_factory=list)
    people: list[Person] = field(default_factory=list)
    services: list[Service] = field(default_factory=list)
    root_causes: list[RootCause] = field(default_factory=list)
    incidents: list[Incident] = field(default_factory=list)
    postmortems: list[Postmortem] = field(default_factory=list)
    action_items: list[ActionItem] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Known:
    """What there is of the names: services by slug and by lower-case name, root causes by every slug they ever had."""

    services: dict[str, Service]
    teams: dict[str, Team]
    people: dict[str, Person]
    root_causes: dict[str, RootCause]


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Finds what a line names, and adds what is not there yet."""

    known: Known
    additions: Additions
    now: datetime

    def services(self, line: PastIncident) -> tuple[Service, ...]:
        """Each once, in the line's order."""
        found = [self._service(name, line.team) for name in line.services]
        return tuple({service.id: service for service in found}.values())

    def _service(self, name: str, team: str | None) -> Service:
        services = self.known.services
        slug = slug_of(name)
        service = services.get(slug) or services.get(name.lower())
        if service is None:
            owner = self._team(team).id if team else None
            service = Service(**self._fresh(), slug=slug, name=name, team_id=owner)
            services[slug] = service
            self.additions.services.append(service)
        return service

    def _team(self, slug: str) -> Team:
        team = self.known.teams.get(slug)
        if team is None:
            team = self.known.teams[slug] = Team(**self._fresh(), slug=slug, name=title_of(slug))
            self.additions.teams.append(team)
        return team

    def author(self, email: str) -> Person:
        """Somebody unknown is added as inactive: named, and without any right."""
        person = self.known.people.get(email)
        if person is None:
            name = email.partition("@")[0]
            person = self.known.people[email] = Person(**self._fresh(), email=email, name=name, active=False)
            self.additions.people.append(person)
        return person

    def root_cause(self, past: PastCause) -> RootCause:
        cause = self.known.root_causes.get(past.slug)
        if cause is None:
            title = past.title or title_of(past.slug)
            cause = RootCause(**self._fresh(), slug=past.slug, title=title, factor_code=past.factor_code)
            self.known.root_causes[past.slug] = cause
            self.additions.root_causes.append(cause)
        return cause

    def _fresh(self) -> dict[str, Any]:
        return {"id": new_id(), "created_at": self.now, "updated_at": self.now}


def slug_of(name: str) -> str:
    """A slug stays what it is; a name becomes one. A name without any Latin letter or digit gets a stable hash."""
    if _SLUG.fullmatch(name):
        return name
    plain = unicodedata.normalize("NFKD", name.lower()).encode("ascii", "ignore").decode()
    slug = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:100]
    return slug or "service-" + hashlib.sha256(name.encode()).hexdigest()[:8]


def title_of(slug: str) -> str:
    """`pool-exhaustion` → `Pool exhaustion`."""
    return slug.replace("-", " ").capitalize()
