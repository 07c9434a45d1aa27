"""Services, teams, people and programs."""

from typing import TYPE_CHECKING, Annotated, Any

import strawberry

from app.api.graphql.fields import column, edge, edges, page
from app.api.graphql.records import described, record
from app.api.graphql.types.connections import Connection
from app.api.graphql.types.node import VersionedType
from app.domain.access import Role
from app.domain.organisation.model import Provider

if TYPE_CHECKING:
    from app.api.graphql.types.action_items import ActionItemType
    from app.api.graphql.types.incidents import IncidentType
    from app.api.graphql.types.postmortems import PostmortemType

Items = Connection[Annotated["ActionItemType", strawberry.lazy("app.api.graphql.types.action_items")]]
Incidents = Connection[Annotated["IncidentType", strawberry.lazy("app.api.graphql.types.incidents")]]
Postmortems = Connection[Annotated["PostmortemType", strawberry.lazy("app.api.graphql.types.postmortems")]]


@described
class RouteType:
    """Where tickets go."""

    provider: Provider = strawberry.field(description="The tracker.")
    project: str = strawberry.field(description="`owner/repository`, a project key, or a team's key or id.")
    labels: list[str] = strawberry.field(description="Labels that every ticket gets.")
    restricted: bool = strawberry.field(description="Whether tickets of restricted incidents may go there.")
    issue_type: str | None = strawberry.field(description="The issue type in Jira.")


@described
class HandleType:
    """What a person is called at a provider."""

    provider: str = strawberry.field(description="The provider's name, such as `github`.")
    handle: str = strawberry.field(description="Login, account id or user id there.")


def _handles(given: dict[str, str]) -> list[dict[str, Any]]:
    return [{"provider": provider, "handle": handle} for provider, handle in given.items()]


@record("team")
class TeamType(VersionedType):
    """Who owns."""

    slug: str = column("Unique name in addresses.")
    name: str = column("Name for people.")
    chat_channel: str | None = column("Where the team talks.")
    time_zone: str = column("IANA name; the team's days begin there.")
    working_days: list[int] = column("ISO weekday numbers, Monday is 1.")
    route: RouteType | None = column("Where tickets go unless the service says otherwise.")
    lead: "PersonType | None" = edge("Who leads it.", "person")
    services: "list[ServiceType]" = edges("The services it owns.", "service")
    people: "list[PersonType]" = edges("Its people.", "person")
    incidents: Incidents = page("Incidents of services it owns.", "incident", within=("team", "slug"))
    postmortems: Postmortems = page("Postmortems of those incidents.", "postmortem", within=("team", "slug"))
    action_items: Items = page("What it has promised.", "action_item", within=("team", "slug"))


@record("person")
class PersonType(VersionedType):
    """Who does."""

    email: str = column("E-mail address, lower case.")
    name: str = column("Name for people.")
    role: Role = column("What the person may do.")
    active: bool = column("False once the person has left.")
    handles: list[HandleType] = column("What the person is called elsewhere.", shape=_handles)
    team: TeamType | None = edge("The team the person is in.", "team")
    action_items: Items = page("What the person owns.", "action_item", within=("owner", "email"))
    postmortems: Postmortems = page("What the person wrote.", "postmortem", within=("author", "email"))


@record("service")
class ServiceType(VersionedType):
    """Something that can break."""

    slug: str = column("Unique name in addresses.")
    name: str = column("Name for people.")
    revenue_per_hour_usd: float | None = column("What an hour of its outage costs, in US dollars.")
    route: RouteType | None = column("Where its tickets go; else the team's route.")
    team: TeamType | None = edge("The team that owns it.", "team")
    incidents: Incidents = page("Incidents it was part of.", "incident", within=("service", "slug"))
    postmortems: Postmortems = page("Postmortems of those incidents.", "postmortem", within=("service", "slug"))
    action_items: Items = page("What was promised for it.", "action_item", within=("service", "slug"))


@record("service_account")
class ServiceAccountType(VersionedType):
    """A program that calls us."""

    slug: str = column("Unique name.")
    name: str = column("Name for people.")
    role: Role = column("What it may do.")
    active: bool = column("False once it is switched off.")
