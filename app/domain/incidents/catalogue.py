"""The records that an import names: found, or added where there are none."""

import hashlib
import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from app.domain.ids import new_id
from app.domain.incidents.history import Additions, Known, PastCause, PastIncident, Place
from app.domain.learning.model import RootCause
from app.domain.organisation.model import Person, Service, Team

_SLUG = re.compile(r"[a-z0-9][a-z0-9-]{0,99}")


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Finds what a line names, and adds what is not there yet."""

    known: Known
    additions: Additions
    now: datetime

    def places(self, line: PastIncident) -> tuple[Place, ...]:
        """The services, each once, in the line's order."""
        return tuple(dict.fromkeys(self._place(name, line.team) for name in line.services))

    def _place(self, name: str, team: str | None) -> Place:
        slug, known = slug_of(name), self.known.services
        place = known.get(slug) or known.get(name.lower())
        if place is None:
            team_id = self._team_id(team) if team else None
            service = Service(**self._fresh(), slug=slug, name=name, team_id=team_id)
            self.additions.services.append(service)
            place = known[slug] = Place(service.id, team_id)
        return place

    def _team_id(self, slug: str) -> UUID:
        if slug not in self.known.teams:
            team = Team(**self._fresh(), slug=slug, name=title_of(slug))
            self.additions.teams.append(team)
            self.known.teams[slug] = team.id
        return self.known.teams[slug]

    def author_id(self, email: str) -> UUID:
        """Somebody unknown is added as inactive: named, and without any right."""
        if email not in self.known.people:
            person = Person(**self._fresh(), email=email, name=email.partition("@")[0], active=False)
            self.additions.people.append(person)
            self.known.people[email] = person.id
        return self.known.people[email]

    def cause_id(self, past: PastCause) -> UUID:
        if past.slug not in self.known.root_causes:
            title = past.title or title_of(past.slug)
            cause = RootCause(**self._fresh(), slug=past.slug, title=title, factor_code=past.factor_code)
            self.additions.root_causes.append(cause)
            self.known.root_causes[past.slug] = cause.id
        return self.known.root_causes[past.slug]

    def _fresh(self) -> dict[str, Any]:
        return {"id": new_id(), "created_at": self.now, "updated_at": self.now}


def slug_of(name: str) -> str:
    """A slug stays what it is; a name becomes one. A name without any Latin letter or digit gets a stable hash."""
    if _SLUG.fullmatch(name):
        return name
    plain = unicodedata.normalize("NFKD", name.casefold()).encode("ascii", "ignore").decode()
    slug = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:100]
    return slug or "service-" + hashlib.sha256(name.encode()).hexdigest()[:8]


def title_of(slug: str) -> str:
    """`pool-exhaustion` → `Pool exhaustion`."""
    return slug.replace("-", " ").capitalize()
