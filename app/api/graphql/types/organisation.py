"""Services, teams, people and programs."""

from typing import TYPE_CHECKING, Annotated, Any

import strawberry
from strawberry import Parent

from app.api.graphql.fields import Asked, column, edge, edges, page
from app.api.graphql.records import described, record
from app.api.graphql.types.connections import Connection
from app.api.graphql.types.node import VersionedType
from app.domain.access import Role
from app.domain.budgets.use_cases import budgets
from app.domain.organisation.model import Provider

if TYPE_CHECKING:
    from app.api.graphql.types.action_items import ActionItemType
    from app.api.graphql.types.budgets import BoostType, ServiceBudgetType
    from app.api.graphql.types.incidents import IncidentType
    from app.api.graphql.types.postmortems import PostmortemType

Items = Connection[Annotated["ActionItemType", strawberry.lazy("app.api.graphql.types.action_items")]]
Incidents = Connection[Annotated["IncidentType", strawberry.lazy("app.api.graphql.types.incidents")]]
Boosts = list[Annotated["BoostType", strawberry.lazy("app.api.graphql.types.budgets")]]
Budget = Annotated["ServiceBudgetType", strawberry.lazy("app.api.graphql.types.budgets")]
Postmortems = Connection[Annotated["PostmortemType", strawberry.lazy("app.api.graphql.types.postmortems")]]


async def _budget(row: Parent[dict[str, Any]], info: Asked) -> Any:
    ports, caller = info.context.ports, info.context.caller
    policy = ports.policy.budgets
    return await budgets.get_budget(ports.uow, ports.clock, policy, caller=caller, service=row["slug"])


@described
class PriorityNamesType:
    """What each priority is called in a tracker; null: its usual name."""

    urgent: str | None = strawberry.field(description="What we call urgent.")
    high: str | None = strawberry.field(description="What we call high.")
    medium: str | None = strawberry.field(description="What we call medium.")
    low: str | None = strawberry.field(description="What we call low.")


@described
class RouteType:
    """Where tickets go."""

    provider: Provider = strawberry.field(description="The tracker.")
    project: str = strawberry.field(description="`owner/repository`, a project key, or a team's key or id.")
    labels: list[str] = strawberry.field(description="Labels that every ticket gets.")
    restricted: bool = strawberry.field(description="Whether tickets of restricted incidents may go there.")
    issue_type: str | None = strawberry.field(description="The issue type in Jira.")
    priorities: PriorityNamesType = strawberry.field(description="What our priorities are called there.")
    due_field: str | None = strawberry.field(description="Where the due date goes; null: its usual place.")


@described
class HandleType:
    """What a person is called at a provider."""

    provider: str = strawberry.field(description="The provider's name, such as `github`.")
    handle: str = strawberry.field(description="Login, account id or user id there.")


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
    handles: list[HandleType] = column("What the person is called elsewhere.", of="handle_entries")
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
    boosts: Boosts = edges("What raises its items: what counts now first, then what has ended, newest first.", "boost")
    budget: Budget = strawberry.field(resolver=_budget, description="What is left of its error budgets.")


@record("service_account")
class ServiceAccountType(VersionedType):
    """A program that calls us."""

    slug: str = column("Unique name.")
    name: str = column("Name for people.")
    role: Role = column("What it may do.")
    active: bool = column("False once it is switched off.")
