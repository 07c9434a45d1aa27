"""The root of every query."""

from datetime import datetime
from typing import Annotated, Any

import strawberry

from app.api.graphql.fields import Asked, found, page
from app.api.graphql.ids import split_id
from app.api.graphql.loaders import Slice
from app.api.graphql.records import RECORDS, described, kind_named
from app.api.graphql.types.action_items import ActionItemType
from app.api.graphql.types.callers import CallerType
from app.api.graphql.types.connections import Connection
from app.api.graphql.types.enums import Bucketing, SeverityName
from app.api.graphql.types.findings import FindingType
from app.api.graphql.types.incidents import IncidentType
from app.api.graphql.types.keys import ApiKeyType
from app.api.graphql.types.learning import FactorType, RootCauseType
from app.api.graphql.types.metrics import MetricsType
from app.api.graphql.types.node import Node
from app.api.graphql.types.organisation import PersonType, ServiceAccountType, ServiceType, TeamType
from app.api.graphql.types.planning import SprintPlanningConnectionType, read_feed
from app.api.graphql.types.postmortems import PostmortemType
from app.api.graphql.types.tickets import DeliveryType, LocalTicketType
from app.api.rest.metrics import require_names, window_asked
from app.domain.errors import Invalid
from app.domain.page import DEFAULT_LIMIT

LONGEST_LOOKBACK = 3660


def _said(description: str) -> Any:
    return strawberry.argument(description=description)


Slugs = list[str] | None
First = Annotated[int, _said("How many records the page holds, 1 to 200.")]
After = Annotated[str | None, _said("A cursor; it is valid only with the arguments it came with.")]


async def _node(info: Asked, id: Annotated[strawberry.ID, _said("A global id.")]) -> Any:
    name, own = split_id(id)
    kind = kind_named(name) if name else None
    if kind is None or not issubclass(RECORDS[kind], Node):
        raise Invalid("This is not a global id of a record.")
    row = await info.context.loaders.one(kind, own)
    return row and {**row, "__typename": name}


async def _factors(info: Asked) -> Any:
    return await info.context.loaders.all("factor")


def _me(info: Asked) -> Any:
    return info.context.caller


async def _sprint_planning(
    info: Asked,
    team: Annotated[Slugs, _said("Slugs of teams.")] = None,
    service: Annotated[Slugs, _said("Slugs of services.")] = None,
    days: Annotated[int, _said("Created, reopened or recurred within so many days, 1 to 730.")] = 90,
    first: First = DEFAULT_LIMIT,
    after: After = None,
) -> Any:
    return await read_feed(info, team=team, service=service, days=days, part=Slice(first, after))


async def _metrics(
    info: Asked,
    as_of: Annotated[datetime | None, _said("The end of the window; now unless given.")] = None,
    lookback_days: Annotated[int, _said("How far the window reaches back, 1 to 3660 days.")] = 365,
    interval: Annotated[Bucketing, _said("Length of a bucket.")] = Bucketing.MONTH,
    team: Annotated[str | None, _said("A team's slug.")] = None,
    service: Annotated[str | None, _said("A service's slug.")] = None,
    severities: Annotated[list[SeverityName] | None, _said("Severities; all unless given.")] = None,
) -> Any:
    if not 1 <= lookback_days <= LONGEST_LOOKBACK:
        raise Invalid(f"`lookbackDays` is 1 to {LONGEST_LOOKBACK}.")
    ports, names = info.context.ports, ",".join(severities) if severities else None
    where, window = window_asked(ports, as_of, lookback_days, interval.value, team, service, names)
    await require_names(ports, where)
    return where, window


@described
class Query:
    """What can be read. Records that the caller may not see do not exist here."""

    node: Node | None = strawberry.field(resolver=_node, description="Any record, by its global id.")
    me: CallerType = strawberry.field(resolver=_me, description="Who asks.")
    service: ServiceType | None = found("A service by its slug.", "service", by="slug")
    services: Connection[ServiceType] = page("Services.", "service")
    team: TeamType | None = found("A team by its slug.", "team", by="slug")
    teams: Connection[TeamType] = page("Teams.", "team")
    person: PersonType | None = found("A person by e-mail address.", "person", by="email")
    people: Connection[PersonType] = page("People.", "person")
    service_accounts: Connection[ServiceAccountType] = page("Programs that call us.", "service_account")
    api_keys: Connection[ApiKeyType] = page("API keys, revoked and expired ones too; for admins.", "api_key")
    root_cause: RootCauseType | None = found("A root cause by its slug.", "root_cause", by="slug")
    root_causes: Connection[RootCauseType] = page("The catalogue of root causes.", "root_cause")
    factors: list[FactorType] = strawberry.field(resolver=_factors, description="The taxonomy of contributing factors.")
    incident: IncidentType | None = found("An incident by its id.", "incident")
    incidents: Connection[IncidentType] = page("Incidents.", "incident")
    postmortem: PostmortemType | None = found("A postmortem by its id.", "postmortem")
    postmortems: Connection[PostmortemType] = page("Postmortems.", "postmortem")
    action_item: ActionItemType | None = found("An action item by its id.", "action_item")
    action_items: Connection[ActionItemType] = page("Action items.", "action_item")
    local_tickets: Connection[LocalTicketType] = page("Tickets of our own tracker.", "local_ticket")
    findings: Connection[FindingType] = page("Follow-through rules that are not met.", "finding")
    deliveries: Connection[DeliveryType] = page("What is on its way to the trackers; for admins.", "delivery")
    sprint_planning: SprintPlanningConnectionType = strawberry.field(
        resolver=_sprint_planning, description="What to plan next: open items by recurrence risk, with the reasons."
    )
    metrics: MetricsType = strawberry.field(resolver=_metrics, description="Whether postmortems change anything.")
