"""Builders for tests: `make.service(slug="checkout")` is a valid record, and a test names only what it is about."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from app.domain.access import Caller, Role
from app.domain.actions.model import ActionItem, ControlType, Status
from app.domain.ids import new_id
from app.domain.incidents.model import CauseStatus, Incident, Moments, Severity
from app.domain.learning.model import UNDETERMINED, Factor, RootCause
from app.domain.learning.taxonomy import UNDETERMINED_ID
from app.domain.organisation.model import ApiKey, Person, Provider, Route, Service, ServiceAccount, Team
from app.domain.postmortems.model import Postmortem, Tier
from app.domain.tracking.model import SyncState, Ticket

NOW = datetime(2026, 6, 15, 12, tzinfo=UTC)
"""A Monday."""


class FixedClock:
    """A clock that stands still until a test moves it."""

    def __init__(self, now: datetime = NOW) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **by: float) -> None:
        """`clock.forward(days=30)`."""
        self.now += timedelta(**by)


def _dates(now: datetime = NOW) -> dict[str, datetime]:
    return {"created_at": now, "updated_at": now}


def team(slug: str = "payments", **fields: Any) -> Team:
    return Team(**{"id": new_id(), "slug": slug, "name": slug.title(), **_dates(), **fields})


def service(slug: str = "checkout", **fields: Any) -> Service:
    return Service(**{"id": new_id(), "slug": slug, "name": slug.title(), **_dates(), **fields})


def person(name: str = "ada", role: Role = Role.RESPONDER, **fields: Any) -> Person:
    """`make.person("ada")` has the address ada@example.org."""
    email = f"{name}@example.org"
    return Person(**{"id": new_id(), "email": email, "name": name.title(), "role": role, **_dates(), **fields})


def service_account(slug: str = "ci", role: Role = Role.RESPONDER, **fields: Any) -> ServiceAccount:
    return ServiceAccount(**{"id": new_id(), "slug": slug, "name": slug.upper(), "role": role, **_dates(), **fields})


def api_key(holder: Person | ServiceAccount, **fields: Any) -> ApiKey:
    whose = "person_id" if isinstance(holder, Person) else "service_account_id"
    return ApiKey(**{"id": "abcdefgh2345", "secret_hash": b"x" * 32, "created_at": NOW, whose: holder.id, **fields})


def caller(who: Person | ServiceAccount | None = None, role: Role = Role.RESPONDER, **fields: Any) -> Caller:
    """The caller that a credential of this person or service account gives; without one, a new person of this role."""
    who = who or person(role=role)
    whose = "person_id" if isinstance(who, Person) else "service_account_id"
    return Caller(**{"role": who.role, "name": who.name, whose: who.id, **fields})


def factor(code: str = "timeout-misconfiguration", **fields: Any) -> Factor:
    return Factor(**{"code": code, "title": code.replace("-", " ").title(), "description": "", **fields})


def root_cause(slug: str = "pool-exhaustion", **fields: Any) -> RootCause:
    return RootCause(**{"id": new_id(), "slug": slug, "title": slug.replace("-", " ").title(), **_dates(), **fields})


def undetermined() -> RootCause:
    return root_cause(UNDETERMINED, id=UNDETERMINED_ID)


def incident(
    *on: Service, cause: RootCause | None = None, started_at: datetime | None = None, **fields: Any
) -> Incident:
    """An unresolved P2 that started an hour before NOW, on these services (the first one is the primary one).

    A `cause` is confirmed unless `root_cause_status` says otherwise.
    """
    service_ids: tuple[UUID, ...] = fields.pop("service_ids", tuple(one.id for one in on) or (new_id(),))
    given: dict[str, Any] = {
        "id": new_id(),
        "title": "Checkout answers with errors",
        "severity": Severity.P2,
        "service_ids": service_ids,
        "primary_service_id": service_ids[0],
        "moments": Moments(started_at=started_at or NOW - timedelta(hours=1)),
        **({"root_cause_id": cause.id, "root_cause_status": CauseStatus.CONFIRMED} if cause else {}),
        **_dates(),
    }
    return Incident(**(given | fields))


def resolved(incident: Incident, at: datetime = NOW) -> Incident:
    return replace(incident, moments=replace(incident.moments, resolved_at=at))


def postmortem(of: Incident | None = None, **fields: Any) -> Postmortem:
    """A draft of tier 2 without a word in it."""
    incident_id = of.id if of else new_id()
    given: dict[str, Any] = {"id": new_id(), "incident_id": incident_id, "proposed_tier": Tier.STANDARD, **_dates()}
    return Postmortem(**(given | fields))


def action_item(of: Postmortem | None = None, **fields: Any) -> ActionItem:
    """An open item with owner and due date."""
    given: dict[str, Any] = {
        "id": new_id(),
        "title": "Add a timeout",
        "control_type": ControlType.PREVENT,
        "status": Status.OPEN,
        "owner_id": new_id(),
        "due_on": (NOW + timedelta(days=30)).date(),
        **({"postmortem_id": of.id, "incident_id": of.incident_id} if of else {}),
        **_dates(),
    }
    return ActionItem(**(given | fields))


def ticket(of: ActionItem, **fields: Any) -> Ticket:
    """A ticket that its tracker has."""
    route = Route(Provider.GITHUB, "example/shop")
    known = {"external_id": "4711", "key": "example/shop#7", "url": "https://github.example/example/shop/issues/7"}
    given: dict[str, Any] = {
        "id": new_id(),
        "action_item_id": of.id,
        "route": route,
        "sync_state": SyncState.SYNCED,
        **known,
        **_dates(),
    }
    return Ticket(**(given | fields))


# Builders of other contexts (deliveries) follow here.
