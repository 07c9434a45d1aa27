"""What an admin can say of teams, services, people and service accounts; an absent field stays as it is."""

from collections.abc import Mapping
from typing import TypedDict

from app.domain.access import Role
from app.domain.organisation.model import Route


class TeamFields(TypedDict, total=False):
    """What can be said of a team. The lead is named by id or e-mail address."""

    name: str
    lead: str | None
    chat_channel: str | None
    time_zone: str
    working_days: tuple[int, ...]
    route: Route | None


class ServiceFields(TypedDict, total=False):
    """What can be said of a service. The team is named by id or slug."""

    name: str
    team: str | None
    revenue_per_hour_usd: float | None
    route: Route | None


class PersonFields(TypedDict, total=False):
    """What can be said of a person. The team is named by id or slug."""

    email: str
    name: str
    role: Role
    team: str | None
    handles: Mapping[str, str]
    active: bool


class ServiceAccountFields(TypedDict, total=False):
    """What can be said of a service account."""

    name: str
    role: Role
    active: bool
